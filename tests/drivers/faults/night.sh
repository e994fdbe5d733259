#!/usr/bin/env bash
# Whole nights in which the network is at fault, over a practice of 10,000 clients: no value changes, the next good night
# heals, and a client that really leaves the network is written. On SQLite and on PostgreSQL. Prints one JSON object a
# line; what the nights are, and why the clock in them is moved by hand: tests/examples/fault_night.rs.
#
#   tests/drivers/faults/night.sh       FAULT_NIGHT: the program that works (default: target/release/examples/fault_night)
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

CLIENTS=10000
# All nights on one database, in seconds.
DONE_WITHIN=780
PROGRAM=$(realpath "${FAULT_NIGHT:-${CARGO_TARGET_DIR:-target}/release/examples/fault_night}")
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/klaar-faults.XXXXXX")

remove_run_dir() {
  rm -rf "$RUN_DIR"
}
on_exit remove_run_dir

run_nights() { # DATABASE URL
  local status=0
  in_group timeout --kill-after=5 "$DONE_WITHIN" setpriv --pdeathsig KILL \
    env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" "$PROGRAM" "$2" "$CLIENTS" || status=$?
  ((status != 0)) || return 0
  FAILED=1
  # 2 says that a line does not hold, and the line says why; all else is an end in the middle.
  if ((status != 2)); then
    printf '{"case":"night","database":"%s","ended_with":%d,"holds":false}\n' "$1" "$status"
  fi
}

FAILED=0
run_nights sqlite "sqlite:$RUN_DIR/night.db"
start_postgres throwaway
run_nights postgres "$POSTGRES_URL"
exit "$FAILED"
