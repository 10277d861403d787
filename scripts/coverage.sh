#!/usr/bin/env bash
# Measures the line coverage of the tests: a report for people in coverage/html/index.html, one for programs in coverage/lcov.info, and a
# summary as the last line. Arguments select crates (scripts/coverage.sh -p domain -p app). Code of skipped
# tests (SKIP_POSTGRES=1 and similar) counts as not covered. Builds into target/llvm-cov-target, because its flags differ
# and other builds must not be repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

selection=(--workspace)
[ $# -eq 0 ] || selection=("$@")

bin=.tools/coverage/bin
llvm=$("$bin/python" -c 'import importlib.util; print(importlib.util.find_spec("llvm").submodule_search_locations[0])')
export LLVM_COV=$llvm/bin/llvm-cov LLVM_PROFDATA=$llvm/bin/llvm-profdata
# These builds of LLVM's tools do not support compressed profiles.
export RUSTFLAGS="${RUSTFLAGS:-} -C llvm-args=--enable-name-compression=false"
rm -rf coverage
mkdir coverage
# Otherwise programs and profiles of earlier runs would be counted too.
"$bin/cargo-llvm-cov" llvm-cov clean --workspace

# The report is also created after a failed test, but the exit code is that of the tests. Processes killed by tests leave incomplete profiles.
code=0
"$bin/cargo-llvm-cov" llvm-cov test --locked --no-fail-fast --no-report "${selection[@]}" || code=$?
report() { "$bin/cargo-llvm-cov" llvm-cov report --failure-mode all "$@"; }
report --html --output-dir coverage
report --lcov --output-path coverage/lcov.info
report --json --summary-only --output-path coverage/summary.json
"$bin/python" - <<'SUMMARY' | tee coverage/summary.txt
import json
totals = json.load(open("coverage/summary.json"))["data"][0]["totals"]
parts = [f"{totals[kind]['percent']:.1f} % of {totals[kind]['count']:,} {kind}" for kind in ("lines", "functions", "regions")]
print("coverage:", ", ".join(parts))
SUMMARY
exit "$code"
