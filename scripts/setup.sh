#!/usr/bin/env bash
# Installs what the make targets need in addition to Rust, a C compiler and make, unless it is already installed.
#
#   scripts/setup.sh tools       the linters and the fuzzer, from PyPI into .tools/venv
#   scripts/setup.sh s3          an S3 server for tests, from PyPI into .tools/s3
#   scripts/setup.sh mail        a mail server for tests, from PyPI into .tools/mail
#   scripts/setup.sh postgres    the programs of PostgreSQL, with which the tests start their own server
#   scripts/setup.sh redis       the program of Redis, with which the tests start their own server
#   scripts/setup.sh bench       PostgreSQL, pgbench and wrk
#   scripts/setup.sh coverage    cargo-llvm-cov and LLVM's tools, from PyPI into .tools/coverage
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

# Installs Debian packages, if this user may do so: install_packages WHAT PACKAGE... (WHAT is their name in messages.)
install_packages() {
  local why=$1
  shift
  local run=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      run=(sudo -n)
    else
      say "$why is missing and this user may not install packages. Install it (Debian, Ubuntu: sudo apt-get install $*) and run this again."
      return 1
    fi
  fi
  if ! command -v apt-get >/dev/null; then
    say "$why is missing and there is no apt-get here. Install it by your system's own means and run this again."
    return 1
  fi
  say "installing $*"
  # Packages may start services. These must not inherit file descriptor 9, with which they would keep this script's lock.
  "${run[@]}" apt-get -qq update 9>&-
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >/dev/null 9>&-
}

postgres_is_there() {
  command -v initdb >/dev/null && command -v pg_ctl >/dev/null && return 0
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

postgres() {
  if [ -n "${TEST_DATABASE_URL:-}" ] || [ "${SKIP_POSTGRES:-}" = 1 ] || postgres_is_there; then
    return 0
  fi
  if ! install_packages "PostgreSQL (15 or later)" postgresql; then
    say "SKIP_POSTGRES=1 runs the tests without it; TEST_DATABASE_URL=postgres://… uses a server of yours."
    return 1
  fi
  if ! postgres_is_there; then
    say "PostgreSQL was installed, but initdb is neither on the PATH nor under /usr/lib/postgresql."
    return 1
  fi
}

redis() {
  if [ "${SKIP_REDIS:-}" = 1 ] || command -v redis-server >/dev/null; then
    return 0
  fi
  if ! install_packages "Redis" redis-server; then
    say "SKIP_REDIS=1 runs the tests without it."
    return 1
  fi
}

# Installs the packages of a list into a separate Python environment, unless it has them: install_from_pypi FOLDER LIST
# Every step checks for errors, because `set -e` has no effect in a function that is called in a condition.
install_from_pypi() {
  local venv=$1 list=$2
  if [ -f "$venv/list.txt" ] && cmp -s "$list" "$venv/list.txt"; then
    return 0
  fi
  command -v python3 >/dev/null || install_packages "Python 3" python3 python3-venv || return 1
  say "installing what $list names into $venv"
  rm -rf "$venv" || return 1
  # On Debian, this fails without the package python3-venv, and may leave an incomplete environment.
  if ! python3 -m venv "$venv" >/dev/null 2>&1; then
    rm -rf "$venv" || return 1
    install_packages "Python's venv module" python3-venv || return 1
    python3 -m venv "$venv" || return 1
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement "$list" || return 1
  cp "$list" "$venv/list.txt" || return 1
}

tools() {
  install_from_pypi .tools/venv scripts/tools.txt
}

s3() {
  [ "${SKIP_S3:-}" = 1 ] && return 0
  if ! install_from_pypi .tools/s3 scripts/s3.txt; then
    say "The S3 server for the tests could not be installed (it comes from PyPI). SKIP_S3=1 runs the tests without it."
    return 1
  fi
}

mail() {
  [ "${SKIP_MAIL:-}" = 1 ] && return 0
  if ! install_from_pypi .tools/mail scripts/mail.txt; then
    say "The mail server for the tests could not be installed (it comes from PyPI). SKIP_MAIL=1 runs the tests without it."
    return 1
  fi
}

bench() {
  postgres
  command -v wrk >/dev/null || install_packages "wrk, the load generator" wrk
}

coverage() {
  install_from_pypi .tools/coverage scripts/coverage.txt
}

# Only one call of this script runs at a time. Otherwise, its calls by .ci/run in the background and by the make targets
# could install the same packages at the same time. (macOS has no flock, and therefore no lock.)
mkdir -p .tools
if command -v flock >/dev/null; then
  exec 9>.tools/lock
  flock 9
fi

case "${1:-}" in
  tools | s3 | mail | postgres | redis | bench | coverage) "$1" ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
