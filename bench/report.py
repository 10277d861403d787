"""Writes the results into docs/benchmarks.md."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import sys

import accounts
import catalogue
import film
from loads import TURN, TURNS
from server import CONNECTIONS, ROOT, SECONDS, out

REPORT = ROOT / "docs" / "benchmarks.md"
# The lines between which `make bench` and `make bench-large` write their results.
BEGIN, END = "<!-- measured: make bench writes from here -->", "<!-- measured: to here -->"
BEGIN_LARGE, END_LARGE = "<!-- measured: make bench-large writes from here -->", "<!-- measured: make bench-large, to here -->"

NAMES = {
    "live": "`GET /health/live`",
    "list": "movie list (20)",
    "detail": "movie detail",
    "search": "title search",
    "cart": "cart add and remove",
    "login": "log in",
}


def heading(version: str, load_before: str, about: str) -> list[str]:
    """Returns the first lines of a report, which state the time, the machine and the subject of the measurement."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="utf-8"))[1]) // 1024 // 1024
    dirty = " with uncommitted changes" if out("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.md") else ""
    return [
        "",
        f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC at commit {out('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}{dirty}.",
        f"{os.cpu_count()} × {cpu}, {memory} GiB, Linux {platform.release()}; {version}. The load average was {load_before} before and {os.getloadavg()[0]:.2f} after.",
        f"{about}, {CONNECTIONS} connections (wrk, one thread), {SECONDS} s a load. The load generator, the server and PostgreSQL share the cores.",
    ]


class Table:
    """A table with a row for each figure: its value on each database, its target, and whether the target is met."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.lines = ["", "| | " + " | ".join(labels) + " | wanted | met |", "| --- |" + " ---: |" * len(labels) + " --- | --- |"]

    def row(self, title: str, cells: list[str], wanted: str = "", met: list[bool] | None = None) -> None:
        failed = [label for label, is_met in zip(self.labels, met or [], strict=bool(met)) if not is_met]
        told = "" if not met else "yes" if not failed else "no" if len(failed) == len(self.labels) else f"not on {failed[0]}"
        self.lines.append(f"| {title} | " + " | ".join(cells) + f" | {wanted} | {told} |")


def small(results: dict[str, dict], version: str, load_before: str, movies: int) -> str:
    """Returns the report of `make bench`."""
    lines = [BEGIN, *heading(version, load_before, f"{movies:,} movies")]
    lines += [
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
            f"Compared with pgbench, which runs prepared SELECTs with {CONNECTIONS} clients on the same cluster; alternately for {TURN} s each; medians of {TURNS}. "
            "`same rows`: pgbench reads all columns of the movies of the page, as the first request does. `later`: pgbench runs only the statements of a later request, "
            "for which the server has the names, genres and posters of the movies in its cache.",
            "",
            "| | server/s | pgbench/s, same rows | ratio | wanted | ratios of all turns | pgbench/s, later | ratio |",
            "| --- | ---: | ---: | ---: | --- | --- | ---: | ---: |",
        ]
        for name, limit in postgres["limits"].items():
            rows, later = limit["rows"], limit["later"]
            each = ", ".join(f"{ratio:.2f}" for ratio in rows["ratios"])
            wanted = "0.75 or more" if name == "list" else ""
            lines.append(
                f"| {NAMES[name]} | {limit['server']:,.0f} | {rows['rate']:,.0f} | {rows['ratio']:.2f} | {wanted} | {each} | {later['rate']:,.0f} | {later['ratio']:.2f} |"
            )
    table = Table(list(results))
    all_results = list(results.values())

    def row(title: str, value, wanted: str = "", met=None, shown: str = ".2f") -> None:
        values = [value(result) for result in all_results]
        cells = [one if isinstance(one, str) else f"{one:,{shown}}" for one in values]
        table.row(title, cells, wanted, [met(one) for one in values] if met else None)

    middle = statistics.median
    row("memory idle, MB", lambda r: r["idle"], "under 60", lambda v: v < 60, ".0f")
    row("peak memory under these loads, with orders, MB", lambda r: r["peak"], "under 200", lambda v: v < 200, ".0f")
    row("start to first answer, s", lambda r: r["started_in"])
    row("import into an empty database, rows/s", lambda r: r["import"]["rate"], "5,000 or more", lambda v: v >= 5000, ".0f")
    row(f"list alone, p99 ms, median of {accounts.ROUNDS}", lambda r: middle(r["crowd"]["alone"]))
    row(f"list while 50 clients log in, p99 ms, median of {accounts.ROUNDS}", lambda r: middle(r["crowd"]["crowded"]))
    row("the same: p99 ms of each round", lambda r: ", ".join(f"{p99:.1f}" for p99 in sorted(r["crowd"]["crowded"])))
    row("list while 50 clients log in: p99 compared with the list alone", lambda r: middle(r["crowd"]["crowded"]) / middle(r["crowd"]["alone"]), "at most 2", lambda v: v <= 2)
    row("list while 50 clients log in, requests/s", lambda r: middle(r["crowd"]["rate"]), shown=".0f")
    row("500 clients log in: `/health/live`, p99 ms", lambda r: r["storm"]["p99"], "under 50", lambda v: v < 50, ".1f")
    row("500 clients log in: memory grows by, MB", lambda r: r["storm"]["grown"], "at most 19 a slot + 64", lambda v: v <= 83, ".0f")
    row("500 clients log in: answers", lambda r: ", ".join(f"{count:,} × {status}" for status, count in sorted(r["storm"]["statuses"].items())), "only 200, 401, 429, 503")
    row("log in, unknown address, median ms of 200", lambda r: r["guess"]["unknown"])
    row("log in, wrong password, median ms of 200", lambda r: r["guess"]["wrong"])
    row("log in: difference between these two, %", lambda r: r["guess"]["apart"] * 100, "under 10", lambda v: v < 10, ".1f")
    money = lambda name: lambda r: r["money"][name]  # noqa: E731
    row("order at 50/s, p99 ms", lambda r: money("orders")(r)["p99"], "under 40", lambda v: v < 40)
    row("created orders, refused orders", lambda r: f"{r['money']['orders']['count']:,}, {r['money']['orders']['bad']}")
    row("16 buyers order as fast as possible, orders/s", lambda r: money("many_orders")(r)["rate"], shown=".0f")
    row("the same, p99 ms", lambda r: money("many_orders")(r)["p99"])
    row("cart add or remove at 200/s, p99 ms", lambda r: money("cart")(r)["p99"], "under 20", lambda v: v < 20)
    row("webhook acknowledged at 200/s, p99 ms", lambda r: money("webhooks")(r)["p99"], "under 50", lambda v: v < 50)
    row("webhook acknowledged at 200/s, median ms", lambda r: money("webhooks")(r)["p50"])
    row("paid at the provider to movie in the library, slowest ms of 20", lambda r: money("entitled")(r)["most"], "under 1,000", lambda v: v < 1000, ".0f")
    row("film by byte range, two players, MB/s", lambda r: r["film"]["rate"], "500 or more", lambda v: v >= 500, ".0f")
    row("two players: memory grows by, MB", lambda r: r["film"]["grown"], "flat", lambda v: v < 16, ".0f")
    row("first page alone, p99 ms", lambda r: r["film"]["alone"])
    row(f"first page while {film.WATCHERS} clients watch slowly, p99 ms", lambda r: r["film"]["watched"], "as alone")
    row(f"memory while {film.WATCHERS} clients watch slowly, MB", lambda r: r["film"]["memory"], shown=".0f")
    row("memory for each of these clients, KB", lambda r: r["film"]["each"], shown=".0f")
    sales_rows(row)
    lines += table.lines
    if postgres and sqlite:
        lines += ["", f"The list on SQLite runs at {sqlite['list']['rate'] / postgres['list']['rate']:.2f} of its rate on PostgreSQL (wanted: 1 or more)."]
    if postgres:
        lines += ["", "<details><summary>The SELECTs of the list, the detail and the search, as PostgreSQL logged them</summary>", "", "```sql"]
        for name, statements in postgres["at_first"].items():
            lines += [f"-- {name}", *(" ".join(s.split()) + ";" for s in statements)]
        lines += ["```", "", "</details>"]
    return "\n".join([*lines, "", END])


def sales_rows(row) -> None:
    """Adds the rows about the sales report to a table. `row` is the function that adds a row."""
    row("sales report over all orders, median s of 5", lambda r: r["sales"]["all"]["median"], "under 1", lambda v: v < 1)
    row("the same: slowest s of 5", lambda r: r["sales"]["all"]["slowest"])
    row("paid orders in this report", lambda r: r["sales"]["all"]["paid_orders"], shown=".0f")
    row("sales report over 30 days, slowest s of 5", lambda r: r["sales"]["month"]["slowest"], "under 1", lambda v: v < 1)


def large(results: dict[str, dict[int, dict]], version: str, load_before: str) -> str:
    """Returns the report of `make bench-large`, which compares two sizes of the catalogue on each database."""
    sizes = sorted(next(iter(results.values())))
    small_size, large_size = sizes[0], sizes[-1]
    lines = [BEGIN_LARGE, *heading(version, load_before, f"{small_size:,} and {large_size:,} movies")]
    lines += [
        "The caller is signed in, so that each answer is read from the database. `cold` is the first answer after the start, in milliseconds; "
        "`changed` is the first one after a movie was changed.",
        "",
        f"| | database | p50 ms, {small_size:,} | p99 | p50 ms, {large_size:,} | p99 | requests/s | cold | changed | wanted: p99 | met | larger to smaller, p50 |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for name, (title, wanted) in catalogue.CASES.items():
        for label, by_size in results.items():
            few, many = by_size[small_size][name], by_size[large_size][name]
            target = wanted[label == "SQLite"] if wanted else None
            met = "" if target is None else "yes" if many["p99"] < target else "no"
            ratio = many["p50"] / few["p50"]
            grown = f"{ratio:.2f}" + ((" (at most 1.5)" if ratio <= 1.5 else " (at most 1.5: no)") if name in catalogue.SIZE_FREE else "")
            changed = by_size[large_size]["changed"].get(name)
            bad = f", {many['bad']} bad" if many["bad"] else ""
            lines.append(
                f"| {title} | {label} | {few['p50']:.2f} | {few['p99']:.2f} | {many['p50']:.2f} | {many['p99']:.2f} | {many['rate']:,.0f}{bad} | "
                f"{by_size[large_size]['cold'][name]:.0f} | {f'{changed:.0f}' if changed else ''} | {f'under {target}' if target else ''} | {met} | {grown} |"
            )
    table = Table(list(results))
    all_results = [by_size[large_size] for by_size in results.values()]

    def row(title: str, value, wanted: str = "", met=None, shown: str = ".2f") -> None:
        values = [value(result) for result in all_results]
        table.row(title, [f"{one:,{shown}}" for one in values], wanted, [met(one) for one in values] if met else None)

    row("p50 of the deepest page divided by that of the first page", lambda r: r["deepest"]["p50"] / r["first"]["p50"], "at most 2", lambda v: v <= 2)
    row("requests/s of the anonymous first page divided by those of `/health/live`", lambda r: r["hot"]["rate"] / r["live"]["rate"], "0.5 or more", lambda v: v >= 0.5)
    row(f"import of {large_size:,} movies into an empty database, rows/s", lambda r: r["import"]["rate"], "5,000 or more", lambda v: v >= 5000, ".0f")
    row("the same: peak memory, MB", lambda r: r["import"]["memory"], "flat", None, ".0f")
    row("time from the start until the vocabulary is up to date, s", lambda r: r["vocabulary"], "under 600", lambda v: v < 600, ".0f")
    row("peak memory under the loads, MB", lambda r: r["peak"], "under 200", lambda v: v < 200, ".0f")
    sales_rows(row)
    return "\n".join([*lines, *table.lines, "", END_LARGE])


def write(text: str, begin: str, end: str) -> None:
    """Replaces the part of the page from the line `begin` to the line `end`."""
    page = REPORT.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        sys.exit(f"bench: {REPORT} has no line {begin}")
    before, after = page.split(begin)[0], page.split(end, 1)[1]
    REPORT.write_text(before + text + after, encoding="utf-8")
