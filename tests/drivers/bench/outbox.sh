#!/usr/bin/env bash
# How many jobs that do nothing the outbox carries from end to end: waiting in the database until done there, on SQLite in
# one process and on PostgreSQL with Redis. The references are the rates that are wanted.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh

COUNT=100000
ROUNDS=3

rates() { # CASE WANTED ARGUMENT…
  local name=$1 wanted=$2 waiting=() enqueued=() round line
  shift 2
  for ((round = 0; round < ROUNDS; round++)); do
    line=$(env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" "$EXAMPLES/outbox_rate" "$COUNT" "$@")
    waiting+=("$(json_field jobs_per_second <<<"$line")")
    enqueued+=("$(json_field with_enqueue <<<"$line")")
  done
  report_rate "outbox.$name" "$(median "${waiting[@]}")" "$wanted" jobs/s 1
  # With the enqueueing of the jobs, in transactions of 100, measured on the same two processors.
  report_rate "outbox.$name.with_enqueue" "$(median "${enqueued[@]}")" "$wanted" jobs/s 1
}

need_node
rates sqlite 10000
postgres_for_bench
redis_for_bench
rates postgres 4000 "$POSTGRES_URL" "$REDIS_URL"
measured
