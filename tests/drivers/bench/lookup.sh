#!/usr/bin/env bash
# How fast `klaar lookup --json -` asks for 100,000 participants over loopback, beside a Node program that puts the same
# two questions for each (NAPTR, service group), and what memory it takes. Prints one JSON object a line.
#
#   tests/drivers/bench/lookup.sh        KLAAR: the command to measure (default: target/release/klaar)
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

COUNT=100000
CONCURRENCY=64
ROUNDS=3
MEMORY_LIMIT_MIB=64
GROWTH_LIMIT_MIB=8
KLAAR=$(realpath "${KLAAR:-${CARGO_TARGET_DIR:-target}/release/klaar}")
DRIVERS=$PWD/tests/drivers/bench/peppol
WORLD='' KNOT_PID='' NGINX_PID='' LOOKUP_PID=''

find_server() { # PACKAGE PROGRAM: sets SERVER, a command in words
  local program
  if program=$(PATH=$PATH:/usr/sbin:/sbin command -v "$2"); then
    SERVER=("$program")
    return 0
  fi
  is_complete "$1" || return 1
  SERVER=(env LD_LIBRARY_PATH="$(library_path "$TOOLS/$1")" "$TOOLS/$1/usr/sbin/$2")
}

need_server() {
  find_server "$@" && return 0
  mkdir -p "$TOOLS"
  (flock 9 && { find_server "$@" || unpack_packages "$1" "$1"; }) 9>"$TOOLS/.lock"
  find_server "$@"
}

stop_world() {
  local pid
  for pid in "$LOOKUP_PID" "$NGINX_PID" "$KNOT_PID"; do
    if [[ -n $pid ]]; then end_process "$pid" TERM 5; fi
  done
  LOOKUP_PID='' NGINX_PID='' KNOT_PID=''
  if [[ -n $WORLD ]]; then rm -rf "$WORLD"; fi
}

tcp_answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

launch() { # PORT LOG COMMAND…: sets LAUNCHED_PID
  local port=$1 log=$2
  shift 2
  setsid setpriv --pdeathsig TERM "$@" </dev/null >"$log" 2>&1 &
  LAUNCHED_PID=$!
  until_ready "$LAUNCHED_PID" 30 tcp_answers "$port" && return 0
  end_process "$LAUNCHED_PID" TERM 5
  tail -n 20 "$log" >&2
  return 1
}

zone_is_loaded() {
  "$NODE" "$DRIVERS/node_lookup.js" "$WORLD" 10 "$DNS_PORT" 1 | grep -q '"registered":6,.*"errors":0,'
}

start_world() {
  local attempt http_port
  WORLD=$(mktemp -d "${TMPDIR:-/tmp}/klaar-lookup.XXXXXX")
  on_exit stop_world
  for attempt in {1..5}; do
    DNS_PORT=$(free_port_candidate) http_port=$(free_port_candidate)
    "$NODE" "$DRIVERS/make_world.js" "$WORLD" "$COUNT" "$DNS_PORT" "$http_port"
    need_server knot knotd
    launch "$DNS_PORT" "$WORLD/knot.log" "${SERVER[@]}" -c "$WORLD/knot.conf" || continue
    KNOT_PID=$LAUNCHED_PID
    need_server nginx nginx
    if launch "$http_port" "$WORLD/nginx.log" "${SERVER[@]}" -e "$WORLD/nginx.log" -c "$WORLD/nginx.conf"; then
      NGINX_PID=$LAUNCHED_PID
      until_ready "$KNOT_PID" 60 zone_is_loaded
      cut -f1 "$WORLD/participants.tsv" >"$WORLD/ids"
      return 0
    fi
    end_process "$KNOT_PID" TERM 5
    KNOT_PID=
  done
  echo "the name server or the web server does not start (attempt $attempt)" >&2
  return 1
}

