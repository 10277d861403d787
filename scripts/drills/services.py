"""The services of the drills: PostgreSQL and its standby, API servers, a load balancer and the fake Stripe."""

import contextlib
import http.client
import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

SECRET = "whsec_of_the_drill"
STRIPE_KEY = "sk_test_of_the_fake_stripe"
STRIPE_VERSION = "2026-10-28.endive"
PASSWORD = "Correct horse 7 battery"
# The time limits for a response and for the start of a service, in seconds.
ANSWER_LIMIT = 30
START_LIMIT = 180
# The exceptions that a call may raise if no complete response arrives.
LOST = (OSError, http.client.HTTPException, ValueError)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(port, method, path, body=None, headers=None, *, form=False):
    """Makes a request, and returns the status, the headers and the JSON body of the response.

    Raises one of the exceptions in LOST if no complete response arrives.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)
    headers = dict(headers or {})
    data = None
    if body is not None:
        data = body if form else json.dumps(body)
        headers["content-type"] = "application/x-www-form-urlencoded" if form else "application/json"
    with contextlib.closing(connection):
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


def wait_for(check, what, limit=START_LIMIT):
    """Waits until `check` returns a true value. Ends the drill if that takes longer than the limit."""
    end = time.monotonic() + limit
    while not check():
        if time.monotonic() > end:
            sys.exit(f"drill: {what} took longer than {limit} seconds")
        time.sleep(0.1)


def find_program(name):
    folders = [Path(path) for path in os.environ["PATH"].split(":")]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        # On the PATH, `name` may be a wrapper script of the Linux distribution. The real programs are in the folders that
        # also contain `postgres`.
        if (folder / name).is_file() and (folder / "postgres").is_file():
            return str(folder / name)
    sys.exit(f"drill: {name} is missing: scripts/setup.sh postgres")


class Postgres:
    """A PostgreSQL server. It is always stopped abruptly, as in a crash."""

    # fsync is turned off: only processes are killed, and the machine does not crash, so no written data is lost.
    OPTIONS = (
        "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100 -c fsync=off "
        "-c wal_level=replica -c max_wal_senders=4 -c wal_retrieve_retry_interval=100ms"
    )

    def __init__(self, folder, name="postgres"):
        self.data = folder / name
        self.log = folder / f"{name}.log"
        self.port = free_port()
        self.prefix = []
        self.owner = None
        self.log.touch()
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            self.owner = (user.pw_uid, user.pw_gid)
            os.chown(self.log, *self.owner)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def _make_folder(self):
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        if self.owner:
            os.chown(self.data, *self.owner)

    def _run(self, program, *arguments):
        command = [*self.prefix, find_program(program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=START_LIMIT)

    def create(self):
        """Creates and starts a server with an empty database."""
        self._make_folder()
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", str(self.data))
        self.start()
        self.sql("CREATE DATABASE cinema", database="postgres")

    def copy(self, primary):
        """Copies the data of the primary server, and starts as its standby."""
        self._make_folder()
        self._run("pg_basebackup", "-d", primary.url("postgres"), "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.start()

    def start(self):
        options = f"-p {self.port} {self.OPTIONS}"
        self._run("pg_ctl", "start", "-w", "-t", str(START_LIMIT), "-D", str(self.data), "-l", str(self.log), "-o", options)

    def stop(self):
        """Stops the server abruptly, as in a crash."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self.data))

    def is_running(self):
        return (self.data / "postmaster.pid").exists()

    def promote(self):
        self._run("pg_ctl", "promote", "-w", "-t", str(START_LIMIT), "-D", str(self.data))

    def kill_backend(self, rng):
        """Kills the server process of a random connection, and waits until PostgreSQL accepts connections again.

        After the death of such a process, PostgreSQL ends all connections and recovers as after a crash.
        """
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY backend_start")
        if rows:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(rng.choice(rows)[0]), 9)
        wait_for(self.takes_statements, "PostgreSQL's recovery")

    def takes_statements(self):
        return subprocess.run([find_program("pg_isready"), "-q", "-d", self.url()], check=False).returncode == 0

    def url(self, database="cinema"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, statement, database="cinema"):
        """Executes a statement, and returns the resulting rows as lists of texts."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]


class Cluster:
    """A primary server and its standby. Commits wait for the standby, so that a fail-over loses no confirmed commit."""

    def __init__(self, folder):
        self.primary = Postgres(folder, "postgres-a")
        self.standby = Postgres(folder, "postgres-b")
        self.primary.create()
        self._join()

    def _join(self):
        self.standby.copy(self.primary)
        self._set_synchronous("*")

    def _set_synchronous(self, names):
        self.primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.sql("SELECT pg_reload_conf()")

    def url(self):
        ports = sorted([self.primary.port, self.standby.port])
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgres://postgres@{hosts}/cinema?target_session_attrs=read-write"

    def sql(self, statement):
        return self.primary.sql(statement)

    def restart(self, pause):
        self.primary.stop()
        time.sleep(pause)
        self.primary.start()

    def kill_backend(self, rng):
        self.primary.kill_backend(rng)

    def _is_synchronous(self, position):
        """Returns whether the standby has all data up to this position of the log, and whether commits wait for it."""
        rows = self.primary.sql(f"SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= '{position}'")
        return bool(rows)

    def fail_over(self):
        """Stops the primary as in a crash. Then the standby becomes the primary, and the old primary becomes its standby."""
        position = self.primary.sql("SELECT pg_current_wal_lsn()")[0][0]
        wait_for(lambda: self._is_synchronous(position), "replication")
        self.primary.stop()
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self._set_synchronous("")
        self._join()

    def stop(self):
        for server in (self.standby, self.primary):
            if server.is_running():
                server.stop()


class Node:
    """A `cinema` server, which can be killed and started again at the same address."""

    def __init__(self, name, binary, folder, database_url):
        self.binary = binary
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir()
        self.log = folder / f"{name}.log"
        self.mails = folder / f"{name}.mails"
        self.environment = {
            "APP_ENV": "dev",
            "APP_SECRET_KEY": "of-a-drill-" * 4,
            "DATABASE_URL": database_url,
            "DATABASE_POOL_SIZE": "12",
            "MAILER": "console",
            "RATE_LIMITS": "off",
            "HASH_SLOTS": "1",
            "RUST_LOG": "warn",
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "APP_PORT": str(self.port),
            "DATA_DIR": str(self.folder),
            "PATH": os.environ["PATH"],
        }
        self.process = None

    def start(self):
        with open(self.log, "ab") as log, open(self.mails, "ab") as mails:
            self.process = subprocess.Popen([self.binary, "serve"], env=self.environment, stdout=mails, stderr=log, cwd=self.folder)

    def wait_until_ready(self):
        def is_ready():
            if self.process.poll() is not None:
                sys.exit(f"drill: a server ended during its start, see {self.log}")
            with contextlib.suppress(*LOST):
                return call(self.port, "GET", "/health/ready")[0] == 200
            return False

        wait_for(is_ready, f"the start of a server (see {self.log})")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Balancer:
    """A load balancer, which forwards each connection to a random server that accepts it. Stripe sends webhooks to it."""

    def __init__(self, ports):
        self.ports = ports
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            for port in random.sample(self.ports, len(self.ports)):
                with contextlib.suppress(OSError):
                    server = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_LIMIT)
                    break
            else:
                return
            with server:
                up = threading.Thread(target=self._pump, args=(client, server), daemon=True)
                up.start()
                self._pump(server, client)

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class Stripe:
    """The fake Stripe as a separate process."""

    def __init__(self, binary, folder, webhook_url):
        self.port = free_port()
        with open(folder / "stripe.log", "ab") as log:
            self.process = subprocess.Popen([binary, f"127.0.0.1:{self.port}", webhook_url, SECRET], stdout=log, stderr=log)
        wait_for(self._is_reachable, "the start of the fake Stripe")

    def _is_reachable(self):
        with contextlib.suppress(*LOST):
            return self.books() is not None
        return False

    def books(self):
        return call(self.port, "GET", "/_test/books")[2]

    def control(self, path, form=""):
        """Performs an action of a buyer or of the bank, and returns whether it was possible."""
        with contextlib.suppress(*LOST):
            return call(self.port, "POST", f"/_test/{path}", form, form=True)[0] == 200
        return False

    def control_or_exit(self, path, form=""):
        """Performs an action, and ends the drill if it was not possible."""
        if not self.control(path, form):
            sys.exit(f"drill: the fake Stripe refused {path} {form}")

    def list(self, what):
        """Returns all refunds or disputes at Stripe."""
        headers = {"authorization": f"Bearer {STRIPE_KEY}", "stripe-version": STRIPE_VERSION}
        found, after = [], ""
        while True:
            page = call(self.port, "GET", f"/v1/{what}?limit=100{after}", headers=headers)[2]
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&starting_after={found[-1]['id']}"

    def undelivered(self):
        return call(self.port, "GET", "/_test/waiting")[2]["events"]

    def stop(self):
        self.process.kill()
        self.process.wait()
