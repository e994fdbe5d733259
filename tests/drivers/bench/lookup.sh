#!/usr/bin/env bash
# How fast `klaar lookup --json -` asks for 100,000 participants over loopback, beside a Node program that puts the same
# two questions for each (NAPTR, service group), and what memory it takes.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/world.sh
. tests/drivers/bench/world.sh

COUNT=100000
CONCURRENCY=64
ROUNDS=3
MEMORY_LIMIT_MIB=64
GROWTH_LIMIT_MIB=8

# What must come out: two fifths are not registered. The others' group is about another participant, which the Node
# program does not look at; that answer is the end of the two questions here, too.
tally() {
  awk -F'"' -v count="$1" '{ states[$8]++ } NR == count { exit }
    END { exit !(states["not_registered"] == count * 2 / 5 && states["unknown"] == count * 3 / 5) }'
}

reference_rate() {
  "$NODE" "$DRIVERS/peppol/node_lookup.js" "$WORLD" "$COUNT" "$DNS_PORT" "$CONCURRENCY" >"$WORLD/reference"
  "$NODE" -e 'const r = JSON.parse(require("fs").readFileSync(0)); if (r.errors || r.registered !== r.n * 3 / 5) process.exit(1);
    console.log(r.participants_per_s)' <"$WORLD/reference"
}

our_rate() {
  local began=${EPOCHREALTIME/./}
  klaar lookup --world test --json - <"$WORLD/ids" | tally "$COUNT"
  echo $((COUNT * 1000000 / (${EPOCHREALTIME/./} - began)))
}

measure_rate() {
  local ours=() reference=() round
  for ((round = 0; round < ROUNDS; round++)); do
    reference+=("$(reference_rate)")
    ours+=("$(our_rate)")
  done
  report_rate lookup.rate "$(median "${ours[@]}")" "$(median "${reference[@]}")" participants/s 1
}

# The command stays alive between the halves of the list, because its standard input stays open. Its lines are counted
# by head: some awks wait for a full buffer.
measure_memory() {
  local idle half whole pid
  mkfifo "$WORLD/in" "$WORLD/out"
  env -i PATH="$PATH" KLAAR_LOG=error "${SETTINGS[@]}" "$KLAAR" lookup --world test --json - \
    <"$WORLD/in" >"$WORLD/out" 2>"$WORLD/lookup.log" &
  pid=$!
  SERVER_PIDS+=("$pid")
  exec 4>"$WORLD/in" 5<"$WORLD/out"
  sleep 1
  idle=$(memory_kib "$pid" VmRSS)
  head -n $((COUNT / 2)) "$WORLD/ids" >&4 &
  head -n $((COUNT / 2)) <&5 >/dev/null
  half=$(memory_kib "$pid" VmHWM)
  wait $!
  tail -n $((COUNT / 2)) "$WORLD/ids" >&4 &
  head -n $((COUNT / 2)) <&5 >/dev/null
  whole=$(memory_kib "$pid" VmHWM)
  wait $!
  exec 4>&- 5<&-
  report_cost lookup.memory "$(quotient $((whole - idle)) 1024)" $MEMORY_LIMIT_MIB "MiB over idle" 1
  report_cost lookup.memory_growth "$(quotient $((whole - half)) 1024)" $GROWTH_LIMIT_MIB "MiB in the second half" 1
}

need_node
start_world "$COUNT" one
SETTINGS=(KLAAR_PEPPOL_TEST_ZONE=sml.test KLAAR_DNS="127.0.0.1:$DNS_PORT" KLAAR_SMP_ALLOW_INSECURE=true
  KLAAR_LOOKUP_RATE=100000 KLAAR_LOOKUP_CONCURRENCY="$CONCURRENCY" KLAAR_LOOKUP_HOST_CONCURRENCY="$CONCURRENCY")
measure_rate
measure_memory
measured
