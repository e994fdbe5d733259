#!/usr/bin/env bash
# How fast a campaign of 10,000 personalised mails goes out to a server that takes them all (Postfix's smtp-sink), beside
# nodemailer's pool with handlebars, over as many connections, and what processor time a mail takes: ours with the ledger, in
# which each mail is committed before and after it goes out, and with the text of the whole mail beside its HTML, where the
# reference's text is one line. On SQLite in one process; on PostgreSQL and Redis with a worker beside the server. What memory
# the sending process takes at the most, for a twentieth of 200,000 clients and for all of them. And how long it takes to
# freeze an audience of 100,000, beside a bare INSERT … SELECT of the same keys.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../../.."
# shellcheck source=tests/drivers/bench/frame.sh
. tests/drivers/bench/frame.sh
# shellcheck source=tests/drivers/bench/rest.sh
. tests/drivers/bench/rest.sh

COUNT=10000
MANY=200000
FROZEN=100000
CONNECTIONS=10
ROUNDS=3
FREEZES=5
declare -A FASTER=([sqlite]=4 [postgres]=1)
CHEAPER=4
# Bytes of the HTML of a mail, until the reference says how large its own are.
HTML=11220
# Within a fifth of each other, as what is smaller over what is larger.
ALIKE=0.83
FREEZE_LIMIT=3
PEERS=(nodemailer@10.6.0 handlebars@4.7.10)

