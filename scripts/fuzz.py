#!/usr/bin/env python3
"""Sends random requests to a server. Fails if a response is 5xx, or is not described by the OpenAPI document.

    make fuzz           or: .tools/venv/bin/python scripts/fuzz.py target/debug/cinema

This imports the catalogue in data/ into a temporary database, starts `cinema serve` on a free port of 127.0.0.1, signs
in as an administrator, and lets the fuzzer schemathesis test every operation. scripts/schemathesis.toml defines what is
checked, and scripts/fuzz_hooks.py which cases are discarded. The environment variables FUZZ_SEED and FUZZ_EXAMPLES set
the seed, which is fixed by default, and the number of requests for each operation.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EMAIL, PASSWORD = "fuzz@example.com", "Fuzz-Machine-2026"
SEED = os.environ.get("FUZZ_SEED", "20261122")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "40")
# The time limit for one run of schemathesis. All runs together usually take about three minutes.
LIMIT_SECONDS = 900


def start(binary: str, folder: pathlib.Path, environment: dict[str, str]) -> tuple[subprocess.Popen, str]:
    log = folder / "server.log"
    with open(log, "w", encoding="utf-8") as errors, open(folder / "mails.txt", "w", encoding="utf-8") as mails:
        server = subprocess.Popen([binary, "serve"], stdout=mails, stderr=errors, cwd=folder, env=environment)
    for _ in range(3000):
        found = re.search(r"listening on (http://\S+)", log.read_text(encoding="utf-8"))
        if found:
            return server, re.sub(r"\x1b\[[0-9;]*m", "", found[1]).rstrip("/")
        if server.poll() is not None:
            break
        time.sleep(0.01)
    server.kill()
    sys.exit(f"fuzz: the server did not start:\n{log.read_text(encoding='utf-8')}")


def log_in(url: str) -> str:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{url}/api/v1/accounts/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["access"]


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit("usage: fuzz.py target/debug/cinema")
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    schemathesis = pathlib.Path(sys.executable).parent / "schemathesis"
    with tempfile.TemporaryDirectory(prefix="cinema-fuzz-") as name:
        folder = pathlib.Path(name)
        environment = {
            "PATH": os.environ["PATH"],
            "APP_ENV": "test",
            "APP_PORT": "0",
            "APP_SECRET_KEY": "a-key-for-the-fuzzer-alone-0123456789abc",
            "DATA_DIR": name,
            "RATE_LIMITS": "off",
            "RUST_LOG": "warn",
        }

        def cinema(*arguments: str, given: str | None = None) -> None:
            subprocess.run([binary, *arguments], input=given, text=True, check=True, cwd=folder, env=environment)

        cinema("migrate")
        cinema("movies", "import", str(ROOT / "data" / "movies.jsonl"))
        cinema("users", "create-admin", "--email", EMAIL, "--password-stdin", given=f"{PASSWORD}\n")
        server, url = start(binary, folder, environment)
        try:
            code = 0
            # The operation `endSession` is tested in a separate run: in one run with the list of sessions, the fuzzer would
            # find its own session there and end it.
            for selection in ("--exclude-operation-id", "--include-operation-id"):
                command = [
                    *(str(schemathesis), "--config-file", str(ROOT / "scripts" / "schemathesis.toml")),
                    *("run", f"{url}/openapi.json", "--url", url, selection, "endSession"),
                    *("--header", f"Authorization: Bearer {log_in(url)}"),
                    *("--seed", SEED, "--max-examples", EXAMPLES),
                ]
                hooks = os.environ | {"SCHEMATHESIS_HOOKS": str(ROOT / "scripts" / "fuzz_hooks.py")}
                done = subprocess.run(command, cwd=folder, env=hooks, timeout=LIMIT_SECONDS, check=False)
                code = done.returncode or code
            alive = server.poll() is None
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                ended = server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                ended = "killed after 20 s"
        if code or not alive or ended:
            log = (folder / "server.log").read_text(encoding="utf-8").splitlines()
            print("fuzz: the last lines of the server's log:", *log[-40:], sep="\n", file=sys.stderr)
        if not alive:
            print("fuzz: the server did not survive", file=sys.stderr)
        elif ended:
            print(f"fuzz: the server did not end well: {ended}", file=sys.stderr)
        return 1 if code or not alive or ended else 0


if __name__ == "__main__":
    sys.exit(main())
