#!/usr/bin/env python3
"""Attacks a server with slow clients, and checks that it needs little memory and stays fast for other clients.

    cargo build --release -p server --bin cinema
    scripts/drills/slow_clients.py [--binary target/release/cinema]

This needs Linux, because the clients have many addresses of 127.0.0.0/8, and memory is read from /proc. The server must
be a release build. The script takes about five minutes, and prints a line for each case. If a case fails, the exit code
is 1.
"""

import argparse
import contextlib
import http.client
import itertools
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = 600
# The limits for the server's resident memory in bytes, and for the p99 of /health/live in seconds.
MAX_RSS = 200 * 1024 * 1024
MAX_HEALTH_P99 = 0.1
CLIENTS_PER_ADDRESS = 100
# The numbers of the groups of clients. All clients of a group have one address.
GROUPS = itertools.count()


class Server:
    """A server with a new SQLite database, which contains the movies of data/."""

    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory()
        environment = {
            "APP_ENV": "dev",
            "APP_PORT": "0",
            "DATA_DIR": self.folder.name,
            "RUST_LOG": "warn",
            "HASH_SLOTS": "1",
        }
        self.process = subprocess.Popen(
            # 1024 is the usual soft limit of open files. The server must raise it.
            ["sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh", binary, "serve"],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.port = None
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"listening on http://[\d.]+:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        else:
            sys.exit("the server did not start:\n" + "".join(self.log))
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        self.log.extend(self.process.stderr)

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024

    def kernel_memory(self):
        """Returns how many bytes of memory the send buffers of the server's connections use in the kernel."""
        lines = subprocess.run(["ss", "-Htnm", f"sport = :{self.port}"], capture_output=True, text=True, check=True).stdout
        return sum(int(sent) for sent in re.findall(r"skmem:\([^)]*?\bt(\d+)", lines))

    def connections(self):
        lines = subprocess.run(
            ["ss", "-Htn", "state", "established", f"sport = :{self.port}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return len(lines.splitlines())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def addresses(count):
    """Returns the loopback addresses of this number of clients. CLIENTS_PER_ADDRESS clients share an address.

    A later call returns other addresses, because the server limits the number of requests of each address.
    """
    groups = [next(GROUPS) for _ in range(-(-count // CLIENTS_PER_ADDRESS))]
    clients = (groups[number // CLIENTS_PER_ADDRESS] for number in range(count))
    return [f"127.1.{group // 200}.{1 + group % 200}" for group in clients]


def connect(port, source, receive_buffer=4096):
    client = socket.socket()
    # The client's buffer is small, so that data that it does not read stay on the server's side, whose memory is measured.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(10)
    client.bind((source, 0))
    client.connect(("127.0.0.1", port))
    return client


class Health:
    """Requests /health/live continuously from a separate address, and measures the durations."""

    def __init__(self, port):
        self.port, self.times, self.failures, self.is_active = port, [], 0, True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while self.is_active:
            begun = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10, source_address=("127.0.9.9", 0))
                connection.request("GET", "/health/live")
                if connection.getresponse().status != 200:
                    self.failures += 1
                connection.close()
            except OSError:
                self.failures += 1
            self.times.append(time.monotonic() - begun)
            time.sleep(0.06)

    def stop(self):
        self.is_active = False
        self.thread.join()
        return statistics.quantiles(self.times, n=100)[98] if len(self.times) > 1 else 0.0


FAILED = []


def report(name, is_good, figures):
    print(f"{'ok  ' if is_good else 'FAIL'} {name}: {figures}", flush=True)
    if not is_good:
        FAILED.append(name)


def slow_readers(server, path, coding, rate, seconds=12):
    """Checks the server while many clients request the same path, and each reads `rate` bytes per second."""
    health = Health(server.port)
    clients = []
    for source in addresses(CLIENTS):
        client = connect(server.port, source)
        accept = f"Accept-Encoding: {coding}\r\n" if coding else ""
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{accept}\r\n".encode())
        client.setblocking(False)
        clients.append(client)
    largest, kernel = 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for client in clients:
            with contextlib.suppress(OSError):
                if rate:
                    client.recv(rate // 4)
        largest = max(largest, server.rss())
        kernel = max(kernel, server.kernel_memory())
        time.sleep(0.25)
    p99 = health.stop()
    for client in clients:
        client.close()
    report(
        f"{CLIENTS} readers of {path} ({coding or 'identity'}) at {rate} B/s",
        largest < MAX_RSS and p99 < MAX_HEALTH_P99 and not health.failures,
        f"memory {largest / 1e6:.0f} MB, kernel {kernel / 1e6:.0f} MB, health p99 {p99 * 1000:.1f} ms, {health.failures} failures",
    )


def seconds_until_closed(client, seconds):
    """Returns the seconds until the server closed the connection, or None if it is still open after the limit."""
    begun = time.monotonic()
    client.settimeout(seconds)
    try:
        while client.recv(65_536):
            pass
    except TimeoutError:
        return None
    except OSError:
        pass
    return time.monotonic() - begun


def endless_waits(server):
    """Checks that the server disconnects clients that stop in the middle of a request or send no further request."""
    first = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"GET /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    upload = b"POST /api/v1/accounts/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    for name, parts, limit in [
        ("a connection that sends nothing", [], 7),
        ("a head that stops after a byte", [b"G"], 7),
        ("a second head that stops after a byte", [first, b"G"], 7),
        ("an idle connection after an answer", [first], 7),
        ("a chunked body that no handler reads", [chunked, b"1\r\na\r\n"], 7),
        ("a JSON body that stops", [upload], 13),
    ]:
        client = connect(server.port, "127.0.8.1")
        for part in parts:
            client.sendall(part)
            time.sleep(0.3)
        seconds = seconds_until_closed(client, limit + 5)
        shown = "still open" if seconds is None else f"closed after {seconds:.1f} s"
        report(name, seconds is not None and seconds <= limit, shown)
        client.close()


def unread_answers(server, count=550, limit=40):
    """Checks that unread responses need little memory of the kernel, and that their connections are closed."""
    clients = []
    for source in addresses(count):
        client = connect(server.port, source)
        client.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n")
        clients.append(client)
    time.sleep(3)
    kernel, rss = server.kernel_memory(), server.rss()
    begun = time.monotonic()
    while server.connections() > 10 and time.monotonic() - begun < limit:
        time.sleep(0.5)
    seconds = time.monotonic() - begun + 3
    left = server.connections()
    for client in clients:
        client.close()
    report(
        f"{count} answers that are not read",
        left <= 10 and kernel < 300_000_000,
        f"kernel {kernel / 1e6:.0f} MB, memory {rss / 1e6:.0f} MB, {left} open after {seconds:.0f} s",
    )


def crowd(server, count=3_000):
    """Checks that the server still serves requests while it has more incomplete requests than the usual limit of 1024 files."""
    clients = []
    for source in addresses(count):
        client = connect(server.port, source)
        client.sendall(b"GET / HTTP/1.1\r\n")
        clients.append(client)
    health = Health(server.port)
    time.sleep(3)
    p99 = health.stop()
    report(
        f"{count} half-sent heads from {count // CLIENTS_PER_ADDRESS} addresses",
        not health.failures and p99 < 1,
        f"health p99 {p99 * 1000:.1f} ms, {health.failures} failures, memory {server.rss() / 1e6:.0f} MB",
    )
    for client in clients:
        client.close()


def one_address(server):
    """Checks that one client can keep only 256 connections open, and that another client is still served."""
    clients = [connect(server.port, "127.0.7.1") for _ in range(400)]
    time.sleep(0.5)
    is_open = [seconds_until_closed(client, 0.01) is None for client in clients]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5, source_address=("127.0.7.2", 0))
    connection.request("GET", "/health/live")
    status = connection.getresponse().status
    report(
        "400 connections of one client",
        is_open.count(True) == 256 and status == 200,
        f"{is_open.count(True)} are open, another client gets {status}",
    )
    for client in clients:
        client.close()


def steady_reader(server, rate=20_000, seconds=60):
    """Checks that a slow download is not interrupted while it progresses."""
    client = connect(server.port, "127.0.6.1")
    client.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received, begun = 0, time.monotonic()
    client.settimeout(10)
    try:
        while time.monotonic() - begun < seconds:
            part = client.recv(rate // 4)
            if not part:
                break
            received += len(part)
            time.sleep(0.25)
        # The download was slow for the whole time, and the connection was not closed. The rest is read without pauses.
        while part := client.recv(65_536):
            received += len(part)
        ended = "complete"
    except OSError as error:
        ended = f"interrupted ({error})"
    report(
        f"a download at {rate // 1000} kB/s for {seconds} s",
        ended == "complete" and received > 1_000_000,
        f"{received / 1e6:.2f} MB, {ended}",
    )


def pipelines(server):
    """Checks that requests that are sent together are answered in their order."""
    for methods in (["HEAD", "GET"], ["GET", "HEAD"], ["HEAD", "GET", "HEAD", "GET"]):
        client = connect(server.port, "127.0.5.1")
        requests = [f"{method} /health/live HTTP/1.1\r\nHost: x\r\n" for method in methods]
        client.sendall(("\r\n".join(requests) + "Connection: close\r\n\r\n").encode())
        answer = b""
        while part := client.recv(65_536):
            answer += part
        expected = methods.count("GET")
        is_good = answer.count(b"HTTP/1.1 200 OK") == len(methods) and answer.count(b'{"status":"ok"}') == expected
        report(f"pipelined {' '.join(methods)}", is_good, f"{answer.count(b'HTTP/1.1 200')} answers")
        client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/cinema")
    binary = os.path.abspath(parser.parse_args().binary)
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    server = Server(binary)
    try:
        print(f"memory at the start: {server.rss() / 1e6:.0f} MB")
        pipelines(server)
        for path, coding in [
            ("/docs/swagger-ui-bundle.js", "br"),
            ("/docs/swagger-ui-bundle.js", None),
            ("/openapi.json", "br"),
            ("/openapi.json", None),
            ("/api/v1/movies?page_size=100", "br"),
            ("/api/v1/movies?page_size=100", "gzip"),
            ("/api/v1/movies?page_size=100", None),
        ]:
            slow_readers(server, path, coding, rate=1_000)
        slow_readers(server, "/docs/swagger-ui-bundle.js", "br", rate=0)
        endless_waits(server)
        unread_answers(server)
        crowd(server)
        one_address(server)
        steady_reader(server)
        print(f"memory at the end: {server.rss() / 1e6:.0f} MB")
        warnings = [line for line in server.log if "WARN" in line or "ERROR" in line]
        print(f"{len(warnings)} warnings in the log" + (f", the first: {warnings[0].strip()}" if warnings else ""))
    finally:
        server.stop()
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
