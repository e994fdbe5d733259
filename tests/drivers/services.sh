# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153 # Addresses are for the scripts that source this; find_postgres sets POSTGRES_ROOT.
# Sourced, after interruption.sh and tools.sh. A private PostgreSQL and a private Redis on free loopback ports, in a
# temporary folder that goes when the script ends, whatever ends it.
#
#   start_postgres [throwaway|durable]   sets POSTGRES_URL (a superuser's, database `postgres`), POSTGRES_PORT, POSTGRES_PID
#   start_redis                          sets REDIS_URL, REDIS_PORT, REDIS_PID
#   kill_postgres, kill_redis            kill -9; the folder stays
#   restart_postgres, restart_redis      kill -9 if it runs, and start it again on the same port and folder
#   flush_redis                          FLUSHALL
#   stop_services                        end both, remove the folder; called at exit, harmless when called twice
#
# `throwaway` never waits for the disk: for tests. `durable` commits like a production server: for benches and for
# drivers that pull the plug. Redis keeps nothing over a restart: the jobs table is the truth and must not need it.

SERVICES_DIR=
POSTGRES_URL='' POSTGRES_PORT='' POSTGRES_PID=''
REDIS_URL='' REDIS_PORT='' REDIS_PID=''
POSTGRES_COMMAND=()
REDIS_COMMAND=()
# PostgreSQL refuses to run as root.
AS_SERVER=()
if ((EUID == 0)); then AS_SERVER=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups); fi

