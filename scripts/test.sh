#!/usr/bin/env bash
# Runs all tests of the workspace. The last line is a summary of all test programs, and the exit code is that of cargo.
# Arguments are passed to `cargo test` (scripts/test.sh -p domain). The tests that need a server are skipped with
# SKIP_POSTGRES=1 (PostgreSQL), SKIP_REDIS=1 (Redis), SKIP_S3=1 (an S3 server) and SKIP_MAIL=1 (a mail server).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

selection=(--workspace)
[ $# -eq 0 ] || selection=("$@")

# If there is enough memory, the databases of the tests are stored in memory: after a build, the disk is busy for minutes,
# and commits would have to wait for it.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail --block-size=1M /dev/shm | tail -1)" -ge 4096 ] &&
  [ "$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)" -ge 8192 ]; then
  TMPDIR=$(mktemp --directory /dev/shm/cinema-test.XXXXXX)
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
  # If the tests run as root, PostgreSQL runs as another user, which must have access to this folder.
  chmod 1777 "$TMPDIR"
fi

mkdir -p target
log=target/test-output.txt
cargo test --locked --no-fail-fast "${selection[@]}" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
if [ $# -eq 0 ]; then
  # The feature `serde` of `domain` is optional, and nothing else in the workspace enables it.
  cargo test --locked -p domain --features serde --test serialization 2>&1 | tee --append "$log"
  serde_code=${PIPESTATUS[0]}
  [ "$code" -ne 0 ] || code=$serde_code
fi

if [ "${SKIP_POSTGRES:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_POSTGRES=1: skipped the tests that need PostgreSQL: its storage contract, its migrations, and the API suite on it.'
fi
if [ "${SKIP_REDIS:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_REDIS=1: skipped the tests that need Redis: rate limits shared by several nodes.'
fi
if [ "${SKIP_S3:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_S3=1: skipped the tests that need an S3 server: the media contract on S3.'
fi
if [ "${SKIP_MAIL:-}" = 1 ]; then
  printf '\n%s\n' 'SKIP_MAIL=1: skipped the tests that need a mail server: the API cases named mails.'
fi
if [ "$code" -ne 0 ]; then
  # The names of the failed tests are printed again at the end, where they are easy to find after a long log.
  printf '\n%s\n' 'Failed tests:'
  grep -E '^(test .*FAILED|error(\[|:| )|Secrets were found |line [0-9]+: )' "$log" | sort --unique | head -40
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
