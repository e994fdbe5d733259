# shellcheck shell=bash
# shellcheck disable=SC2034,SC2317 # For the scripts that source this; clean-up is called by name.
# Sourced by every driver of a bench, in the top folder of the repository. What they measure, they print as JSON lines in
# which `ratio` is better when higher and the line holds when ratio ≥ goal; with a line that does not hold, or with none,
# the driver ends with 1.
#
#   report_rate CASE OURS REFERENCE UNIT GOAL      ratio = ours/reference
#   report_cost CASE OURS REFERENCE UNIT GOAL      ratio = reference/ours: times and memory; a limit is its own reference
#   report_figure CASE OURS UNIT                   a figure that nothing is wanted of: it is its own reference
#   measured                                       the last line of a driver: its exit status
#   median NUMBER…                                 the middle one
#   RUN_DIR                                        a temporary folder, gone at the end
#   KLAAR, KLAAR_WORKER, EXAMPLES                  the commands to measure, and the folder of the examples
#   klaar ARGUMENT…                                runs it, with what SETTINGS names and nothing else of ours set
#   begin_server PORT LOG COMMAND…                 begins it and waits until the port answers; sets SERVER_PID
#   memory_kib PID FIELD                           VmRSS or VmHWM of a process
#   begin_klaar PORT ARGUMENT…                     the same for the command, listening there
#   begin_worker                                   the same for the worker
#   stop_servers                                   ends what these began
#   need_server PACKAGE PROGRAM                    sets SERVER, a command in words, unpacked from the packages when missing
#   need_node, json_field NAME                     Node; one field of a JSON object on standard input
#   postgres_for_bench, redis_for_bench            private servers as in production
set -euo pipefail
# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

RELEASE=$(realpath "${CARGO_TARGET_DIR:-target}/release")
KLAAR=${KLAAR:-$RELEASE/klaar}
KLAAR_WORKER=${KLAAR_WORKER:-${KLAAR%/*}/klaar-worker}
EXAMPLES=$RELEASE/examples
DRIVERS=$PWD/tests/drivers/bench
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/klaar-bench.XXXXXX")
SETTINGS=()
SERVER_PIDS=()
LINES=0
FAILED=0

stop_bench() {
  local pid
  for pid in "${SERVER_PIDS[@]}"; do end_process "$pid" TERM 5; done
  rm -rf "$RUN_DIR"
}
on_exit stop_bench

report() { # CASE OURS REFERENCE UNIT RATIO GOAL
  printf '{"case":"%s","ours":%s,"reference":%s,"unit":"%s","ratio":%s,"goal":%s}\n' "$@"
  LINES=$((LINES + 1))
  awk -v ratio="$5" -v goal="$6" 'BEGIN { exit !(ratio >= goal) }' || FAILED=1
}

quotient() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / (b > 0.01 ? b : 0.01) }'
}

report_rate() {
  report "$1" "$2" "$3" "$4" "$(quotient "$2" "$3")" "$5"
}

report_cost() {
  report "$1" "$2" "$3" "$4" "$(quotient "$3" "$2")" "$5"
}

report_figure() {
  report "$1" "$2" "$2" "$3" 1 1
}

measured() {
  ((LINES > 0 && FAILED == 0))
}

median() {
  printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# Seconds since a moment in microseconds, to the millisecond.
seconds_since() {
  awk -v began="$1" -v now="${EPOCHREALTIME/./}" 'BEGIN { printf "%.3f", (now - began) / 1000000 }'
}

# Only what is named here reaches the command, so that a developer's own settings do not bend the figures.
klaar() {
  env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR_LOG=error "${SETTINGS[@]}" "$KLAAR" "$@"
}

tcp_answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

begin_server() {
  local port=$1 log=$2
  shift 2
  setsid setpriv --pdeathsig TERM "$@" </dev/null >"$log" 2>&1 &
  SERVER_PID=$!
  SERVER_PIDS+=("$SERVER_PID")
  until_ready "$SERVER_PID" 30 tcp_answers "$port" && return 0
  end_process "$SERVER_PID" TERM 5
  tail -n 20 "$log" >&2
  return 1
}

# Nobody answers where the command asks for participants: a night that begins while we measure asks nobody.
begin_ours() { # PORT LOG LISTENS PROGRAM ARGUMENT…
  local port=$1 log=$2 listens=$3
  shift 3
  begin_server "$port" "$log" env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR_LOG=error KLAAR_DNS=127.0.0.1:9 \
    KLAAR_WORKER_LISTEN="127.0.0.1:$(free_port_candidate)" "$listens=127.0.0.1:$port" KLAAR_RATE_LIMIT=0 "${SETTINGS[@]}" "$@"
}

begin_klaar() { # PORT ARGUMENT…
  local port=$1
  shift
  begin_ours "$port" "$RUN_DIR/serve.log" KLAAR_LISTEN "$KLAAR" "$@"
}

begin_worker() {
  begin_ours "$(free_port_candidate)" "$RUN_DIR/worker.log" KLAAR_WORKER_LISTEN "$KLAAR_WORKER"
}

stop_servers() {
  local pid
  for pid in "${SERVER_PIDS[@]}"; do end_process "$pid" TERM 10; done
  SERVER_PIDS=()
}

memory_kib() {
  awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status" 2>/dev/null
}

find_server() {
  local program
  if program=$(PATH=$PATH:/usr/sbin:/sbin command -v "$2"); then
    SERVER=("$program")
    return 0
  fi
  is_complete "$1" || return 1
  program=$(find "$TOOLS/$1" -type f -path "*bin/$2" | head -n 1)
  SERVER=(env LD_LIBRARY_PATH="$(library_path "$TOOLS/$1")" "$program")
}

need_server() {
  find_server "$@" && return 0
  mkdir -p "$TOOLS"
  (flock 9 && { find_server "$@" || unpack_packages "$1" "$1"; }) 9>"$TOOLS/.lock" >&2
  find_server "$@"
}

need_node() {
  tests/drivers/install node >&2
  find_node
}

postgres_for_bench() {
  tests/drivers/install postgres >&2
  start_postgres durable
}

redis_for_bench() {
  tests/drivers/install redis >&2
  start_redis
}

# One field of a JSON object on standard input.
json_field() {
  "$NODE" -e 'const v = JSON.parse(require("fs").readFileSync(0))[process.argv[1]]; console.log(typeof v === "object" ? JSON.stringify(v) : v)' "$1"
}

[[ -x $KLAAR ]] || {
  echo "no command to measure at $KLAAR: cargo build --release" >&2
  exit 1
}
