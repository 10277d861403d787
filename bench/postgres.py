"""Runs the PostgreSQL server of the measurements, and measures its speed with pgbench."""

import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import time

from server import CONNECTIONS, free_port


class Cluster:
    """A separate PostgreSQL server, with default settings except for addresses, memory, connections and the log."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.port = folder, free_port()
        self.user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            name = "postgres" if any(u.pw_name == "postgres" for u in pwd.getpwall()) else "nobody"
            entry = pwd.getpwnam(name)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        if not folder.exists():
            self.create()
        self.run("pg_ctl", "--pgdata", str(self.data), "--wait", "--log", str(folder / "start.log"), "--options", f"-p {self.port}", "start")
        known = "SELECT 1 FROM pg_database WHERE datname = 'cinema'"
        if not self.run("psql", "--no-psqlrc", "--tuples-only", "--no-align", *self.address, "postgres", "--command", known).strip():
            self.run("createdb", *self.address, "cinema")

    def create(self) -> None:
        self.folder.mkdir()
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        self.run("initdb", "--pgdata", str(self.data), "--username", "cinema", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n"
                "shared_buffers = '256MB'\nmax_connections = 200\n"
                "logging_collector = on\nlog_destination = 'jsonlog'\nlog_directory = 'log'\nlog_filename = 'server.log'\n"
            )

    @property
    def address(self) -> list[str]:
        return ["--host", "127.0.0.1", "--port", str(self.port), "--username", "cinema"]

    @property
    def data(self) -> pathlib.Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgres://cinema@127.0.0.1:{self.port}/cinema"

    @staticmethod
    def program(name: str) -> str:
        found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda p: int(p.split("/")[4]))
        path = found[-1] if found else shutil.which(name)
        if not path:
            sys.exit(f"bench: {name} is not installed: scripts/setup.sh bench installs it")
        return path

    def run(self, name: str, *arguments: str) -> str:
        done = subprocess.run([self.program(name), *arguments], capture_output=True, text=True, cwd="/", check=False, **self.user)
        if done.returncode:
            sys.exit(f"bench: {name} failed: {done.stderr or done.stdout}")
        return done.stdout

    def sql(self, *statements: str) -> str:
        commands = [part for statement in statements for part in ("--command", statement)]
        return self.run(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", *self.address, "cinema", *commands
        )

    def stop(self) -> None:
        self.run("pg_ctl", "--pgdata", str(self.data), "--mode", "fast", "--wait", "stop")

    def statements_of(self, action) -> list[str]:
        """Returns the SELECT statements that `cinema` sends while `action` runs, with their parameters inserted."""
        log = self.data / "log" / "server.json"
        self.sql("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
        time.sleep(0.5)
        start = log.stat().st_size
        action()
        time.sleep(0.5)
        with open(log, encoding="utf-8") as lines:
            lines.seek(start)
            entries = [json.loads(line) for line in lines if line.strip()]
        self.sql("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")
        statements = []
        for entry in entries:
            told = re.match(r"(?:execute [^:]*|statement): (.*)", entry.get("message", ""), re.DOTALL)
            # The statements of psql itself, and those about the outbox, do not belong to a page and are left out.
            if told and re.match(r"\s*(SELECT|WITH)\b", told[1], re.IGNORECASE) and not re.search(r"\boutbox\b|pg_reload_conf", told[1]):
                statements.append(inlined(told[1], entry.get("detail", "")))
        return statements

    def pgbench(self, name: str, statements: list[str], seconds: int) -> float:
        """Returns how many times per second pgbench runs the list of statements, which it prepares once."""
        script = self.folder / f"{name}.sql"
        script.write_text("".join(f"{' '.join(s.split())};\n" for s in statements), encoding="utf-8")
        script.chmod(0o644)
        told = self.run(
            "pgbench", "--no-vacuum", "--protocol", "prepared", "--client", str(CONNECTIONS), "--jobs", "2", "--time", str(seconds),
            "--file", str(script), *self.address, "cinema",
        )
        return float(re.search(r"tps = ([\d.]+)", told)[1])


def inlined(statement: str, detail: str) -> str:
    """Replaces `$1`, `$2` and so on by the logged values of the parameters, as literals without a type."""
    values = {}
    for number, text in re.findall(r"\$(\d+) = (NULL|'(?:[^']|'')*')", detail):
        # A colon is escaped, because pgbench would interpret `:word` as a variable.
        values[number] = "U&" + text.replace("\\", "\\\\").replace(":", "\\003A") if ":" in text else text
    return re.sub(r"\$(\d+)", lambda m: values.get(m[1], m[0]), statement)
