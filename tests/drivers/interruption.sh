# shellcheck shell=bash
# Sourced. However a script ends (done, failed, interrupted), what it began is ended and removed.
#
#   on_exit FUNCTION     call FUNCTION when the script ends; the last one named is called first
#   in_group COMMAND…    run COMMAND in a process group of its own, wait for it, return its status
#   begin_group COMMAND… the same without waiting; GROUP_PID is its process id, wait_group waits for it
#   end_group PID        end what such a group has left
#
# Commands that take longer than a moment belong in a group: bash answers a signal only between two commands or
# while it waits for a background process, so a foreground compilation would hold up the clean-up until it ends.

EXIT_FUNCTIONS=()
declare -A GROUPS_BEGUN=()
GROUP_PID=

on_exit() {
  EXIT_FUNCTIONS=("$1" "${EXIT_FUNCTIONS[@]}")
}

end_script() {
  local status=$? pid name
  trap - EXIT
  # A second Ctrl-C must not leave the clean-up half done; every part of it has a time limit.
  trap '' INT TERM HUP QUIT PIPE
  set +e
  for pid in "${!GROUPS_BEGUN[@]}"; do end_group "$pid"; done
  for name in "${EXIT_FUNCTIONS[@]}"; do "$name"; done
  exit "$status"
}

trap end_script EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM

begin_group() {
  setsid -- "$@" </dev/null &
  GROUP_PID=$!
  GROUPS_BEGUN[$GROUP_PID]=1
}

wait_group() {
  local status=0
  wait "$1" || status=$?
  end_group "$1"
  return "$status"
}

in_group() {
  begin_group "$@"
  wait_group "$GROUP_PID"
}

# TERM, up to ten seconds of patience, KILL. The leader alone is addressed too: it may not have made its group yet.
end_group() {
  local pid=$1 tries=200
  unset "GROUPS_BEGUN[$pid]"
  kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 -- "-$pid" 2>/dev/null; do
    if ((tries-- == 0)); then
      kill -KILL -- "-$pid" 2>/dev/null || true
      break
    fi
    sleep 0.05
  done
}
