"""Measures how fast users sign in, and how that affects other requests."""

import contextlib
import http.client
import json
import pathlib
import re
import statistics
import sys
import time

from loads import DONE, load, login_script, paths_script, wrk
from server import SECONDS, Server

# How often the list of movies is measured, alternately alone and while clients sign in. The results are medians.
ROUNDS = 5


def crowding(server: Server, folder: pathlib.Path, label: str) -> tuple[dict, dict]:
    """Measures the list of movies first without other load, and then while fifty clients sign in."""
    script = paths_script(["/api/v1/movies"], server.tokens()[0])
    alone = load(server, folder, f"{label}-alone", script, seconds=3, warm=False)
    crowd = wrk(server, folder, f"{label}-crowd", login_script(), connections=50, seconds=5)
    time.sleep(1)
    crowded = load(server, folder, f"{label}-crowded", script, seconds=3, warm=False)
    crowd.wait()
    return alone, crowded


def storm(server: Server, folder: pathlib.Path, label: str) -> dict:
    """Measures /health/live while five hundred clients sign in again and again, without a pause after a refusal.

    Returns the p99 in milliseconds, by how many MB the memory of the server grew, and the number of sign-ins by status.
    """
    before, most = server.memory(), 0.0
    counting = login_script().replace("request = function()", "STATUSES = {}\nresponse = function(status) STATUSES[status] = (STATUSES[status] or 0) + 1 end\nrequest = function()")
    # Each thread of wrk has its own variables, so `done` must read the counts of every thread.
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


def guessing(server: Server) -> dict:
    """Measures, alternately, 200 sign-ins with an unknown email address and 200 with a wrong password.

    Returns both medians in milliseconds, and their difference as a fraction of the median for a wrong password.
    """
    # After the load of `storm`, the queue of sign-ins may still be full. `log_in` repeats the sign-in until it is accepted.
    server.log_in("login0@example.com")
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


def measure(server: Server, folder: pathlib.Path, label: str) -> dict:
    # The measurement is repeated, so that a short stall of the machine does not determine the result.
    rounds = [crowding(server, folder, label) for _ in range(ROUNDS)]
    crowd = {
        "alone": [alone["p99"] for alone, _ in rounds],
        "crowded": [crowded["p99"] for _, crowded in rounds],
        "rate": [crowded["rate"] for _, crowded in rounds],
    }
    return {"crowd": crowd, "storm": storm(server, folder, label), "guess": guessing(server)}