services_folder() {
  [[ -z $SERVICES_DIR ]] || return 0
  local parent=${TMPDIR:-/tmp}
  # A socket's path has room for 107 bytes, and the server's user must be able to enter the folder.
  if ((${#parent} > 60)) || ! "${AS_SERVER[@]}" test -x "$parent"; then parent=/tmp; fi
  SERVICES_DIR=$(mktemp -d "$parent/klaar-services.XXXXXX")
  on_exit stop_services
  chmod 711 "$SERVICES_DIR"
}

# A folder that belongs to the server's user and that nobody else can look into.
server_folder() {
  mkdir -m 700 "$1"
  if ((EUID == 0)); then chown "nobody:$(id -g nobody)" "$1"; fi
}

free_port_candidate() {
  # Below the range from which the kernel picks ports for outgoing connections.
  echo $((20000 + RANDOM % 12000))
}

# until_ready PID SECONDS CONDITION…: false when the process ends first, or the time does.
until_ready() {
  local pid=$1 tries=$(($2 * 20))
  shift 2
  until "$@"; do
    kill -0 "$pid" 2>/dev/null && ((tries-- > 0)) || return 1
    sleep 0.05
  done
}

# end_process PID SIGNAL SECONDS: asks with SIGNAL, insists with KILL. Silent, for bash would report the death.
end_process() {
  local pid=$1 signal=$2 tries=$(($3 * 20))
  {
    kill "-$signal" "$pid" || return 0
    while kill -0 "$pid"; do
      ((tries-- > 0)) || kill -KILL "$pid" || true
      sleep 0.05
    done
    wait "$pid" || true
  } 2>/dev/null
}

start_postgres() {
  local tuning=${1:-throwaway} password data attempt
  find_postgres || {
    echo "PostgreSQL is not installed: tests/drivers/install postgres" >&2
    return 1
  }
  services_folder
  postgres_within_reach
  data=$SERVICES_DIR/postgres
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  server_folder "$data"
  server_folder "$SERVICES_DIR/socket"
  create_cluster "$data" "$password" || return 1
  postgres_settings "$tuning" >"$SERVICES_DIR/postgres.conf"
  cat "$SERVICES_DIR/postgres.conf" >>"$data/postgresql.conf"
  for attempt in {1..20}; do
    POSTGRES_PORT=$(free_port_candidate)
    if launch_postgres; then
      POSTGRES_URL=postgres://postgres:$password@127.0.0.1:$POSTGRES_PORT/postgres
      return 0
    fi
    grep -q 'could not bind' "$SERVICES_DIR/postgres.log" || break
  done
  echo "PostgreSQL did not start (attempt $attempt):" >&2
  tail -n 20 "$SERVICES_DIR/postgres.log" >&2
  return 1
}

# The tools folder may lie where the server's user cannot go (/root); a copy then serves.
postgres_within_reach() {
  if ! "${AS_SERVER[@]}" test -x "$POSTGRES_BIN/postgres"; then
    cp -a "$POSTGRES_ROOT/." "$SERVICES_DIR/postgres-programs"
    chmod 755 "$SERVICES_DIR/postgres-programs"
    POSTGRES_LIBS=${POSTGRES_LIBS//$POSTGRES_ROOT/$SERVICES_DIR/postgres-programs}
    POSTGRES_BIN=$SERVICES_DIR/postgres-programs/${POSTGRES_BIN#"$POSTGRES_ROOT/"}
  fi
  POSTGRES_COMMAND=(env ${POSTGRES_LIBS:+LD_LIBRARY_PATH="$POSTGRES_LIBS"} LC_ALL=C.UTF-8)
}

# A linguistic collation is the default on purpose: production servers have one, and only so does a query show that
# leans on the server's order where the code must say COLLATE "C".
create_cluster() {
  local data=$1 password=$2 file=$SERVICES_DIR/socket/password
  (umask 077 && echo "$password" >"$file")
  if ((EUID == 0)); then chown nobody "$file"; fi
  if ! (cd "$SERVICES_DIR" && "${AS_SERVER[@]}" "${POSTGRES_COMMAND[@]}" "$POSTGRES_BIN/initdb" --pgdata="$data" \
    --username=postgres --pwfile="$file" --auth=md5 --no-sync --encoding=UTF8 --locale=C.UTF-8 \
    --locale-provider=icu --icu-locale=en </dev/null) >"$SERVICES_DIR/initdb.log" 2>&1; then
    tail -n 20 "$SERVICES_DIR/initdb.log" >&2
    return 1
  fi
}

postgres_settings() {
  cat <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$SERVICES_DIR/socket'
# In a container /dev/shm is often too small; in the folder it also goes with the folder.
dynamic_shared_memory_type = mmap
max_connections = 300
jit = off
lc_messages = 'C'
timezone = 'UTC'
max_wal_size = 4GB
SETTINGS
  case $1 in
    throwaway)
      cat <<'SETTINGS'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
shared_buffers = 128MB
checkpoint_timeout = 1h
SETTINGS
      ;;
    durable)
      cat <<'SETTINGS'
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 1GB
SETTINGS
      ;;
    *)
      echo "start_postgres: throwaway or durable, not $1" >&2
      return 1
      ;;
  esac
}

launch_postgres() {
  # Should this script be killed outright, the kernel ends the server (--pdeathsig) with a fast shutdown.
  (cd "$SERVICES_DIR" && exec setsid "${AS_SERVER[@]:-setpriv}" --pdeathsig INT "${POSTGRES_COMMAND[@]}" \
    "$POSTGRES_BIN/postgres" -D "$SERVICES_DIR/postgres" -p "$POSTGRES_PORT") \
    </dev/null >"$SERVICES_DIR/postgres.log" 2>&1 &
  POSTGRES_PID=$!
  until_ready "$POSTGRES_PID" 120 postgres_is_ready && return 0
  end_process "$POSTGRES_PID" QUIT 5
  POSTGRES_PID=
  return 1
}

# The server's own lock file says so: the first line is its process id, the eighth its state.
postgres_is_ready() {
  local lines=()
  [[ -r $SERVICES_DIR/postgres/postmaster.pid ]] || return 1
  mapfile -t lines <"$SERVICES_DIR/postgres/postmaster.pid" 2>/dev/null || return 1
  [[ ${lines[0]:-} == "$POSTGRES_PID" && ${lines[7]:-} == ready* ]]
}

kill_postgres() {
  [[ -n $POSTGRES_PID ]] || return 0
  end_process "$POSTGRES_PID" KILL 5
  POSTGRES_PID=
}

restart_postgres() {
  local attempt
  kill_postgres
  # The orphaned backends end by themselves within moments; until then the server refuses the folder.
  for attempt in {1..100}; do
    launch_postgres && return 0
    sleep 0.1
  done
  echo "PostgreSQL did not start again (attempt $attempt):" >&2
  tail -n 20 "$SERVICES_DIR/postgres.log" >&2
  return 1
}

start_redis() {
  local attempt
  find_redis || {
    echo "Redis is not installed: tests/drivers/install redis" >&2
    return 1
  }
  services_folder
  mkdir -m 700 "$SERVICES_DIR/redis"
  REDIS_COMMAND=(env ${REDIS_LIBS:+LD_LIBRARY_PATH="$REDIS_LIBS"} "$REDIS_SERVER")
  for attempt in {1..20}; do
    REDIS_PORT=$(free_port_candidate)
    if launch_redis; then
      REDIS_URL=redis://127.0.0.1:$REDIS_PORT
      return 0
    fi
    grep -q 'Address already in use' "$SERVICES_DIR/redis.log" || break
  done
  echo "Redis did not start (attempt $attempt):" >&2
  tail -n 20 "$SERVICES_DIR/redis.log" >&2
  return 1
}

launch_redis() {
  # Emptied here and not by the new process, which comes to it later than the first look for readiness.
  : >"$SERVICES_DIR/redis.log"
  setsid setpriv --pdeathsig TERM "${REDIS_COMMAND[@]}" --bind 127.0.0.1 --port "$REDIS_PORT" --save '' \
    --appendonly no --daemonize no --dir "$SERVICES_DIR/redis" </dev/null >"$SERVICES_DIR/redis.log" 2>&1 &
  REDIS_PID=$!
  until_ready "$REDIS_PID" 30 grep -q 'Ready to accept connections' "$SERVICES_DIR/redis.log" && return 0
  end_process "$REDIS_PID" TERM 5
  REDIS_PID=
  return 1
}

kill_redis() {
  [[ -n $REDIS_PID ]] || return 0
  end_process "$REDIS_PID" KILL 5
  REDIS_PID=
}

restart_redis() {
  local attempt
  kill_redis
  for attempt in {1..20}; do
    launch_redis && return 0
    sleep 0.1
  done
  echo "Redis did not start again (attempt $attempt):" >&2
  tail -n 20 "$SERVICES_DIR/redis.log" >&2
  return 1
}

flush_redis() (
  exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT" || exit 1
  printf 'FLUSHALL\r\n' >&3
  IFS= read -r -t 10 answer <&3
  [[ $answer == +OK* ]]
)

stop_services() {
  local lines=() attempt
  [[ -n $SERVICES_DIR ]] || return 0
  if [[ -n $REDIS_PID ]]; then end_process "$REDIS_PID" TERM 5; fi
  if [[ -n $POSTGRES_PID ]]; then end_process "$POSTGRES_PID" QUIT 10; fi
  REDIS_PID='' POSTGRES_PID=''
  # A server that was killed leaves its lock file, and the shared memory that the file's seventh line names.
  if [[ -f $SERVICES_DIR/postgres/postmaster.pid ]]; then
    mapfile -t lines <"$SERVICES_DIR/postgres/postmaster.pid"
    ipcrm -m "$(awk '{ print $2 }' <<<"${lines[6]:-}")" 2>/dev/null || true
  fi
  # Orphaned backends of a killed server may write for a moment longer.
  for attempt in {1..50}; do
    rm -rf "$SERVICES_DIR" 2>/dev/null && break
    sleep 0.1
  done
  [[ ! -e $SERVICES_DIR ]] || echo "could not remove $SERVICES_DIR (attempt $attempt)" >&2
  SERVICES_DIR='' POSTGRES_URL='' REDIS_URL=''
}
