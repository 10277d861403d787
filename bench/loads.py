"""Generates loads with the program wrk."""

import json
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Callable

from server import ACCOUNTS, CONNECTIONS, PASSWORD, SECONDS, Server

# A movie is removed from its cart after this number of further movies were added to carts. Therefore no cart is ever full,
# and no movie is added while it is still in the cart.
CART_LAG = 320
# The comparison with pgbench alternates between the server and pgbench: TURNS times, for TURN seconds each.
TURNS, TURN = 9, max(1, SECONDS // 3)

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


def paths_script(paths: list[str], token: str | None = None) -> str:
    """Returns a script for wrk that requests these paths in turn. With a token, the caller is signed in."""
    headers = f", {{['Authorization'] = 'Bearer {token}'}}" if token else ""
    return f"local paths = {lua(paths)}\nlocal i = 0\nrequest = function() i = i + 1; return wrk.format('GET', paths[i % #paths + 1]{headers}) end\n" + DONE


def login_script() -> str:
    # These accounts are different from those of `Server.tokens`: an account has a limited number of sessions, so the
    # sign-ins here would end the sessions of these tokens.
    bodies = [json.dumps({"email": f"login{n}@example.com", "password": PASSWORD}) for n in range(ACCOUNTS)]
    return (
        f"local bodies = {lua(bodies)}\nlocal headers = {{['Content-Type'] = 'application/json'}}\nlocal i = 0\n"
        "request = function() i = i + 1; return wrk.format('POST', '/api/v1/accounts/login', headers, bodies[i % #bodies + 1]) end\n" + DONE
    )


def cart_script(tokens: list[str], movies: list[str]) -> str:
    """Returns a script for wrk that adds and removes movies of carts in turn.

    A removal concerns the movie that was added CART_LAG additions earlier.
    """
    return (
        f"local tokens, movies = {lua(tokens)}, {lua(movies)}\nlocal added, turn = 0, -1\n"
        "local function headers(n) return {['Content-Type'] = 'application/json', ['Authorization'] = 'Bearer ' .. tokens[n % #tokens + 1]} end\n"
        "local function movie(n) return movies[math.floor(n / #tokens) % #movies + 1] end\n"
        "request = function()\n"
        "  turn = turn + 1\n"
        # wrk calls `request` once in advance and does not send the result.
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
    """Runs a script with wrk.

    Returns the results of wrk, and how many cores the server used on average during the load.
    """
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
        state = "is running" if server.process.poll() is None else f"ended with {server.process.returncode}"
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


def in_turns(server_rate: Callable[[], float], limits: dict[str, Callable[[], float]]) -> dict:
    """Measures the server and each limit (a rate of pgbench) alternately, because the speed of the machine varies.

    Returns the median of the server's rate, and for each limit its median, the ratios of the server's rate to it in all
    turns, and the median of these ratios.
    """
    turns = [(server_rate(), {name: limit() for name, limit in limits.items()}) for _ in range(TURNS)]
    result = {"server": statistics.median(rate for rate, _ in turns)}
    for name in limits:
        ratios = sorted(rate / measured[name] for rate, measured in turns)
        rate = statistics.median(measured[name] for _, measured in turns)
        result[name] = {"rate": rate, "ratios": ratios, "ratio": statistics.median(ratios)}
    return result


def wrk(server: Server, folder: pathlib.Path, name: str, script: str, *, connections: int, seconds: int) -> subprocess.Popen:
    """Starts a load in the background, and returns the process of wrk."""
    file = folder / f"{name}.lua"
    file.write_text(script, encoding="utf-8")
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--timeout", "30s", "--duration", f"{seconds}s", "--script", str(file), server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
