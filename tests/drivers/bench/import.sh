#!/usr/bin/env bash
# How long `klaar import` takes for 100,000 clients, checked against each other and against the rules, audited and logged,
# beside the baseline's bare load of the same rows. Each round has databases of its own.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNT=100000
ROUNDS=3

our_time() { # URL
  SETTINGS=(KLAAR_DATABASE_URL="$1" KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)")
  klaar practice create --name Maes --world test --json >/dev/null
  local began=${EPOCHREALTIME/./}
  klaar import --practice Maes --json "$RUN_DIR/clients.csv" >"$RUN_DIR/import.json"
  seconds_since "$began"
  [[ $(json_field created <"$RUN_DIR/import.json") == "$COUNT" ]]
}

compare() { # DATABASE GOAL
  local ours=() reference=() round url
  for ((round = 1; round <= ROUNDS; round++)); do
    start_baseline "$1"
    reference+=("$(load_baseline clients.json)")
    stop_baseline
    url=sqlite:$RUN_DIR/ours$round.db
    if [[ $1 == postgres ]]; then
      "$BASELINE_PYTHON" "$DRIVERS/rest/create_database.py" "$POSTGRES_URL" "ours$round"
      url=${POSTGRES_URL%/*}/ours$round
    fi
    ours+=("$(our_time "$url")")
  done
  report_cost "import.$1" "$(median "${ours[@]}")" "$(median "${reference[@]}")" "s for $COUNT clients" "$2"
}

need_node
need_baseline
make_clients "$COUNT"
compare sqlite 1
postgres_for_bench
compare postgres 0.5
measured
