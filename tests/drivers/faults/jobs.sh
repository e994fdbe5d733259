#!/usr/bin/env bash
# 2,000 jobs whose effect is a row written in the finishing transaction, and two workers of which one at random is killed
# (kill -9) 20 times and started again: every effect is there exactly once, no job is dead. On SQLite two processes share
# the file; on PostgreSQL they share Redis, which is flushed and killed in between. Prints one JSON object a line.
#
#   tests/drivers/faults/jobs.sh        FAULT_EFFECTS: the program that works (default: target/release/examples/fault_effects)
#
# The jobs come in as many batches as there are kills, so that each kill finds work: half of the kills come at any moment
# of the second in which the workers find a batch, the others while a batch is half done, which takes it half a second.
# `taken_back` counts the jobs that a killed worker held; a run in which there are none has shown nothing and does not hold.
# shellcheck disable=SC2317 # Clean-up is a function called by name.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

JOBS=2000
KILLS=20
# From the last kill until everything must be settled; a lease takes 30 seconds to run out.
SETTLED_WITHIN=300
PROGRAM=$(realpath "${FAULT_EFFECTS:-${CARGO_TARGET_DIR:-target}/release/examples/fault_effects}")
BATCH=$((JOBS / KILLS))
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/klaar-faults.XXXXXX")
WORKERS=('' '')
SETTINGS=()

end_run() {
  local pid
  for pid in "${WORKERS[@]}"; do
    if [[ -n $pid ]]; then end_process "$pid" KILL 5; fi
  done
  rm -rf "$RUN_DIR"
}
on_exit end_run

# Only what is named here reaches the program, so that a developer's own settings do not bend the case.
program() {
  cd "$RUN_DIR"
  exec env -i PATH="$PATH" KLAAR_LOG=info KLAAR_LOG_FORMAT=json "${SETTINGS[@]}" "$@"
}

start_worker() { # PLACE
  (program setsid setpriv --pdeathsig KILL "$PROGRAM" work) </dev/null >>"$RUN_DIR/worker$1.log" 2>&1 &
  WORKERS[$1]=$!
}

# A worker that has ended by itself counts, and is started again as a supervisor would.
keep_workers() {
  local place
  for place in 0 1; do
    if [[ -n ${WORKERS[place]} ]] && ! kill -0 "${WORKERS[place]}" 2>/dev/null; then
      wait "${WORKERS[place]}" 2>/dev/null || true
      ended_alone=$((ended_alone + 1))
      start_worker "$place"
    fi
  done
}

kill_one() {
  local place=$((RANDOM % 2))
  end_process "${WORKERS[place]}" KILL 5
  start_worker "$place"
}

pause_up_to() { # MILLISECONDS
  local pause
  printf -v pause '%d.%03d' $(($1 / 1000)) $((RANDOM % $1 % 1000))
  sleep "$pause"
}

ask() { # REPORT NAME: a number in a report
  [[ $1 =~ \"$2\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

report() { # PRACTICE
  (program "$PROGRAM" report "$1" "$BATCH") 2>>"$RUN_DIR/report.log"
}

until_begun() { # PRACTICE: until the first of its effects is there; not for ever, the other batches may be in the way
  local tries
  for tries in {1..100}; do
    (($(ask "$(report "$1")" lost) < BATCH)) && return 0
    sleep 0.01
  done
  return "$((tries == 0))"
}

disturb_redis() { # KILL: after every fifth it is flushed, three later it is killed and started empty
  [[ -n $REDIS_PID ]] || return 0
  case $(($1 % 5)) in
    1) flush_redis && flushes=$((flushes + 1)) ;;
    4) restart_redis && restarts=$((restarts + 1)) ;;
  esac
}

until_settled() { # PRACTICE: any; what is left is counted over all
  local until=$((SECONDS + SETTLED_WITHIN))
  while ((SECONDS < until)); do
    keep_workers
    (($(ask "$(report "$1")" left) > 0)) || return 0
    sleep 0.5
  done
}

# What the workers say they took back from others' leases.
taken_back() {
  awk -F'"count":' '/leases ran out; the jobs are claimed again/ { split($2, rest, /[^0-9]/); sum += rest[1] }
    END { print sum + 0 }' "$RUN_DIR"/worker?.log
}

run_case() { # DATABASE
  local database=$1 practices=() practice kill said lost=0 twice=0 dead left taken holds=false started=$SECONDS
  local flushes=0 restarts=0 ended_alone=0
  rm -f "$RUN_DIR"/*.log
  for kill in $(seq "$KILLS"); do
    practice=$( (program "$PROGRAM" enqueue "$BATCH") 2>>"$RUN_DIR/report.log")
    practices+=("$practice")
    if ((kill == 1)); then start_worker 0 && start_worker 1; fi
    if ((kill % 2 == 0)); then until_begun "$practice" && pause_up_to 300; else pause_up_to 1000; fi
    keep_workers
    kill_one
    disturb_redis "$kill"
  done
  until_settled "$practice"
  for practice in "${practices[@]}"; do
    said=$(report "$practice")
    lost=$((lost + $(ask "$said" lost))) twice=$((twice + $(ask "$said" twice)))
    dead=$(ask "$said" dead) left=$(ask "$said" left)
  done
  stop_workers
  taken=$(taken_back)
  if ((lost == 0 && twice == 0 && dead == 0 && left == 0 && ended_alone == 0 && taken > 0)); then holds=true; fi
  printf '{"case":"jobs","database":"%s","jobs":%d,"kills":%d,"redis_flushes":%d,"redis_restarts":%d,"lost":%d,"twice":%d,"dead":%d,"left":%d,"taken_back":%d,"ended_alone":%d,"seconds":%d,"holds":%s}\n' \
    "$database" "$JOBS" "$KILLS" "$flushes" "$restarts" "$lost" "$twice" "$dead" "$left" "$taken" "$ended_alone" \
    $((SECONDS - started)) "$holds"
  $holds || {
    tail -n 20 "$RUN_DIR"/*.log >&2
    FAILED=1
  }
}

stop_workers() {
  local place
  for place in 0 1; do
    end_process "${WORKERS[place]}" KILL 5
    WORKERS[place]=''
  done
}

FAILED=0
SETTINGS=(KLAAR_DATABASE_URL="sqlite:$RUN_DIR/jobs.db")
run_case sqlite
start_postgres durable
start_redis
SETTINGS=(KLAAR_DATABASE_URL="$POSTGRES_URL" KLAAR_REDIS_URL="$REDIS_URL")
run_case postgres
exit "$FAILED"
