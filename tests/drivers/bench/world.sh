# shellcheck shell=bash
# Sourced after frame.sh: a name server and a web server that stand in for the SML and an SMP, with three of every five
# participants registered.
#
#   start_world COUNT KIND       sets DNS_PORT, and writes $WORLD/ids (an identifier a line); KIND is one or each: one
#                                service group for all participants, or each its own

WORLD=$RUN_DIR/world

zone_is_loaded() {
  "$NODE" "$DRIVERS/peppol/node_lookup.js" "$WORLD" 10 "$DNS_PORT" 1 | grep -q '"registered":6,.*"errors":0,'
}

start_world() {
  local attempt http_port
  mkdir -p "$WORLD"
  for attempt in {1..5}; do
    DNS_PORT=$(free_port_candidate) http_port=$(free_port_candidate)
    "$NODE" "$DRIVERS/peppol/make_world.js" "$WORLD" "$1" "$DNS_PORT" "$http_port" "$2"
    need_server knot knotd
    begin_server "$DNS_PORT" "$WORLD/knot.log" "${SERVER[@]}" -c "$WORLD/knot.conf" || continue
    local knot=$SERVER_PID
    need_server nginx nginx
    if begin_server "$http_port" "$WORLD/nginx.log" "${SERVER[@]}" -e "$WORLD/nginx.log" -c "$WORLD/nginx.conf"; then
      until_ready "$knot" 60 zone_is_loaded
      cut -f1 "$WORLD/participants.tsv" >"$WORLD/ids"
      return 0
    fi
    end_process "$knot" TERM 5
  done
  echo "the name server or the web server does not start (attempt $attempt)" >&2
  return 1
}
