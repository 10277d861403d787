"""Runs the server that is measured, and defines the settings that all measurements share."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
CONNECTIONS = 16
ACCOUNTS = 16
PASSWORD = "Bench-Mark-2026"
SECRET = "a-key-for-the-benchmark-alone-0123456789"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def out(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def fetch(url: str, body: object = None, token: str | None = None, *, method: str | None = None, content_type: str = "application/json") -> dict:
    """Makes a request and returns the JSON body of the response. With a body, the default method is POST."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", content_type)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Server:
    """A `cinema` server with its own folder and database."""

    def __init__(self, binary: str, folder: pathlib.Path, database: str) -> None:
        folder.mkdir(exist_ok=True)
        self.binary, self.folder = binary, folder
        self.signed_in_at, self.known_tokens = -1000.0, []
        self.environment = {
            "PATH": os.environ["PATH"],
            "APP_ENV": "test",
            "APP_PORT": "0",
            "APP_SECRET_KEY": SECRET,
            "DATABASE_URL": database,
            "DATA_DIR": str(folder),
            "LOG_FORMAT": "json",
            # All connections of wrk come from one address, and must not be limited.
            "MAX_CONNECTIONS_PER_CLIENT": "5000",
            "RATE_LIMITS": "off",
            "RUST_LOG": "warn",
        }

    def command(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run([self.binary, *arguments], input=given, capture_output=True, text=True, cwd=self.folder, env=self.environment, check=False)
        if done.returncode:
            sys.exit(f"bench: cinema {' '.join(arguments)} failed ({done.returncode}): {done.stderr.strip()}")
        return done.stdout

    def prepare(self, catalogue: pathlib.Path, movies: int) -> dict:
        """Creates the database with the movies of the catalogue and the accounts.

        Returns how many movies were imported per second, and the peak memory of the import in MB.
        """
        self.command("migrate")
        began = time.monotonic()
        importing = subprocess.Popen(
            [self.binary, "movies", "import", str(catalogue)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.folder, env=self.environment
        )
        peak = 0.0
        while importing.poll() is None:
            # The peak is read from /proc. The peak that `wait4` returns would be too high, because it includes the memory
            # of this Python process before the `exec`.
            with contextlib.suppress(OSError, TypeError):
                peak = self.peak_memory(importing.pid)
            time.sleep(0.05)
        if importing.returncode:
            sys.exit(f"bench: the import failed: {importing.stderr.read().strip()}")
        rate = movies / (time.monotonic() - began)
        for number in range(ACCOUNTS):
            for name in ("bench", "login"):
                self.command("users", "create-admin", "--email", f"{name}{number}@example.com", "--password-stdin", given=PASSWORD + "\n")
        return {"rate": rate, "memory": peak}

    def start(self, *options: str) -> None:
        self.signed_in_at = -1000.0
        self.log = open(self.folder / "server.log", "w+", encoding="utf-8")
        began = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve", *options], stdout=subprocess.DEVNULL, stderr=self.log, cwd=self.folder, env=self.environment)
        while time.monotonic() - began < 30:
            found = re.search(r"listening on (http://[\w.:\[\]]+)", (self.folder / "server.log").read_text(encoding="utf-8"))
            if found:
                self.url = found[1]
                self.started_in = time.monotonic() - began
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        sys.exit(f"bench: the server did not start:\n{(self.folder / 'server.log').read_text(encoding='utf-8')}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory(self) -> float:
        """Returns the resident memory of the server in MB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def peak_memory(self, pid: int | None = None) -> float:
        """Returns the peak of the resident memory of a process (by default the server) since its start, in MB."""
        status = pathlib.Path(f"/proc/{pid or self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tokens(self) -> list[str]:
        """Returns an access token for each account. The same tokens are returned for five minutes."""
        if time.monotonic() - self.signed_in_at > 300:
            self.known_tokens = [self.log_in(f"bench{n}@example.com") for n in range(ACCOUNTS)]
            self.signed_in_at = time.monotonic()
        return self.known_tokens

    def log_in(self, email: str) -> str:
        for _ in range(20):
            try:
                return fetch(f"{self.url}/api/v1/accounts/login", {"email": email, "password": PASSWORD})["access"]
            except urllib.error.HTTPError as refusal:  # after a load, the queue of sign-ins may still be full
                if refusal.code != 503:
                    raise
                time.sleep(1)
        sys.exit("bench: no account can sign in")
