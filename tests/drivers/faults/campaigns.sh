# shellcheck shell=bash
# Sourced by campaign.sh, smtp.sh and mail.sh, in the root of the repository.
#
#   run_all WHAT SECONDS     runs `fault_campaign WHAT` on both databases, each for so long at most, with what is in MORE (NAME=VALUE) in its
#                            environment; ends the script
#
# Only this shell can end and start PostgreSQL and Redis, so the program asks for it by a line in a pipe.

# shellcheck source=tests/drivers/interruption.sh
. tests/drivers/interruption.sh
# shellcheck source=tests/drivers/tools.sh
. tests/drivers/tools.sh
# shellcheck source=tests/drivers/services.sh
. tests/drivers/services.sh

RELEASE=${CARGO_TARGET_DIR:-target}/release
KLAAR=$(realpath "${KLAAR:-$RELEASE/klaar}")
KLAAR_WORKER=$(realpath "${KLAAR_WORKER:-$RELEASE/klaar-worker}")
PROGRAM=$(realpath "${FAULT_CAMPAIGN:-$RELEASE/examples/fault_campaign}")
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/klaar-faults.XXXXXX")
FAILED=0
MORE=()

remove_run_dir() {
  rm -rf "$RUN_DIR"
}
on_exit remove_run_dir

# Does for the program what it asks for, until it ends.
serve_services() { # PID
  local wish
  exec 3<>"$RUN_DIR/asked" 4<>"$RUN_DIR/answered"
  while kill -0 "$1" 2>/dev/null; do
    IFS= read -r -t 1 -u 3 wish || continue
    case $wish in
      flush_redis | kill_redis | restart_redis | restart_postgres) "$wish" 3>&- 4>&- && echo done >&4 || echo failed >&4 ;;
      *) echo unknown >&4 ;;
    esac
  done
  exec 3>&- 4>&-
}

run_cases() { # WHAT SECONDS DATABASE URL [REDIS_URL]
  local what=$1 seconds=$2 database=$3 pid status=0 pipes=()
  shift 3
  rm -f "$RUN_DIR"/*.log
  if (($# > 1)); then pipes=(SERVICES_ASKED="$RUN_DIR/asked" SERVICES_ANSWERED="$RUN_DIR/answered"); fi
  begin_group timeout --kill-after=5 "$seconds" setpriv --pdeathsig KILL \
    env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" KLAAR="$KLAAR" KLAAR_WORKER="$KLAAR_WORKER" \
    CASES="${CASES:-}" RECIPIENTS="${RECIPIENTS:-10000}" \
    "${pipes[@]}" "${MORE[@]}" "$PROGRAM" "$what" "$@"
  pid=$GROUP_PID
  serve_services "$pid"
  wait_group "$pid" || status=$?
  ((status != 0)) || return 0
  FAILED=1
  tail -n 20 "$RUN_DIR"/*.log >&2
  # 2 says that a line does not hold, and the line says why; all else is an end in the middle.
  if ((status != 2)); then
    printf '{"case":"%s","database":"%s","ended_with":%d,"holds":false}\n' "$what" "$database" "$status"
  fi
}

run_all() { # WHAT SECONDS
  mkfifo "$RUN_DIR/asked" "$RUN_DIR/answered"
  if [[ ${DATABASES:-sqlite} == *sqlite* ]]; then run_cases "$1" "$2" sqlite "sqlite:$RUN_DIR/campaigns.db"; fi
  if [[ ${DATABASES:-postgres} == *postgres* ]]; then
    start_postgres durable
    start_redis
    run_cases "$1" "$2" postgres "$POSTGRES_URL" "$REDIS_URL"
  fi
  exit "$FAILED"
}
