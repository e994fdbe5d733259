# shellcheck shell=bash
# shellcheck disable=SC2034 # BASELINE_PORT is for the scripts that source this.
# Sourced after frame.sh: the same clients for Klaar, as a CSV file, and for the baseline, as requests; the baseline is
# what a developer would write with FastAPI and SQLAlchemy.
#
#   make_clients COUNT             writes $RUN_DIR/clients.csv and $RUN_DIR/clients.json, 500 clients a line
#   make_fields COUNT              the same with custom fields: $RUN_DIR/fields.jsonl, a client a line, and $RUN_DIR/fields.json
#   fill URL NAME…                 makes practices of these names with the clients of fields.jsonl; prints a JSON line for each
#   fresh_url DATABASE NAME        the address of an empty database of ours: sqlite, or postgres (after postgres_for_bench)
#   settle URL…                    has PostgreSQL do now what it would do within a minute of a large load
#   start_baseline DATABASE        sqlite, or postgres (after postgres_for_bench), with an empty database; sets BASELINE_PORT
#   stop_baseline
#   load_baseline FILE             posts a file of requests, one after the other; prints the seconds it took
#   BASELINE_URL                   where the baseline's database is, as our commands name it

BASELINE_VERSION=2
BASELINE_PACKAGES=(fastapi==0.165.0 uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0 sqlalchemy==2.1.9 greenlet==3.5.6
  aiosqlite==0.22.1 asyncpg==0.32.0 openpyxl==3.1.5)
BASELINE_PID='' BASELINE_URL=''
BASELINES=0

need_baseline() {
  local folder=baseline-$BASELINE_VERSION
  mkdir -p "$TOOLS"
  (flock 9 && { is_complete "$folder" || pip_folder "$folder" "${BASELINE_PACKAGES[@]}"; }) 9>"$TOOLS/.lock" >&2
  BASELINE_PYTHON=$TOOLS/$folder/bin/python
}

make_clients() {
  "$NODE" "$DRIVERS/rest/make_clients.js" "$RUN_DIR" "$1"
}

make_fields() {
  "$NODE" "$DRIVERS/rest/make_fields.js" "$RUN_DIR" "$1"
}

fill() { # URL NAME…
  local url=$1
  shift
  env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" "$EXAMPLES/fill_fields" "$url" "$RUN_DIR/fields.jsonl" "$@"
}

fresh_url() { # DATABASE NAME
  if [[ $1 == sqlite ]]; then
    echo "sqlite:$RUN_DIR/$2.db"
  else
    "$BASELINE_PYTHON" "$DRIVERS/rest/create_database.py" "$POSTGRES_URL" "$2"
    echo "${POSTGRES_URL%/*}/$2"
  fi
}

settle() { # URL…
  local url urls=()
  for url in "$@"; do
    if [[ $url == postgres:* ]]; then urls+=("$url"); fi
  done
  ((${#urls[@]} == 0)) || "$BASELINE_PYTHON" "$DRIVERS/rest/settle.py" "${urls[@]}"
}

start_baseline() {
  local url
  # Counted out here: in a substitution it would be counted for nobody.
  BASELINES=$((BASELINES + 1))
  BASELINE_URL=$(fresh_url "$1" "baseline$BASELINES")
  if [[ $1 == sqlite ]]; then url=sqlite+aiosqlite:///${BASELINE_URL#sqlite:}; else url=postgresql+asyncpg://${BASELINE_URL#postgres://}; fi
  BASELINE_PORT=$(free_port_candidate)
  # One process first, so that two do not race to create the table.
  begin_baseline "$url" 1
  stop_baseline
  begin_baseline "$url" 2
}

begin_baseline() { # URL WORKERS
  begin_server "$BASELINE_PORT" "$RUN_DIR/baseline.log" env -C "$DRIVERS/rest" -i PATH="$PATH" TMPDIR="$RUN_DIR" \
    PYTHONDONTWRITEBYTECODE=1 DB_URL="$1" "$BASELINE_PYTHON" -m uvicorn fastapi_app:app --port "$BASELINE_PORT" \
    --workers "$2" --no-access-log --log-level warning
  BASELINE_PID=$SERVER_PID
  # The port is open before the application is ready.
  until_ready "$BASELINE_PID" 30 baseline_answers
}

baseline_answers() {
  "$NODE" -e 'fetch(process.argv[1]).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))' \
    "http://127.0.0.1:$BASELINE_PORT/clients?limit=1"
}

stop_baseline() {
  end_process "$BASELINE_PID" TERM 10
  BASELINE_PID=''
}

load_baseline() {
  "$NODE" "$DRIVERS/rest/load.js" "http://127.0.0.1:$BASELINE_PORT" "$RUN_DIR/$1"
}
