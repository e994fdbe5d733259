#!/usr/bin/env bash
# How long 100,000 clients with 14 columns take to come out of the API as CSV and as a workbook, beside a Python script that
# reads the same database and writes the same file (csv; openpyxl, write-only). Each kind of file has a fresh server, which
# has answered a list; how far it grows over that is measured, too, and how much of it behind as many exports of three
# quarters of the clients. The files are compared: CSV byte by byte, workbooks cell by cell.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNT=100000
COLUMNS=name,reference,email,phone,town,country,fields.cf_segment,fields.cf_manager,fields.cf_fee,fields.cf_employees,fields.cf_next_review,fields.cf_newsletter,fields.cf_language,fields.cf_notes
declare -A ROUNDS=([csv]=7 [xlsx]=3)
MEMORY_LIMIT_MIB=64
GROWTH_LIMIT_MIB=8
MOST='{"field":"fields.cf_employees","op":"lt","value":188}'
declare -A GOALS=([csv]=3 [xlsx]=4)

export_ours() { # FORMAT [FILTER]: prints the seconds
  "$BASELINE_PYTHON" "$DRIVERS/rest/download.py" "$ADDRESS/v1/client-export?sort=name&columns=$COLUMNS&format=$1${2:+&filter=$2}" \
    "$KEY" "$RUN_DIR/ours.$1"
}

export_theirs() { # FORMAT URL
  "$BASELINE_PYTHON" "$DRIVERS/rest/export.py" "$1" "$2" "$RUN_DIR/theirs.$1"
}

files_are_alike() { # FORMAT
  if [[ $1 == csv ]]; then
    tr -d '\r' <"$RUN_DIR/ours.csv" | cmp - <(tr -d '\r' <"$RUN_DIR/theirs.csv") >&2
  else
    "$BASELINE_PYTHON" "$DRIVERS/rest/export.py" alike "$RUN_DIR/ours.xlsx" "$RUN_DIR/theirs.xlsx" >&2
  fi
}

measure() { # DATABASE FORMAT URL
  local ours=() reference=() round port before most peak
  port=$(free_port_candidate)
  ADDRESS=http://127.0.0.1:$port
  begin_klaar "$port" serve --no-worker
  "$BASELINE_PYTHON" "$DRIVERS/rest/download.py" "$ADDRESS/v1/clients?sort=name" "$KEY" "$RUN_DIR/page" >/dev/null
  # The peak is counted anew from here.
  echo 5 >"/proc/$SERVER_PID/clear_refs"
  before=$(memory_kib "$SERVER_PID" VmRSS)
  for ((round = 0; round < ROUNDS[$2]; round++)); do export_ours "$2" "$MOST" >/dev/null; done
  most=$(memory_kib "$SERVER_PID" VmHWM)
  for ((round = 0; round < ROUNDS[$2]; round++)); do
    reference+=("$(export_theirs "$2" "$3")")
    ours+=("$(export_ours "$2")")
  done
  peak=$(memory_kib "$SERVER_PID" VmHWM)
  files_are_alike "$2"
  report_cost "export.$1.$2" "$(median "${ours[@]}")" "$(median "${reference[@]}")" "s for $COUNT clients" "${GOALS[$2]}"
  report_cost "export.$1.$2.memory" "$(quotient $((peak - before)) 1024)" $MEMORY_LIMIT_MIB "MiB over before" 1
  report_cost "export.$1.$2.memory_growth" "$(quotient $((peak - most)) 1024)" $GROWTH_LIMIT_MIB "MiB behind three quarters of the clients" 1
  stop_servers
}

compare() { # DATABASE
  local url format
  url=$(fresh_url "$1" exported)
  KEY=$(fill "$url" Maes | json_field key)
  settle "$url"
  SETTINGS=(KLAAR_DATABASE_URL="$url" KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)")
  for format in csv xlsx; do measure "$1" "$format" "$url"; done
}

need_node
need_baseline
make_fields "$COUNT"
compare sqlite
postgres_for_bench
compare postgres
measured
