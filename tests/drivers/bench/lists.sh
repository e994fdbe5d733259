#!/usr/bin/env bash
# How many lists a second a caller with a key gets: filtered by one custom field (a twentieth of the clients), sorted by
# another, 50 rows with the baseline's columns and the exact total, beside the baseline on the same kind of database; the
# same with three conditions. Then a thousand practices in one database, and what memory `klaar serve` takes after all that,
# and when nobody has asked it anything. Both sides' answers are compared first.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNTS=(10000 100000)
ROUNDS=3
# The baseline answers a few lists a second at 100,000 clients, and sixteen wait for one.
SECONDS_EACH=10
CONNECTIONS=16
PRACTICES=1000
CLIENTS_EACH=1000
# How many times as many as the baseline, by database and clients; at least half of it with three conditions.
declare -A GOALS=([sqlite.10000]=80 [postgres.10000]=20 [sqlite.100000]=150 [postgres.100000]=100)
# The baseline's slowest answers take so many times as long.
GOAL_P99=10
IDLE_LIMIT_MIB=40
LIMIT_MIB=60

load() { # ADDRESS PATHS: sets RATE and P99, in milliseconds
  local said
  said=$("${WRK[@]}" -t1 "-c$CONNECTIONS" "-d${SECONDS_EACH}s" --timeout 60s -s "$DRIVERS/rest/paths.lua" "$1" -- "$2")
  [[ $said =~ RATE\ ([0-9.]+)\ P99\ ([0-9.]+)\ FAILED\ 0 && ${BASH_REMATCH[1]} != 0.00 ]] || {
    echo "$said" >&2
    return 1
  }
  RATE=${BASH_REMATCH[1]} P99=${BASH_REMATCH[2]}
}

# With the worker, and after it has answered once.
idle_memory() { # DATABASE
  local port
  port=$(free_port_candidate)
  begin_klaar "$port" serve
  "$NODE" -e 'fetch(process.argv[1]).then(r => process.exit(r.ok ? 0 : 1))' "http://127.0.0.1:$port/readyz"
  sleep 3
  report_cost "serve.$1.idle_memory" "$(resident)" $IDLE_LIMIT_MIB MiB 1
  end_process "$SERVER_PID" TERM 10
}

# The memory of the server begun last, in MiB.
resident() {
  quotient "$(memory_kib "$SERVER_PID" VmRSS)" 1024
}

measure() { # CASE KIND GOAL OURS: both sides in turn
  local rates=() p99s=() their_rates=() their_p99s=() round
  for ((round = 0; round < ROUNDS; round++)); do
    load "http://127.0.0.1:$BASELINE_PORT" "$RUN_DIR/theirs.$2"
    their_rates+=("$RATE") their_p99s+=("$P99")
    load "$4" "$RUN_DIR/ours.$2"
    rates+=("$RATE") p99s+=("$P99")
  done
  report_rate "$1" "$(median "${rates[@]}")" "$(median "${their_rates[@]}")" lists/s "$3"
  report_cost "$1.p99" "$(median "${p99s[@]}")" "$(median "${their_p99s[@]}")" ms $GOAL_P99
}

compare() { # DATABASE COUNT
  local url key port ours name=lists.$1.$2 goal=${GOALS[$1.$2]}
  url=$(fresh_url "$1" "ours$2")
  make_fields "$2"
  key=$(fill "$url" Maes | json_field key)
  start_baseline "$1"
  load_baseline fields.json >/dev/null
  settle "$url" "$BASELINE_URL"
  port=$(free_port_candidate)
  ours=http://127.0.0.1:$port
  SETTINGS=(KLAAR_DATABASE_URL="$url" "${SECRET[@]}")
  # Without a worker, which would begin the practice's night.
  begin_klaar "$port" serve --no-worker
  "$NODE" "$DRIVERS/rest/lists.js" "$ours" "$key" "http://127.0.0.1:$BASELINE_PORT" "$RUN_DIR"
  measure "$name" one "$goal" "$ours"
  measure "$name.three_conditions" three "$((goal / 2))" "$ours"
  report_cost "$name.memory" "$(resident)" $LIMIT_MIB MiB 1
  stop_servers
}

# First each practice once, by a server that knows none of them; then all in turn.
many_practices() { # DATABASE
  local url port names=() name=lists.$1.many_practices
  url=$(fresh_url "$1" many)
  make_fields "$CLIENTS_EACH"
  printf -v names '%s ' $(seq -f 'P%g' "$PRACTICES")
  # shellcheck disable=SC2086 # One word each.
  fill "$url" $names >"$RUN_DIR/many"
  settle "$url"
  SETTINGS=(KLAAR_DATABASE_URL="$url" "${SECRET[@]}")
  port=$(free_port_candidate)
  begin_klaar "$port" serve --no-worker
  report_figure "$name.first" "$("$NODE" "$DRIVERS/rest/many.js" "http://127.0.0.1:$port" "$RUN_DIR/many")" lists/s
  load "http://127.0.0.1:$port" "$RUN_DIR/many.paths"
  report_figure "$name" "$RATE" lists/s
  report_figure "$name.memory" "$(resident)" MiB
  stop_servers
}

need_node
need_baseline
need_server wrk wrk
WRK=("${SERVER[@]}")
SECRET=(KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)")
for database in sqlite postgres; do
  if [[ $database == postgres ]]; then postgres_for_bench; fi
  SETTINGS=(KLAAR_DATABASE_URL="$(fresh_url "$database" idle)" "${SECRET[@]}")
  klaar practice create --name Maes --world test --json >/dev/null
  idle_memory "$database"
  for count in "${COUNTS[@]}"; do compare "$database" "$count"; done
  many_practices "$database"
done
measured