# Only what is named here reaches the command, so that a developer's own settings do not bend the figures.
klaar_lookup() {
  cd "$WORLD"
  exec env -i PATH="$PATH" KLAAR_LOG=error KLAAR_PEPPOL_TEST_ZONE=sml.test KLAAR_DNS="127.0.0.1:$DNS_PORT" \
    KLAAR_SMP_ALLOW_INSECURE=true KLAAR_LOOKUP_RATE=100000 KLAAR_LOOKUP_CONCURRENCY=$CONCURRENCY \
    KLAAR_LOOKUP_HOST_CONCURRENCY=$CONCURRENCY "$KLAAR" lookup --world test --json -
}

# What must come out: two fifths are not registered. The others' group is about another participant, which the Node
# program does not look at; that answer is the end of the two questions here, too.
tally() {
  awk -F'"' -v count="$1" '{ states[$8]++ } NR == count { exit }
    END { exit !(states["not_registered"] == count * 2 / 5 && states["unknown"] == count * 3 / 5) }'
}

reference_rate() {
  "$NODE" "$DRIVERS/node_lookup.js" "$WORLD" "$COUNT" "$DNS_PORT" "$CONCURRENCY" >"$WORLD/reference"
  "$NODE" -e 'const r = JSON.parse(require("fs").readFileSync(0)); if (r.errors || r.registered !== r.n * 3 / 5) process.exit(1);
    console.log(r.participants_per_s)' <"$WORLD/reference"
}

our_rate() {
  local began=${EPOCHREALTIME/./}
  (klaar_lookup) <"$WORLD/ids" | tally "$COUNT"
  echo $((COUNT * 1000000 / (${EPOCHREALTIME/./} - began)))
}

median() {
  printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

report() { # CASE OURS REFERENCE UNIT RATIO GOAL
  printf '{"case":"%s","ours":%s,"reference":%s,"unit":"%s","ratio":%s,"goal":%s}\n' "$@"
}

quotient() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / (b > 0.1 ? b : 0.1) }'
}

measure_rate() {
  local ours=() reference=() round
  for ((round = 0; round < ROUNDS; round++)); do
    reference+=("$(reference_rate)")
    ours+=("$(our_rate)")
  done
  local our_median reference_median
  our_median=$(median "${ours[@]}") reference_median=$(median "${reference[@]}")
  report lookup.rate "$our_median" "$reference_median" participants/s "$(quotient "$our_median" "$reference_median")" 1
}

memory_kib() { # FIELD of the process's status
  awk -v field="$1:" '$1 == field { print $2 }' "/proc/$LOOKUP_PID/status"
}

# The command stays alive between the halves of the list, because its standard input stays open.
measure_memory() {
  local idle half whole
  mkfifo "$WORLD/in" "$WORLD/out"
  (klaar_lookup) <"$WORLD/in" >"$WORLD/out" 2>"$WORLD/lookup.log" &
  LOOKUP_PID=$!
  exec 4>"$WORLD/in" 5<"$WORLD/out"
  sleep 1
  idle=$(memory_kib VmRSS)
  head -n $((COUNT / 2)) "$WORLD/ids" >&4 &
  awk -v count=$((COUNT / 2)) 'NR == count { exit }' <&5
  half=$(memory_kib VmHWM)
  wait $!
  tail -n $((COUNT / 2)) "$WORLD/ids" >&4 &
  awk -v count=$((COUNT / 2)) 'NR == count { exit }' <&5
  whole=$(memory_kib VmHWM)
  wait $!
  exec 4>&- 5<&-
  end_process "$LOOKUP_PID" TERM 5
  LOOKUP_PID=
  local over growth
  over=$(quotient $((whole - idle)) 1024) growth=$(quotient $((whole - half)) 1024)
  report lookup.memory "$over" $MEMORY_LIMIT_MIB "MiB over idle" "$(quotient $MEMORY_LIMIT_MIB "$over")" 1
  report lookup.memory_growth "$growth" $GROWTH_LIMIT_MIB "MiB in the second half" "$(quotient $GROWTH_LIMIT_MIB "$growth")" 1
}

[[ -x $KLAAR ]] || {
  echo "no command to measure at $KLAAR: cargo build --release" >&2
  exit 1
}
tests/drivers/install node >&2
find_node
start_world
measure_rate
measure_memory
