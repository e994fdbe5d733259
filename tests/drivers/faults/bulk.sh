#!/usr/bin/env bash
# Bulk edits and lists while processes die and others write: a bulk edit of 100,000 clients and its undoing whose process
# is killed (kill -9) in the middle, 500 PATCHes of one version, reading a list to its end while it moves, and 10,000 lists
# beside other processes. On SQLite with `klaar serve`; on PostgreSQL and Redis with `klaar serve --no-worker` and
# `klaar-worker`. Prints one JSON object a line; what the cases are: tests/examples/fault_bulk.
#
#   tests/drivers/faults/bulk.sh      KLAAR, KLAAR_WORKER, FAULT_BULK, FILL_FIELDS: the programs (default: target/release)
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

# As many as are edited, and a hundred that the selection leaves out.
MANY=100100
FEW=300
# All cases on one database, in seconds.
DONE_WITHIN=1800
RELEASE=${CARGO_TARGET_DIR:-target}/release
KLAAR=$(realpath "${KLAAR:-$RELEASE/klaar}")
KLAAR_WORKER=$(realpath "${KLAAR_WORKER:-$RELEASE/klaar-worker}")
PROGRAM=$(realpath "${FAULT_BULK:-$RELEASE/examples/fault_bulk}")
FILL=$(realpath "${FILL_FIELDS:-$RELEASE/examples/fill_fields}")
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/klaar-faults.XXXXXX")

remove_run_dir() {
  rm -rf "$RUN_DIR"
}
on_exit remove_run_dir

make_clients() { # COUNT
  awk -v count="$1" 'BEGIN {
    srand(7)
    split("nl fr de en", languages, " ")
    for (i = 0; i < count; i++) printf "{\"name\":\"Klant %06d\",\"vat_number\":\"R%06d\",\"cf_segment\":\"seg%02d\",\"cf_manager\":\"manager%02d\",\"cf_fee\":%.2f,\"cf_employees\":%d,\"cf_next_review\":\"2026-%02d-%02d\",\"cf_newsletter\":%s,\"cf_language\":\"%s\",\"cf_notes\":\"note %d\"}\n",
      (i * 7919) % count, i, rand() * 20, rand() * 25, 50 + rand() * 5000, rand() * 250, 1 + rand() * 12, 1 + rand() * 28,
      rand() < 0.5 ? "true" : "false", languages[1 + int(rand() * 4)], rand() * 1000000000
  }'
}

# Only what is named here reaches the programs, so that a developer's own settings do not bend the case.
program() { # ARGUMENT…
  env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR="$KLAAR" KLAAR_WORKER="$KLAAR_WORKER" "${KEYS[@]}" "$@"
}

fill() { # URL NAME COUNT: prints a key
  local said
  said=$(program "$FILL" "$1" "$RUN_DIR/clients$3" "$2")
  [[ $said =~ \"key\":\"([^\"]+)\" ]] && echo "${BASH_REMATCH[1]}"
}

run_cases() { # DATABASE URL [REDIS_URL]
  local database=$1 status=0 many few
  shift
  rm -f "$RUN_DIR"/*.log
  KEYS=()
  many=$(fill "$1" Many "$MANY")
  few=$(fill "$1" Few "$FEW")
  KEYS=(MANY_KEY="$many" FEW_KEY="$few")
  in_group timeout --kill-after=5 "$DONE_WITHIN" setpriv --pdeathsig KILL \
    env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR="$KLAAR" KLAAR_WORKER="$KLAAR_WORKER" "${KEYS[@]}" \
    "$PROGRAM" "$@" || status=$?
  ((status != 0)) || return 0
  FAILED=1
  tail -n 20 "$RUN_DIR"/*.log >&2
  # 2 says that a line does not hold, and the line says why; all else is an end in the middle.
  if ((status != 2)); then
    printf '{"case":"bulk","database":"%s","ended_with":%d,"holds":false}\n' "$database" "$status"
  fi
}

FAILED=0
KEYS=()
make_clients "$MANY" >"$RUN_DIR/clients$MANY"
make_clients "$FEW" >"$RUN_DIR/clients$FEW"
run_cases sqlite "sqlite:$RUN_DIR/bulk.db"
start_postgres durable
start_redis
run_cases postgres "$POSTGRES_URL" "$REDIS_URL"
exit "$FAILED"
