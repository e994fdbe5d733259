#!/usr/bin/env bash
# How many pages of 50 clients a second `GET /v1/clients` gives out of 10,000, signed in, beside the baseline on the same
# kind of database; and what memory `klaar serve` takes when nobody asks it anything.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNT=10000
ROUNDS=5
SECONDS_EACH=5
CONNECTIONS=16
GOAL=6
IDLE_LIMIT_MIB=40

rate() { # ADDRESS HEADER PATH…
  local address=$1 header=$2 said
  shift 2
  said=$("${WRK[@]}" -t1 "-c$CONNECTIONS" "-d${SECONDS_EACH}s" -H "$header" -s "$DRIVERS/rest/pages.lua" "$address" -- "$@")
  [[ $said =~ RATE\ ([0-9]+)\ FAILED\ 0 ]] || {
    echo "$said" >&2
    return 1
  }
  echo "${BASH_REMATCH[1]}"
}

# The first page and the two behind it, as the cursors say.
our_paths() { # ADDRESS KEY
  "$NODE" -e '(async () => {
    const [address, key] = process.argv.slice(1);
    for (let page = 0, path = "/v1/clients?limit=50"; page < 3; page++) {
      console.log(path);
      const answer = await (await fetch(address + path, { headers: { authorization: `Bearer ${key}` } })).json();
      if (answer.items.length !== 50) process.exit(1);
      path = `/v1/clients?limit=50&cursor=${answer.next_cursor}`;
    }
  })()' "$@"
}

# With the worker, and after it has answered once.
idle_memory() { # DATABASE
  local port
  port=$(free_port_candidate)
  begin_klaar "$port" serve
  "$NODE" -e 'fetch(process.argv[1]).then(r => process.exit(r.ok ? 0 : 1))' "http://127.0.0.1:$port/readyz"
  sleep 3
  report_cost "serve.$1.idle_memory" "$(quotient "$(memory_kib "$SERVER_PID" VmRSS)" 1024)" $IDLE_LIMIT_MIB MiB 1
  end_process "$SERVER_PID" TERM 10
}

compare() { # DATABASE URL
  local ours=() reference=() round port key paths theirs=()
  SETTINGS=(KLAAR_DATABASE_URL="$2" KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)")
  klaar practice create --name Maes --world test --json >/dev/null
  idle_memory "$1"
  start_baseline "$1"
  load_baseline >/dev/null
  klaar import --practice Maes --json "$RUN_DIR/clients.csv" >/dev/null
  key=$(klaar key create --practice Maes --json | json_field key)
  port=$(free_port_candidate)
  # Without a worker, which would begin the practice's night.
  begin_klaar "$port" serve --no-worker
  mapfile -t paths < <(our_paths "http://127.0.0.1:$port" "$key")
  if [[ $1 == postgres ]]; then
    "$BASELINE_PYTHON" "$DRIVERS/rest/settle.py" "$2" "${POSTGRES_URL%/*}/baseline$BASELINES"
  fi
  theirs=('/clients?limit=50&offset=0' '/clients?limit=50&offset=50' '/clients?limit=50&offset=100')
  for ((round = 0; round < ROUNDS; round++)); do
    reference+=("$(rate "http://127.0.0.1:$BASELINE_PORT" 'Accept: application/json' "${theirs[@]}")")
    ours+=("$(rate "http://127.0.0.1:$port" "Authorization: Bearer $key" "${paths[@]}")")
  done
  report_rate "lists.$1" "$(median "${ours[@]}")" "$(median "${reference[@]}")" "pages/s" $GOAL
  end_process "$SERVER_PID" TERM 5
  stop_baseline
}

need_node
need_baseline
need_server wrk wrk
WRK=("${SERVER[@]}")
make_clients "$COUNT"
compare sqlite "sqlite:$RUN_DIR/lists.db"
postgres_for_bench
compare postgres "$POSTGRES_URL"
measured