need_peers() {
  PEERS_DIR=$TOOLS/mail-${PEERS[*]//[^a-z0-9.]/-}
  PEERS_DIR=${PEERS_DIR// /-}
  mkdir -p "$TOOLS"
  (flock 9 && { is_complete "${PEERS_DIR##*/}" || install_peers "${PEERS_DIR##*/}"; }) 9>"$TOOLS/.lock" >&2
}

install_peers() { # FOLDER
  begin_folder "$1"
  NODE_DISABLE_COMPILE_CACHE=1 PATH=${NODE%/*}:$PATH "${NPM[@]}" install --prefix "$TOOLS/$1" --ignore-scripts --no-audit --no-fund \
    --no-update-notifier --loglevel=error "${PEERS[@]}"
  complete_folder "$1"
}

start_sink() {
  local as=()
  need_server postfix smtp-sink
  if ((EUID == 0)); then as=(-u nobody); fi
  SINK_PORT=$(free_port_candidate)
  begin_server "$SINK_PORT" "$RUN_DIR/sink.log" "${SERVER[@]}" "${as[@]}" -m 256 "127.0.0.1:$SINK_PORT" 1024
}

reference() {
  NODE_PATH=$PEERS_DIR/node_modules "$NODE" "$DRIVERS/mail/nodemailer_pool.js" "$RUN_DIR/reference" "$COUNT" "$SINK_PORT" "$CONNECTIONS"
}

begin_programs() { # DATABASE URL; sets ADDRESS, SENDING (the process that sends) and PIDS
  local port
  start_sink
  port=$(free_port_candidate)
  ADDRESS=http://127.0.0.1:$port
  settings "$2"
  if [[ $1 == sqlite ]]; then
    begin_klaar "$port" serve
    PIDS=("$SERVER_PID")
  else
    SETTINGS+=(KLAAR_REDIS_URL="$REDIS_URL")
    begin_klaar "$port" serve --no-worker
    PIDS=("$SERVER_PID")
    begin_worker
    PIDS+=("$SERVER_PID")
  fi
  SENDING=$SERVER_PID
}

settings() { # URL
  SETTINGS=(KLAAR_DATABASE_URL="$1" KLAAR_SECRET_KEY="bench:$(head -c 32 /dev/zero | base64)" KLAAR_PUBLIC_URL=https://klaar.example
    KLAAR_SMTP_URL="smtp://127.0.0.1:${SINK_PORT:-25}" KLAAR_MAIL_FROM=office@example.be KLAAR_SMTP_CONNECTIONS=$CONNECTIONS)
}

campaign() { # WHO
  "$NODE" "$DRIVERS/mail/campaign.js" "$ADDRESS" "$KEY" "$1" "$HTML" "${PIDS[@]}" | tee -a /dev/stderr
}

practice() { # DATABASE NAME COUNT; sets URL and KEY
  URL=$(fresh_url "$1" "$2")
  make_fields "$3"
  KEY=$(fill "$URL" Maes | json_field key)
  settle "$URL"
}

compare() { # DATABASE
  local rates=() costs=() their_rates=() their_costs=() round said
  practice "$1" mailed "$COUNT"
  begin_programs "$1" "$URL"
  for ((round = 0; round < ROUNDS; round++)); do
    said=$(reference | tee -a /dev/stderr)
    HTML=$(json_field avg_html <<<"$said")
    their_rates+=("$(json_field mails_per_s <<<"$said")")
    their_costs+=("$(json_field cpu_s <<<"$said" | awk -v count="$COUNT" '{ printf "%.4f", $1 * 1000 / count }')")
    said=$(campaign all)
    rates+=("$(json_field mails_per_s <<<"$said")")
    costs+=("$(json_field ms_per_mail <<<"$said")")
  done
  report_rate "mail.$1" "$(median "${rates[@]}")" "$(median "${their_rates[@]}")" mails/s "${FASTER[$1]}"
  report_cost "mail.$1.processor" "$(median "${costs[@]}")" "$(median "${their_costs[@]}")" "ms a mail" $CHEAPER
  stop_servers
}

# Each campaign has a fresh process, and 200,000 clients around it, of which it finds its own by the same field. The first one is
# not measured: beside it goes on what is done once a day.
memory() { # DATABASE
  local who few many few_mib many_mib
  practice "$1" remembered "$MANY"
  for who in seg01 seg00 every; do
    begin_programs "$1" "$URL"
    campaign "$who" >"$RUN_DIR/said"
    if [[ $who == every ]]; then many=$(memory_kib "$SENDING" VmHWM); else few=$(memory_kib "$SENDING" VmHWM); fi
    stop_servers
  done
  few_mib=$(quotient "$few" 1024) many_mib=$(quotient "$many" 1024)
  report "mail.$1.memory" "$many_mib" "$few_mib" "MiB for $MANY mails, for a twentieth" \
    "$(awk -v a="$few" -v b="$many" 'BEGIN { printf "%.2f", a < b ? a / b : b / a }')" $ALIKE
}

freeze() { # DATABASE
  local said ours bare
  practice "$1" frozen "$FROZEN"
  settings "$URL"
  said=$(env -C "$RUN_DIR" -i PATH="$PATH" TMPDIR="$RUN_DIR" "${SETTINGS[@]}" "$EXAMPLES/freeze_audience" "$KEY" "$FREEZES" | tee -a /dev/stderr)
  [[ $(json_field audience <<<"$said") == "$FROZEN" ]]
  mapfile -t ours < <(json_field ours <<<"$said" | tr -d '[]' | tr , '\n')
  mapfile -t bare < <(json_field bare <<<"$said" | tr -d '[]' | tr , '\n')
  local limit
  limit=$(median "${bare[@]}" | awk -v times=$FREEZE_LIMIT '{ printf "%.4f", $1 * times }')
  report_figure "mail.$1.bare_insert" "$(median "${bare[@]}")" "s for $FROZEN keys"
  report_cost "mail.$1.freeze" "$(median "${ours[@]}")" "$limit" "s for $FROZEN clients, $FREEZE_LIMIT bare inserts" 1
}

need_node
need_baseline
need_peers
"$BASELINE_PYTHON" "$DRIVERS/mail/template.py" "$RUN_DIR/reference" "$COUNT"
postgres_for_bench
redis_for_bench
for database in ${DATABASES:-sqlite postgres}; do
  for part in ${PARTS:-compare memory freeze}; do "$part" "$database"; done
done
measured
