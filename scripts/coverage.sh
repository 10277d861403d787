#!/usr/bin/env bash
# Which lines the tests reach: a report to read in coverage/html/index.html, one for programs in coverage/lcov.info, and a
# summary as the last line. Arguments say of which crates (scripts/coverage.sh -p domain -p app). What is left out of the
# tests (SKIP_POSTGRES=1 and the like) counts as not reached. Builds into target/llvm-cov-target, with flags of its own:
# nothing else is built again for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

selection=(--workspace)
[ $# -eq 0 ] || selection=("$@")

bin=.tools/coverage/bin
llvm=$("$bin/python" -c 'import importlib.util; print(importlib.util.find_spec("llvm").submodule_search_locations[0])')
export LLVM_COV=$llvm/bin/llvm-cov LLVM_PROFDATA=$llvm/bin/llvm-profdata
# These builds of LLVM's tools unpack nothing.
export RUSTFLAGS="${RUSTFLAGS:-} -C llvm-args=--enable-name-compression=false"
rm -rf coverage
mkdir coverage
# Programs and profiles of earlier runs would be counted too.
"$bin/cargo-llvm-cov" llvm-cov clean --workspace

# A failed test does not take the report away, but the end is its own. Processes that tests kill leave half a profile.
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
