#!/usr/bin/env bash
# Every test of the workspace; the last line sums the runs up, and the exit code is cargo's own.
# Arguments go to `cargo test` (scripts/test.sh -p domain). SKIP_POSTGRES=1 leaves out what needs PostgreSQL,
# SKIP_REDIS=1 what needs Redis, SKIP_S3=1 what needs an S3 server, SKIP_MAIL=1 what needs a mail server.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

selection=(--workspace)
[ $# -eq 0 ] || selection=("$@")

# Databases of the tests in memory, where there is enough: right after a build the disk is busy for minutes, and a
# commit waits for it.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail --block-size=1M /dev/shm | tail -1)" -ge 4096 ] &&
  [ "$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)" -ge 8192 ]; then
  TMPDIR=$(mktemp --directory /dev/shm/cinema-test.XXXXXX)
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
  # PostgreSQL runs as another user, below its own folder in here.
  chmod 1777 "$TMPDIR"
fi

mkdir -p target
log=target/test-output.txt
cargo test --locked --no-fail-fast "${selection[@]}" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
if [ $# -eq 0 ]; then
  # The optional feature of the library, which nothing else in the workspace turns on.
  cargo test --locked -p domain --features serde --test serialization 2>&1 | tee --append "$log"
  serde_code=${PIPESTATUS[0]}
  [ "$code" -ne 0 ] || code=$serde_code
fi

if [ "${SKIP_POSTGRES:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_POSTGRES=1: left out was what needs PostgreSQL: its storage contract, its migrations, and the API suite on it.'
fi
if [ "${SKIP_REDIS:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_REDIS=1: left out was what needs Redis: the limits that several nodes share.'
fi
if [ "${SKIP_S3:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_S3=1: left out was what needs an S3 server: the part of the media contract that runs on one.'
fi
if [ "${SKIP_MAIL:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_MAIL=1: left out was what needs a mail server: the API cases named mails.'
fi
# cargo prints one "test result: ok. 3 passed; 0 failed; 0 ignored; …" for each test program.
awk '
  /^test result: / {
    for (i = 2; i <= NF; i++) {
      if ($i ~ /^passed/) passed += $(i - 1)
      if ($i ~ /^failed/) failed += $(i - 1)
      if ($i ~ /^ignored/) ignored += $(i - 1)
    }
  }
  END {
    printf "%d passed, %d failed", passed, failed
    if (ignored) printf ", %d skipped", ignored
    printf "\n"
  }
' "$log" | tee target/test-summary.txt
exit "$code"
