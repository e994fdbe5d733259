#!/usr/bin/env bash
# How fast a night asks for the 100,000 participants of a practice over loopback and writes what it learns, on SQLite and
# on PostgreSQL: the first night, which writes every client, and the next, which finds nothing new. The participants are
# typed on the cards, so that there is one for each client, and each answer takes two questions (NAPTR, service group).
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/world.sh
. tests/drivers/bench/world.sh

COUNT=100000
CONCURRENCY=64
# A million participants in a little over a quarter of an hour.
WANTED_RATE=1000
MEMORY_LIMIT_MIB=64

one_night() { # CASE
  local began=${EPOCHREALTIME/./} pid peak=0 now idle
  env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR_LOG=error "${SETTINGS[@]}" \
    "$KLAAR" nightly --practice Maes --json >"$RUN_DIR/night.json" &
  pid=$!
  SERVER_PIDS+=("$pid")
  while now=$(memory_kib "$pid" VmHWM) && [[ -n $now ]]; do
    peak=$now
    sleep 0.1
  done
  wait "$pid"
  local took
  took=$(seconds_since "$began")
  [[ $(json_field phase <"$RUN_DIR/night.json") == finished && $(json_field asked <"$RUN_DIR/night.json") == "$COUNT" ]] || {
    echo "the night did not ask for all:" >&2
    cat "$RUN_DIR/night.json" >&2
    return 1
  }
  idle=$IDLE_KIB
  report_rate "$1" "$(awk -v n="$COUNT" -v s="$took" 'BEGIN { printf "%.0f", n / s }')" $WANTED_RATE participants/s 1
  report_cost "$1.memory" "$(quotient $((peak - idle)) 1024)" $MEMORY_LIMIT_MIB "MiB over idle" 1
}

nights() { # DATABASE URL
  SETTINGS=(KLAAR_DATABASE_URL="$2" "${NETWORK[@]}")
  klaar practice create --name Maes --world test --json >/dev/null
  klaar import --practice Maes --json "$RUN_DIR/clients.csv" >"$RUN_DIR/import.json"
  [[ $(json_field created <"$RUN_DIR/import.json") == "$COUNT" ]]
  begin_klaar "$(free_port_candidate)" serve --no-worker
  IDLE_KIB=$(memory_kib "$SERVER_PID" VmRSS)
  end_process "$SERVER_PID" TERM 5
  one_night "night.$1.first"
  one_night "night.$1.next"
}

need_node
start_world "$COUNT" each
NETWORK=(KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)" KLAAR_PEPPOL_TEST_ZONE=sml.test KLAAR_DNS="127.0.0.1:$DNS_PORT"
  KLAAR_SMP_ALLOW_INSECURE=true KLAAR_LOOKUP_RATE=100000 KLAAR_LOOKUP_CONCURRENCY="$CONCURRENCY"
  KLAAR_LOOKUP_HOST_CONCURRENCY="$CONCURRENCY")
{
  echo 'Naam;Peppol-ID'
  awk '{ printf "Klant %06d;%s\n", NR, $1 }' "$WORLD/ids"
} >"$RUN_DIR/clients.csv"
nights sqlite "sqlite:$RUN_DIR/night.db"
postgres_for_bench
nights postgres "$POSTGRES_URL"
measured
