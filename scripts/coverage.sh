#!/usr/bin/env bash
# Measures which code the tests execute. Writes a report for people (coverage/html/index.html) and one for programs
# (coverage/lcov.info), and prints a summary as the last line. Arguments select crates: `scripts/coverage.sh -p domain`.
# If tests are skipped (SKIP_POSTGRES=1 and similar), the code that only they execute counts as not covered. The build
# has its own folder, target/llvm-cov-target, because its compiler flags differ: if it shared the folder target with
# normal builds, cargo would compile everything again whenever the kind of build changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

selection=(--workspace)
[ $# -eq 0 ] || selection=("$@")

bin=.tools/coverage/bin
llvm=$("$bin/python" -c 'import importlib.util; print(importlib.util.find_spec("llvm").submodule_search_locations[0])')
export LLVM_COV=$llvm/bin/llvm-cov LLVM_PROFDATA=$llvm/bin/llvm-profdata
# The LLVM tools from PyPI cannot read compressed profiles.
export RUSTFLAGS="${RUSTFLAGS:-} -C llvm-args=--enable-name-compression=false"
rm -rf coverage
mkdir coverage
# Programs and profiles of earlier runs are removed, because they would be counted too.
"$bin/cargo-llvm-cov" llvm-cov clean --workspace

# The report is also created after a failed test, but the exit code is that of the tests. The report needs
# `--failure-mode all`, because processes that tests kill leave incomplete profiles.
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
