#!/usr/bin/env bash
# How long one value for 10,000 clients takes through the API: from asking for the preview until the operation is over, with
# the change log, the origin of each value and what undoing needs, beside the baseline, which writes the value. And how
# long the preview of 100,000 takes. On SQLite in one process; on PostgreSQL and Redis with a worker beside the server.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNT=10000
PREVIEWED=100000
ROUNDS=7
PREVIEW_LIMIT_SECONDS=2

seconds() { # WHAT ADDRESS KEY COUNT ROUND
  "$NODE" "$DRIVERS/rest/bulk.js" "$1" "$2" "$3" "$4" "bulk$5"
}

begin_programs() { # DATABASE URL; sets ADDRESS
  local port
  port=$(free_port_candidate)
  ADDRESS=http://127.0.0.1:$port
  SETTINGS=(KLAAR_DATABASE_URL="$2" KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)")
  if [[ $1 == sqlite ]]; then
    begin_klaar "$port" serve
  else
    SETTINGS+=(KLAAR_REDIS_URL="$REDIS_URL")
    begin_klaar "$port" serve --no-worker
    begin_worker
  fi
}

compare() { # DATABASE GOAL
  local ours=() reference=() round url key
  url=$(fresh_url "$1" edited)
  make_fields "$COUNT"
  key=$(fill "$url" Maes | json_field key)
  start_baseline "$1"
  load_baseline fields.json >/dev/null
  settle "$url" "$BASELINE_URL"
  begin_programs "$1" "$url"
  for ((round = 0; round < ROUNDS; round++)); do
    reference+=("$(seconds reference "http://127.0.0.1:$BASELINE_PORT" '' "$COUNT" "$round")")
    ours+=("$(seconds edit "$ADDRESS" "$key" "$COUNT" "$round")")
  done
  report_cost "bulk.$1" "$(median "${ours[@]}")" "$(median "${reference[@]}")" "s for $COUNT clients" "$2"
  stop_servers
}

preview() { # DATABASE
  local took=() round url key
  url=$(fresh_url "$1" previewed)
  make_fields "$PREVIEWED"
  key=$(fill "$url" Maes | json_field key)
  settle "$url"
  begin_programs "$1" "$url"
  for ((round = 0; round < ROUNDS; round++)); do
    took+=("$(seconds preview "$ADDRESS" "$key" "$PREVIEWED" "$round")")
  done
  report_cost "bulk.$1.preview" "$(median "${took[@]}")" $PREVIEW_LIMIT_SECONDS "s for $PREVIEWED clients" 1
  stop_servers
}

need_node
need_baseline
compare sqlite 8
preview sqlite
postgres_for_bench
redis_for_bench
compare postgres 3
preview postgres
measured
