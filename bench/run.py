#!/usr/bin/env python3
"""Measures the server on SQLite and on PostgreSQL, compared with pgbench running the server's SELECTs.

    make bench          or: python3 bench/run.py target/release/cinema

Needs Linux, wrk, PostgreSQL's programs, and only Python's standard library. Everything runs on this machine on loopback
addresses and in a temporary folder, ends after a few minutes, and updates docs/benchmarks.md: only the part between its two
markers is replaced. BENCH_SECONDS (6) is the duration of each load, BENCH_MOVIES (10000) the size of the catalogue.
"""

import contextlib
import datetime
import glob
import http.client
import json
import os
import pathlib
import platform
import pwd
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: make bench writes from here -->", "<!-- measured: to here -->"
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
MOVIES = int(os.environ.get("BENCH_MOVIES", "10000"))
CONNECTIONS = 16
ACCOUNTS = 16
# How often the list is measured alone and under load, alternately; the results are the medians.
ROUNDS = 5
# How often the server and pgbench run alternately, and for how many seconds each.
TURNS, TURN = 9, max(1, SECONDS // 3)
# Added movies are removed this number of requests later, so that carts are never full and every add succeeds.
CART_LAG = 320
PASSWORD = "Bench-Mark-2026"
# The film for the transfers, and the number of simultaneous slow transfers.
FILM_MIB = 1024
FILM_BYTES = FILM_MIB * 1024 * 1024
WATCHERS = 600


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def out(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def fetch(url: str, body: object = None, token: str | None = None) -> dict:
    request = urllib.request.Request(url)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


# ---------------------------------------------------------------- PostgreSQL


class Cluster:
    """A separate PostgreSQL cluster, with its defaults except for memory, the port and the log."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.port = folder, free_port()
        self.user = {}
        if os.geteuid() == 0:  # initdb refuses root
            name = "postgres" if any(u.pw_name == "postgres" for u in pwd.getpwall()) else "nobody"
            entry = pwd.getpwnam(name)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        folder.mkdir()
        if self.user:
            os.chown(folder, self.user["user"], self.user["group"])
        self.run("initdb", "--pgdata", str(self.data), "--username", "cinema", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{folder}'\n"
                "shared_buffers = '256MB'\nmax_connections = 200\n"
                "logging_collector = on\nlog_destination = 'jsonlog'\nlog_directory = 'log'\nlog_filename = 'server.log'\n"
            )
        self.run("pg_ctl", "--pgdata", str(self.data), "--wait", "--log", str(folder / "start.log"), "start")
        self.run("createdb", "--host", "127.0.0.1", "--port", str(self.port), "--username", "cinema", "cinema")

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
            sys.exit(f"bench: {name} is not there: scripts/setup.sh bench installs it")
        return path

    def run(self, name: str, *arguments: str) -> str:
        done = subprocess.run([self.program(name), *arguments], capture_output=True, text=True, cwd="/", check=False, **self.user)
        if done.returncode:
            sys.exit(f"bench: {name} failed: {done.stderr or done.stdout}")
        return done.stdout

    def sql(self, *statements: str) -> str:
        commands = [part for statement in statements for part in ("--command", statement)]
        return self.run(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--host", "127.0.0.1", "--port", str(self.port), "--username", "cinema", "cinema", *commands
        )

    def stop(self) -> None:
        self.run("pg_ctl", "--pgdata", str(self.data), "--mode", "immediate", "--wait", "stop")

    def statements_of(self, deed) -> list[str]:
        """The statements that the server sends to the database while `deed` runs, with their parameters inserted."""
        log = self.data / "log" / "server.json"
        self.sql("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
        time.sleep(0.5)
        start = log.stat().st_size
        deed()
        time.sleep(0.5)
        with open(log, encoding="utf-8") as lines:
            lines.seek(start)
            entries = [json.loads(line) for line in lines if line.strip()]
        self.sql("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")
        statements = []
        for entry in entries:
            told = re.match(r"(?:execute [^:]*|statement): (.*)", entry.get("message", ""), re.DOTALL)
            # Without the statements of psql and of the worker, which polls for mails four times a second.
            if told and re.match(r"\s*(SELECT|WITH)\b", told[1], re.IGNORECASE) and not re.search(r"\boutbox\b|pg_reload_conf", told[1]):
                statements.append(inlined(told[1], entry.get("detail", "")))
        return statements

    def pgbench(self, name: str, statements: list[str], seconds: int) -> float:
        """How many times per second 16 clients can run these statements, prepared and directly."""
        script = self.folder / f"{name}.sql"
        script.write_text("".join(f"{' '.join(s.split())};\n" for s in statements), encoding="utf-8")
        script.chmod(0o644)
        told = self.run(
            "pgbench", "--no-vacuum", "--protocol", "prepared", "--client", str(CONNECTIONS), "--jobs", "2", "--time", str(seconds),
            "--file", str(script), "--host", "127.0.0.1", "--port", str(self.port), "--username", "cinema", "cinema",
        )
        return float(re.search(r"tps = ([\d.]+)", told)[1])


def inlined(statement: str, detail: str) -> str:
    """The statement with `$1` … replaced by the logged parameters, as literals whose type follows from the context."""
    values = {}
    for number, text in re.findall(r"\$(\d+) = (NULL|'(?:[^']|'')*')", detail):
        # pgbench would interpret `:word` as a variable.
        values[number] = "U&" + text.replace("\\", "\\\\").replace(":", "\\003A") if ":" in text else text
    return re.sub(r"\$(\d+)", lambda m: values.get(m[1], m[0]), statement)


# ---------------------------------------------------------------- the server


class Server:
    """One `cinema` with its own folder and database."""

    def __init__(self, binary: str, folder: pathlib.Path, database: str) -> None:
        folder.mkdir()
        self.binary, self.folder = binary, folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "APP_ENV": "test",
            "APP_PORT": "0",
            "APP_SECRET_KEY": "a-key-for-the-benchmark-alone-0123456789",
            "DATABASE_URL": database,
            "DATA_DIR": str(folder),
            "LOG_FORMAT": "json",
            "RATE_LIMITS": "off",
            "RUST_LOG": "warn",
        }

    def command(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run([self.binary, *arguments], input=given, capture_output=True, text=True, cwd=self.folder, env=self.environment, check=False)
        if done.returncode:
            sys.exit(f"bench: cinema {' '.join(arguments)} failed ({done.returncode}): {done.stderr.strip()}")
        return done.stdout

    def prepare(self, catalogue: pathlib.Path) -> float:
        """Migrates, imports the catalogue, creates the accounts, and returns the imported rows per second."""
        self.command("migrate")
        began = time.monotonic()
        self.command("movies", "import", str(catalogue))
        rate = MOVIES / (time.monotonic() - began)
        for number in range(ACCOUNTS):
            self.command("users", "create-admin", "--email", f"bench{number}@example.com", "--password-stdin", given=PASSWORD + "\n")
        return rate

    def start(self) -> None:
        self.log = open(self.folder / "server.log", "w+", encoding="utf-8")
        began = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve"], stdout=subprocess.DEVNULL, stderr=self.log, cwd=self.folder, env=self.environment)
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
        self.process.wait(20)

    def memory(self) -> float:
        """Resident megabytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tokens(self) -> list[str]:
        return [
            fetch(f"{self.url}/api/v1/accounts/login", {"email": f"bench{n}@example.com", "password": PASSWORD})["access"]
            for n in range(ACCOUNTS)
        ]


# ---------------------------------------------------------------- load

DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "us": %d, "p50": %f, "p99": %f, "bad": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50.0), latency:percentile(99.0),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def lua(value) -> str:
    return "{" + ",".join(json.dumps(v) for v in value) + "}"


def paths_script(paths: list[str]) -> str:
    return f"local paths = {lua(paths)}\nlocal i = 0\nrequest = function() i = i + 1; return wrk.format('GET', paths[i % #paths + 1]) end\n" + DONE


def login_script() -> str:
    bodies = [json.dumps({"email": f"bench{n}@example.com", "password": PASSWORD}) for n in range(ACCOUNTS)]
    return (
        f"local bodies = {lua(bodies)}\nlocal headers = {{['Content-Type'] = 'application/json'}}\nlocal i = 0\n"
        "request = function() i = i + 1; return wrk.format('POST', '/api/v1/accounts/login', headers, bodies[i % #bodies + 1]) end\n" + DONE
    )


def cart_script(tokens: list[str], movies: list[str]) -> str:
    """Every other request adds a movie to a cart; the requests in between remove the movie added CART_LAG adds earlier."""
    return (
        f"local tokens, movies = {lua(tokens)}, {lua(movies)}\nlocal added, turn = 0, -1\n"
        "local function headers(n) return {['Content-Type'] = 'application/json', ['Authorization'] = 'Bearer ' .. tokens[n % #tokens + 1]} end\n"
        "local function movie(n) return movies[math.floor(n / #tokens) % #movies + 1] end\n"
        "request = function()\n"
        "  turn = turn + 1\n"
        # wrk requests one call that it never sends.
        "  if turn == 0 then return wrk.format('GET', '/health/live') end\n"
        f"  if turn % 2 == 0 and added > {CART_LAG} then\n"
        f"    local n = added - {CART_LAG}\n"
        "    return wrk.format('DELETE', '/api/v1/cart/items/' .. movie(n), headers(n))\n"
        "  end\n"
        f"  if added <= {CART_LAG} or turn % 2 == 1 then added = added + 1 end\n"
        "  return wrk.format('POST', '/api/v1/cart/items', headers(added), '{\"movie_id\": \"' .. movie(added) .. '\"}')\n"
        "end\n" + DONE
    )


def load(server: Server, folder: pathlib.Path, name: str, script: str, *, seconds: int = SECONDS, warm: bool = True) -> dict:
    """The results of wrk, and the processor time of the server's process during the load."""
    file = folder / f"{name}.lua"
    file.write_text(script, encoding="utf-8")
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--latency", "--timeout", "10s", "--script", str(file)]
    if warm:
        subprocess.run([*command, "--duration", "1s", server.url], capture_output=True, check=False)
    before = server.cpu_seconds()
    done = subprocess.run([*command, "--duration", f"{seconds}s", server.url], capture_output=True, text=True, check=False)
    used = server.cpu_seconds() - before
    found = re.search(r"RESULT (\{.*\})", done.stdout)
    if not found:
        state = "runs" if server.process.poll() is None else f"ended with {server.process.returncode}"
        log = (server.folder / "server.log").read_text(encoding="utf-8")[-4000:]
        sys.exit(f"bench: wrk failed on {name}: {done.stdout}{done.stderr}\nThe server {state}; the end of its log:\n{log}")
    told = json.loads(found[1])
    wall = told["us"] / 1e6
    return {
        "rate": told["requests"] / wall,
        "p50": told["p50"] / 1000,
        "p99": told["p99"] / 1000,
        "bad": told["bad"] + told["broken"],
        "cpu": used / wall,
    }


def in_turns(server_rate: Callable[[], float], limit: Callable[[], float]) -> dict:
    """Runs the server and pgbench alternately, because the load of the machine varies; the result is the median of the ratios."""
    turns = [(server_rate(), limit()) for _ in range(TURNS)]
    return {
        "server": statistics.median(rate for rate, _ in turns),
        "pgbench": statistics.median(limit for _, limit in turns),
        "ratios": sorted(rate / limit for rate, limit in turns),
        "ratio": statistics.median(rate / limit for rate, limit in turns),
    }


def crowding(server: Server, folder: pathlib.Path, label: str) -> tuple[dict, dict]:
    """The list alone, then while fifty clients log in."""
    script = paths_script(["/api/v1/movies"])
    alone = load(server, folder, f"{label}-alone", script, seconds=3, warm=False)
    crowd = wrk(server, folder, f"{label}-crowd", login_script(), connections=50, seconds=5)
    time.sleep(1)
    crowded = load(server, folder, f"{label}-crowded", script, seconds=3, warm=False)
    crowd.wait()
    return alone, crowded


def wrk(server: Server, folder: pathlib.Path, name: str, script: str, *, connections: int, seconds: int) -> subprocess.Popen:
    """A load in the background."""
    file = folder / f"{name}.lua"
    file.write_text(script, encoding="utf-8")
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--timeout", "30s", "--duration", f"{seconds}s", "--script", str(file), server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def storm(server: Server, folder: pathlib.Path, label: str) -> dict:
    """Five hundred clients sign in, immediately again if they are refused, while one requests /health/live."""
    before, most = server.memory(), 0.0
    counting = login_script().replace("request = function()", "STATUSES = {}\nresponse = function(status) STATUSES[status] = (STATUSES[status] or 0) + 1 end\nrequest = function()")
    # Each thread has its own variables: the thread passes its counts through its address.
    counting = counting.replace(DONE, "") + (
        "local threads = {}\nsetup = function(thread) table.insert(threads, thread) end\n"
        "local function tell(counts) for status, count in pairs(counts) do io.write('STATUS ' .. status .. ' ' .. count .. '\\n') end end\n"
        "done = function() for _, thread in ipairs(threads) do tell(thread:get('STATUSES')) end end\n"
    )
    crowd = wrk(server, folder, f"{label}-storm", counting, connections=500, seconds=SECONDS + 2)
    time.sleep(1)
    latencies = []
    until = time.monotonic() + SECONDS
    with contextlib.closing(http.client.HTTPConnection(server.url.split("//")[1], timeout=30)) as connection:
        while time.monotonic() < until:
            began = time.monotonic()
            connection.request("GET", "/health/live")
            connection.getresponse().read()
            latencies.append((time.monotonic() - began) * 1000)
            most = max(most, server.memory())
            time.sleep(0.01)
    told, _ = crowd.communicate()
    statuses = {status: int(count) for status, count in re.findall(r"STATUS (\d+) (\d+)", told)}
    return {"p99": statistics.quantiles(latencies, n=100)[98], "grown": most - before, "statuses": statuses}


def bought_film(server: Server) -> str:
    """Attaches a film to a movie and buys it, and returns the path of the film."""
    api, token = f"{server.url}/api/v1", server.tokens()[0]
    movie = fetch(f"{api}/movies?sort=-price&page_size=1")["items"][0]["id"]
    film = server.folder / "film.mp4"
    with open(film, "wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        for _ in range(FILM_MIB):
            file.write(os.urandom(1024 * 1024))
    server.command("movies", "attach-media", movie, str(film))
    film.unlink()

    def post(url: str, body: object = None) -> dict:
        # An empty body makes it a POST.
        request = urllib.request.Request(url, data=b"" if body is None else json.dumps(body).encode(), headers={"Authorization": f"Bearer {token}"})
        if body is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    for item in fetch(f"{api}/cart", token=token)["items"]:
        urllib.request.urlopen(urllib.request.Request(f"{api}/cart/items/{item['movie']['id']}", method="DELETE", headers={"Authorization": f"Bearer {token}"}), timeout=30).close()
    post(f"{api}/cart/items", {"movie_id": movie})
    payment = post(f"{api}/orders/{post(f'{api}/orders')['id']}/payments")
    checkout = urllib.parse.urlsplit(payment["checkout_url"])
    with contextlib.closing(http.client.HTTPConnection(checkout.netloc, timeout=30)) as connection:
        connection.request("POST", checkout.path, "outcome=pay", {"Content-Type": "application/x-www-form-urlencoded"})
        connection.getresponse().read()
    for _ in range(100):
        if fetch(f"{api}/library", token=token)["items"]:
            return urllib.parse.urlsplit(fetch(f"{api}/library/{movie}/playback", token=token)["url"]).path
        time.sleep(0.1)
    sys.exit("bench: the paid movie did not come into the library")


def watch(server: Server, path: str, source: str = "127.0.0.1") -> socket.socket:
    """A connection that requested the whole film and has read nothing yet."""
    host, port = server.url.split("//")[1].split(":")
    connection = socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=0-\r\n\r\n".encode())
    return connection


def playing(server: Server, folder: pathlib.Path, label: str) -> dict:
    """The speed of a film with two players, and the speed of the list during very many slow transfers."""
    path = bought_film(server)
    before, most, read = server.memory(), 0.0, 0
    players, buffer = [watch(server, path) for _ in range(2)], bytearray(1024 * 1024)
    began = time.monotonic()
    while (took := time.monotonic() - began) < SECONDS:
        ready, _, _ = select.select(players, [], [], 5)
        for player in ready:
            count = player.recv_into(buffer)
            read += count
            if count == 0:
                sys.exit("bench: a film ended early")
        if read // FILM_BYTES >= len(players):  # each player has nearly all of it: start again
            break
        most = max(most, server.memory())
    for player in players:
        player.close()
    result = {"rate": read / took / 1e6, "grown": most - before}
    alone = load(server, folder, f"{label}-unwatched", paths_script(["/api/v1/movies"]), seconds=4)
    before = server.memory()
    crowd = [watch(server, path, f"127.0.0.{2 + number % 100}") for number in range(WATCHERS)]
    for player in crowd:
        if not player.recv(4096).startswith(b"HTTP/1.1 206"):
            sys.exit("bench: a player was sent away")
    crowded = load(server, folder, f"{label}-watched", paths_script(["/api/v1/movies"]), seconds=4, warm=False)
    result |= {"alone": alone["p99"], "watched": crowded["p99"], "bad": crowded["bad"], "each": (server.memory() - before) * 1024 / WATCHERS}
    for player in crowd:
        player.close()
    return result


def guessing(server: Server) -> dict:
    """The median milliseconds of 200 sign-ins with an unknown address and of 200 with a wrong password, alternately."""
    times: dict[str, list[float]] = {"nobody@example.com": [], "bench0@example.com": []}
    with contextlib.closing(http.client.HTTPConnection(server.url.split("//")[1], timeout=30)) as connection:
        for _ in range(200):
            for email, samples in times.items():
                body = json.dumps({"email": email, "password": "Wrong-Mark-2026"})
                began = time.monotonic()
                connection.request("POST", "/api/v1/accounts/login", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                samples.append((time.monotonic() - began) * 1000)
                if answer.status != 401:
                    sys.exit(f"bench: a wrong password was answered with {answer.status}")
    unknown, wrong = (statistics.median(samples) for samples in times.values())
    return {"unknown": unknown, "wrong": wrong, "apart": abs(unknown - wrong) / wrong}


def measure(server: Server, folder: pathlib.Path, label: str, cluster: Cluster | None) -> dict:
    """All loads on one running server."""
    api = f"{server.url}/api/v1"
    time.sleep(2)
    result = {"idle": server.memory(), "started_in": server.started_in}
    result["at_first"], result["statements"], result["limits"] = {}, {}, {}
    if cluster:  # the statements if the server has cached nothing of the list yet, such as its total
        result["at_first"]["list"] = cluster.statements_of(lambda: fetch(f"{api}/movies"))
    first = fetch(f"{api}/movies?page_size=100")["items"]
    ids = [movie["id"] for movie in first]
    words = sorted({w for m in first for w in re.findall(r"[A-Za-z]{4,}", m["name"])})[:50]
    searches = [f"/api/v1/movies?title={word}" for word in words]
    if cluster:
        pages = {"list": f"{api}/movies", "detail": f"{api}/movies/{ids[7]}", "search": f"{server.url}{searches[0]}"}
        for name, page in pages.items():
            if name not in result["at_first"]:
                result["at_first"][name] = cluster.statements_of(lambda page=page: fetch(page))
            result["statements"][name] = cluster.statements_of(lambda page=page: fetch(page))

    cases = {
        "live": paths_script(["/health/live"]),
        "list": paths_script(["/api/v1/movies"]),
        "detail": paths_script([f"/api/v1/movies/{i}" for i in ids]),
        "search": paths_script(searches),
        "cart": cart_script(server.tokens(), ids),
        "login": login_script(),
    }
    for name, script in cases.items():
        # A warm-up would leave movies in the carts, and the measured adds would be answered with 409.
        result[name] = load(server, folder, f"{label}-{name}", script, warm=name != "cart")
        if cluster and result["statements"].get(name):
            result["limits"][name] = in_turns(
                lambda name=name, script=script: load(server, folder, f"{label}-{name}", script, seconds=TURN, warm=False)["rate"],
                lambda name=name: cluster.pgbench(name, result["statements"][name], TURN),
            )
            say(f"  {label} {name}: {result['limits'][name]['ratio']:.2f} of pgbench")
        say(f"  {label} {name}: {result[name]['rate']:.0f}/s, p50 {result[name]['p50']:.2f} ms, p99 {result[name]['p99']:.2f} ms, bad {result[name]['bad']}")

    # The deepest page by cursor compared with the first page.
    cursor, last, items = None, None, 0
    while True:
        page = fetch(f"{api}/movies" + (f"?cursor={cursor}" if cursor else ""))
        items += len(page["items"])
        if not page["next_cursor"]:
            break
        last = cursor = page["next_cursor"]
    result["walked"] = items
    result["first"] = load(server, folder, f"{label}-first", paths_script(["/api/v1/movies"]), seconds=4)
    result["deepest"] = load(server, folder, f"{label}-deepest", paths_script([f"/api/v1/movies?cursor={last}"]), seconds=4)

    # Several times alternately alone and under load, so that a short stall of the machine does not decide.
    rounds = [crowding(server, folder, label) for _ in range(ROUNDS)]
    result["crowd"] = {
        "alone": [alone["p99"] for alone, _ in rounds],
        "crowded": [crowded["p99"] for _, crowded in rounds],
        "rate": [crowded["rate"] for _, crowded in rounds],
    }
    result["storm"] = storm(server, folder, label)
    result["guess"] = guessing(server)
    result["film"] = playing(server, folder, label)
    say(f"  {label} film: {result['film']['rate']:.0f} MB/s")
    result["loaded"] = server.memory()
    return result


# ---------------------------------------------------------------- the report

NAMES = {
    "live": "`GET /health/live`",
    "list": "movie list (20)",
    "detail": "movie detail",
    "search": "title search",
    "cart": "cart add and remove",
    "login": "log in",
}


def report(results: dict[str, dict], version: str, load_before: str) -> str:
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="utf-8"))[1]) // 1024 // 1024
    dirty = " with uncommitted changes" if out("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.md") else ""
    lines = [
        BEGIN,
        "",
        f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC at commit {out('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}{dirty}.",
        f"{os.cpu_count()} × {cpu}, {memory} GiB, Linux {platform.release()}; {version}. The load average was {load_before} before and {os.getloadavg()[0]:.2f} after.",
        f"{MOVIES:,} movies, {CONNECTIONS} connections (wrk, one thread), {SECONDS} s a load. The load generator, the server and PostgreSQL share the cores.",
        "`server` is the processor time of the server's process alone, in cores. `bad` counts answers that were not 2xx and broken connections.",
        "",
        "| | database | requests/s | p50 ms | p99 ms | server | bad |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, title in NAMES.items():
        for label, result in results.items():
            row = result[name]
            lines.append(f"| {title} | {label} | {row['rate']:,.0f} | {row['p50']:.2f} | {row['p99']:.2f} | {row['cpu']:.2f} | {row['bad']} |")
    postgres, sqlite = results.get("PostgreSQL"), results.get("SQLite")
    if postgres:
        lines += [
            "",
            f"Beside pgbench: the SELECTs of a page asked for before, prepared, {CONNECTIONS} clients, on the same cluster, in turns of {TURN} s; medians of {TURNS}.",
            "",
            "| | statements at first | from then on | pgbench/s | server/s | ratio | of each turn |",
            "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        ]
        for name, limit in postgres["limits"].items():
            counts = f"{len(postgres['at_first'][name])} | {len(postgres['statements'][name])}"
            each = ", ".join(f"{ratio:.2f}" for ratio in limit["ratios"])
            lines.append(f"| {NAMES[name]} | {counts} | {limit['pgbench']:,.0f} | {limit['server']:,.0f} | {limit['ratio']:.2f} | {each} |")
    lines += ["", "| | " + " | ".join(results) + " | wanted |", "| --- |" + " ---: |" * len(results) + " --- |"]

    def row(title: str, value, wanted: str) -> None:
        lines.append(f"| {title} | " + " | ".join(value(r) for r in results.values()) + f" | {wanted} |")

    row("memory idle, MB", lambda r: f"{r['idle']:.0f}", "under 60")
    row("memory after the loads, MB", lambda r: f"{r['loaded']:.0f}", "")
    row("start to first answer, s", lambda r: f"{r['started_in']:.2f}", "")
    row("import into an empty database, rows/s", lambda r: f"{r['import']:,.0f}", "5,000 or more")
    row("first page, p50 ms", lambda r: f"{r['first']['p50']:.2f}", "")
    row("deepest cursor page, p50 ms", lambda r: f"{r['deepest']['p50']:.2f}", "")
    row("deepest to first", lambda r: f"{r['deepest']['p50'] / r['first']['p50']:.2f}", "at most 2")
    middle = statistics.median
    row(f"list alone, p99 ms, median of {ROUNDS}", lambda r: f"{middle(r['crowd']['alone']):.2f}", "")
    row(f"list while 50 clients log in, p99 ms, median of {ROUNDS}", lambda r: f"{middle(r['crowd']['crowded']):.2f}", "")
    row("each of them", lambda r: ", ".join(f"{p99:.1f}" for p99 in sorted(r["crowd"]["crowded"])), "")
    row("p99 crowded to alone", lambda r: f"{middle(r['crowd']['crowded']) / middle(r['crowd']['alone']):.2f}", "at most 2")
    row("list while 50 clients log in, requests/s", lambda r: f"{middle(r['crowd']['rate']):,.0f}", "")
    row("500 clients log in: `/health/live`, p99 ms", lambda r: f"{r['storm']['p99']:.1f}", "under 50")
    row("500 clients log in: memory grows by, MB", lambda r: f"{r['storm']['grown']:.0f}", "at most 19 a slot + 64")
    row("500 clients log in: answers", lambda r: ", ".join(f"{count:,} × {status}" for status, count in sorted(r["storm"]["statuses"].items())), "200, 401, 429, 503 alone")
    row("log in, unknown address, median ms of 200", lambda r: f"{r['guess']['unknown']:.2f}", "")
    row("log in, wrong password, median ms of 200", lambda r: f"{r['guess']['wrong']:.2f}", "")
    row("they differ by", lambda r: f"{r['guess']['apart']:.1%}", "under 10 %")
    row("film by byte range, two players, MB/s", lambda r: f"{r['film']['rate']:,.0f}", "500 or more")
    row("two players: memory grows by, MB", lambda r: f"{r['film']['grown']:.0f}", "flat")
    row("list alone, p99 ms", lambda r: f"{r['film']['alone']:.2f}", "")
    row(f"list while {WATCHERS} clients watch slowly, p99 ms", lambda r: f"{r['film']['watched']:.2f}", "as alone")
    row("memory of each of them, KB", lambda r: f"{r['film']['each']:.0f}", "")
    if postgres and sqlite:
        lines += ["", f"The list on SQLite runs at {sqlite['list']['rate'] / postgres['list']['rate']:.2f} of its rate on PostgreSQL (wanted: 1 or more)."]
    if postgres:
        lines += ["", "<details><summary>The SELECTs of the list, the detail and the search, as PostgreSQL logged them</summary>", "", "```sql"]
        for name, statements in postgres["at_first"].items():
            lines += [f"-- {name}", *(" ".join(s.split()) + ";" for s in statements)]
        lines += ["```", "", "</details>"]
    return "\n".join([*lines, "", END])


def write(text: str) -> None:
    frame = f"# Benchmarks\n\n`make bench` measures and writes the tables; the text around them is written by hand.\n\n{BEGIN}\n{END}\n"
    page = REPORT.read_text(encoding="utf-8") if REPORT.exists() else frame
    if BEGIN not in page or END not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, after = page.split(BEGIN)[0], page.split(END, 1)[1]
    REPORT.write_text(before + text + after, encoding="utf-8")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: run.py target/release/cinema [sqlite] [postgres]")
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:] or ["sqlite", "postgres"]
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is not there: scripts/setup.sh bench installs it")
    load_before = " ".join(f"{n:.2f}" for n in os.getloadavg())
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory(prefix="cinema-bench-") as name, contextlib.ExitStack() as cleanup:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        catalogue = folder / "movies.jsonl"
        environment = {"PATH": os.environ["PATH"], "APP_ENV": "test", "DATA_DIR": name}
        with open(catalogue, "w", encoding="utf-8") as lines:
            subprocess.run([binary, "dev", "generate-movies", str(MOVIES)], stdout=lines, cwd=folder, env=environment, check=True)
        version = out("wrk", "--version").split("Copyright")[0].strip() or "wrk"
        for kind in wanted:
            label = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[kind]
            say(f"{label}:")
            cluster = None
            if kind == "postgres":
                cluster = Cluster(folder / "cluster")
                cleanup.callback(cluster.stop)
                version += ", PostgreSQL " + cluster.sql("SHOW server_version").split()[0]
            server = Server(binary, folder / kind, cluster.url if cluster else f"sqlite://{folder}/{kind}/cinema.db")
            rate = server.prepare(catalogue)
            say(f"  {label} import: {rate:,.0f} rows/s")
            if cluster:
                cluster.sql("VACUUM ANALYZE")
            server.start()
            try:
                results[label] = {**measure(server, folder, label, cluster), "import": rate}
            finally:
                server.stop()
        text = report(results, version, load_before)
    write(text)
    print(text.split("<details>")[0].replace(BEGIN, "").replace(END, "").strip())


if __name__ == "__main__":
    main()
