#!/usr/bin/env python3
"""Measures the server on SQLite and on PostgreSQL, and compares it with pgbench running the same SELECTs.

    make bench          or: python3 bench/run.py small target/release/cinema
    make bench-large    or: python3 bench/run.py large target/release/cinema

This needs Linux, wrk, the programs of PostgreSQL, and only Python's standard library. Everything runs on this machine,
on loopback addresses and in a temporary folder. The results replace a part of docs/benchmarks.md: each of `small` and
`large` has two comment lines there that mark its part. By default both databases are measured. Further arguments
(sqlite, postgres) select one of them; then docs/benchmarks.md is not changed.

`small` measures signing in, the catalogue, orders and films, with BENCH_MOVIES (10000) movies. `large` measures the
catalogue with the same number of movies and with BENCH_MOVIES_LARGE (1000000) movies. Both end with the sales report
over BENCH_ORDERS (1000000) orders. BENCH_SECONDS (6) is the duration of each load. If BENCH_FOLDER names a folder, the
databases are kept there, and the next run uses them without another import.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import accounts
import catalogue
import film
import money
import report
import sales
from loads import TURN, cart_script, in_turns, load, login_script, paths_script
from postgres import Cluster
from server import SECONDS, Server, fetch, out, say

MOVIES = int(os.environ.get("BENCH_MOVIES", "10000"))
MOVIES_LARGE = int(os.environ.get("BENCH_MOVIES_LARGE", "1000000"))
ORDERS = int(os.environ.get("BENCH_ORDERS", "1000000"))
LABELS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def first_movies(server: Server) -> tuple[list[str], list[str]]:
    """Returns the identifiers of the first movies, and paths that search for words of their titles."""
    first = fetch(f"{server.url}/api/v1/movies?page_size=100")["items"]
    words = sorted({w for m in first for w in re.findall(r"[A-Za-z]{4,}", m["name"])})[:50]
    return [movie["id"] for movie in first], [f"/api/v1/movies?title={word}" for word in words]


def logged_statements(server: Server, cluster: Cluster) -> dict:
    """Returns the SELECT statements of the first and of the second request for each page.

    The server is started without background work, because the statements of its jobs would be logged, too.
    """
    server.start("--no-workers")
    try:
        ids, searches = first_movies(server)
        token = server.tokens()[0]
        pages = {"list": "/api/v1/movies?sort=-imdb", "detail": f"/api/v1/movies/{ids[7]}", "search": searches[0]}
        logged = {"at_first": {}, "statements": {}}
        for name, page in pages.items():
            for kept in logged.values():
                kept[name] = cluster.statements_of(lambda page=page: fetch(f"{server.url}{page}", token=token))
        return logged
    finally:
        server.stop()


def reading_movies(statements: list[str]) -> list[str]:
    """Returns the statements that read the movies of a page, without those about the session and the total."""
    return [statement for statement in statements if statement.startswith("SELECT (SELECT version FROM catalog_state), m.id")]


def measure_small(server: Server, folder: pathlib.Path, label: str, cluster: Cluster | None, logged: dict) -> dict:
    """Runs all loads of `small` on one server, and returns the results."""
    time.sleep(2)
    result = {"idle": server.memory(), "started_in": server.started_in, "limits": {}, **logged}
    token = server.tokens()[0]
    ids, searches = first_movies(server)
    cases = {
        "live": paths_script(["/health/live"]),
        # The caller is signed in, because complete responses to anonymous callers are cached.
        "list": paths_script(["/api/v1/movies?sort=-imdb"], token),
        "detail": paths_script([f"/api/v1/movies/{i}" for i in ids], token),
        "search": paths_script(searches, token),
        "cart": cart_script(server.tokens(), ids),
        "login": login_script(),
    }
    for name, script in cases.items():
        # `cart` has no warm-up: it would leave movies in the carts, and adding them again would be answered with 409.
        result[name] = load(server, folder, f"{label}-{name}", script, warm=name != "cart")
        if cluster and result["statements"].get(name):
            result["limits"][name] = in_turns(
                lambda name=name, script=script: load(server, folder, f"{label}-{name}", script, seconds=TURN, warm=False)["rate"],
                {
                    "rows": lambda name=name: cluster.pgbench(name, reading_movies(result["at_first"][name]), TURN),
                    "later": lambda name=name: cluster.pgbench(name, result["statements"][name], TURN),
                },
            )
            limit = result["limits"][name]
            say(f"  {label} {name}: {limit['rows']['ratio']:.2f} of pgbench reading the same rows, {limit['later']['ratio']:.2f} with the statements of later requests")
        row = result[name]
        say(f"  {label} {name}: {row['rate']:.0f}/s, p50 {row['p50']:.2f} ms, p99 {row['p99']:.2f} ms, bad {row['bad']}")
    result |= accounts.measure(server, folder, label)
    result["money"] = money.measure(server)
    say(f"  {label} money: {json.dumps(result['money'])}")
    result["peak"] = server.peak_memory()
    result["film"] = film.playing(server, folder, label)
    say(f"  {label} film: {result['film']['rate']:.0f} MB/s")
    return result


def generate(binary: str, folder: pathlib.Path, movies: int) -> pathlib.Path:
    """Returns the path of a file with this number of generated movies. Creates the file if it does not exist."""
    catalogue_file = folder / f"movies-{movies}.jsonl"
    if not catalogue_file.exists():
        environment = {"PATH": os.environ["PATH"], "APP_ENV": "test", "DATA_DIR": str(folder)}
        with open(f"{catalogue_file}.new", "w", encoding="utf-8") as lines:
            subprocess.run([binary, "dev", "generate-movies", str(movies)], stdout=lines, cwd=folder, env=environment, check=True)
        os.rename(f"{catalogue_file}.new", catalogue_file)
    return catalogue_file


class Bench:
    """Runs the measurements. The folder contains the databases."""

    def __init__(self, binary: str, folder: pathlib.Path, cleanup: contextlib.ExitStack) -> None:
        self.binary, self.folder, self.cleanup = binary, folder, cleanup

    def open(self, kind: str, movies: int) -> tuple[Server, Cluster | None, dict]:
        """Prepares a database with this number of movies, unless an earlier run has already done this.

        Returns the server, which is not started yet, the PostgreSQL cluster or None, and the figures of the import.
        """
        name = f"{kind}-{movies}"
        done = self.folder / f"{name}.json"
        if not done.exists():
            for leftover in (name, f"{name}-cluster"):
                shutil.rmtree(self.folder / leftover, ignore_errors=True)
        cluster = Cluster(self.folder / f"{name}-cluster") if kind == "postgres" else None
        if cluster:
            self.cleanup.callback(cluster.stop)
        server = Server(self.binary, self.folder / name, cluster.url if cluster else f"sqlite://{self.folder}/{name}/cinema.db")
        if done.exists():
            server.command("migrate")
        else:
            told = server.prepare(generate(self.binary, self.folder, movies), movies)
            say(f"  {LABELS[kind]} import of {movies:,}: {told['rate']:,.0f} rows/s, {told['memory']:.0f} MB")
            done.write_text(json.dumps(told), encoding="utf-8")
        if cluster:
            cluster.sql("VACUUM ANALYZE")
        return server, cluster, json.loads(done.read_text(encoding="utf-8"))

    def small(self, kind: str) -> dict:
        server, cluster, imported = self.open(kind, MOVIES)
        logged = logged_statements(server, cluster) if cluster else {"at_first": {}, "statements": {}}
        server.start()
        try:
            result = {**measure_small(server, self.folder, LABELS[kind], cluster, logged), "import": imported}
        finally:
            server.stop()
        return {**result, "sales": self.sold(kind, MOVIES, server, cluster)}

    def large(self, kind: str) -> dict[int, dict]:
        result = {}
        for movies in (MOVIES, MOVIES_LARGE):
            server, cluster, imported = self.open(kind, movies)
            server.start()
            try:
                result[movies] = {**catalogue.measure(server, self.folder, f"{LABELS[kind]}-{movies}", cluster, seconds=SECONDS), "import": imported}
            finally:
                server.stop()
        result[MOVIES_LARGE]["sales"] = self.sold(kind, MOVIES_LARGE, server, cluster)
        return result

    def sold(self, kind: str, movies: int, server: Server, cluster: Cluster | None) -> dict:
        """Writes many orders into the database and measures the sales report over them. The server must be stopped."""
        done = self.folder / f"{kind}-{movies}-orders.json"
        if not done.exists():
            began = time.monotonic()
            sales.into_postgres(cluster, ORDERS) if cluster else sales.into_sqlite(server, ORDERS)
            say(f"  {LABELS[kind]}: {ORDERS:,} orders written in {time.monotonic() - began:.0f} s")
            done.write_text("{}", encoding="utf-8")
        server.start()
        try:
            measured = sales.measure(server)
            say(f"  {LABELS[kind]} sales: {json.dumps(measured)}")
            return measured
        finally:
            server.stop()


def main() -> None:
    if len(sys.argv) < 3 or sys.argv[1] not in ("small", "large"):
        sys.exit("usage: run.py small|large target/release/cinema [sqlite] [postgres]")
    part, binary = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    kinds = sys.argv[3:] or ["sqlite", "postgres"]
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is not installed: scripts/setup.sh bench installs it")
    load_before = " ".join(f"{n:.2f}" for n in os.getloadavg())
    version = out("wrk", "--version").split("Copyright")[0].strip() or "wrk"
    version += ", " + out(Cluster.program("postgres"), "--version").split(" (")[0].replace("postgres ", "").replace("(PostgreSQL) ", "PostgreSQL ")
    kept = os.environ.get("BENCH_FOLDER")
    with contextlib.ExitStack() as cleanup:
        folder = pathlib.Path(kept or cleanup.enter_context(tempfile.TemporaryDirectory(prefix="cinema-bench-"))).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        bench = Bench(binary, folder, cleanup)
        results = {}
        for kind in kinds:
            say(f"{LABELS[kind]}:")
            results[LABELS[kind]] = bench.small(kind) if part == "small" else bench.large(kind)
        if part == "small":
            text, begin, end = report.small(results, version, load_before, MOVIES), report.BEGIN, report.END
        else:
            text, begin, end = report.large(results, version, load_before), report.BEGIN_LARGE, report.END_LARGE
    if len(kinds) == len(LABELS):
        report.write(text, begin, end)
    print(text.split("<details>")[0].replace(begin, "").replace(end, "").strip())


if __name__ == "__main__":
    main()
