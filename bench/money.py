"""Measures carts, orders, payments and webhooks under load."""

import base64
import hashlib
import hmac
import http.client
import json
import statistics
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable

from server import SECONDS, SECRET, Server, fetch

# The number of webhooks and of changes of carts per second, and the number of connections that send the webhooks.
RATE, SENDERS = 200, 16
# The number of orders per second. Each order needs three further calls, which add its movie to the cart, cancel the
# order, and empty the cart.
ORDERS = 50
# The number of payments for which the time from paying at the provider until the movie is in the library is measured.
FOLLOWED = 20


class Caller:
    """A connection on which a user makes requests. With a token, the user is signed in."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        self.connection = http.client.HTTPConnection(server.url.split("//")[1], timeout=30)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, float]:
        """Makes a request. Returns the status and the body of the response, and the duration in milliseconds."""
        began = time.monotonic()
        self.connection.request(method, path, body, self.headers | {name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, content, (time.monotonic() - began) * 1000

    def add(self, movie: str) -> int:
        return self.call("POST", "/api/v1/cart/items", json.dumps({"movie_id": movie}).encode(), Content_Type="application/json")[0]


def quantiles(samples: list[float]) -> dict:
    ordered = sorted(samples)
    return {"count": len(ordered), "p50": statistics.median(ordered), "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]}


def together(number: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def at_a_constant_rate(call: Callable[[Caller, int], tuple[int, bytes]], callers: list[Caller]) -> dict:
    """Makes RATE calls per second, and measures the milliseconds from the time at which a call is due to its response.

    If the server cannot keep up, the measured time includes the time for which a call waits for a free caller.
    """
    numbers, times, refused = iter(range(RATE * SECONDS)), [], []
    begin = time.monotonic() + 0.2

    def work(user: int) -> None:
        for number in numbers:
            due = begin + number / RATE
            time.sleep(max(0.0, due - time.monotonic()))
            status, answer = call(callers[user], number)
            times.append((time.monotonic() - due) * 1000)
            if status >= 300:
                refused.append(f"{status} {answer[:200]!r}")

    together(len(callers), work)
    return quantiles(times) | {"bad": len(refused), "refusal": refused[:1]}


def carts(server: Server, tokens: list[str], movies: list[str]) -> dict:
    """Adds movies to the carts of all users and removes them at a constant rate."""
    callers = [Caller(server, token) for token in tokens]
    for caller in callers:
        caller.call("DELETE", "/api/v1/cart")
    added: dict[Caller, str] = {}

    def call(caller: Caller, number: int) -> tuple[int, bytes]:
        movie = added.pop(caller, None)
        if movie:
            return caller.call("DELETE", f"/api/v1/cart/items/{movie}")[:2]
        added[caller] = movie = movies[number % len(movies)]
        return caller.call("POST", "/api/v1/cart/items", json.dumps({"movie_id": movie}).encode(), Content_Type="application/json")[:2]

    return at_a_constant_rate(call, callers)


def orders(server: Server, tokens: list[str], movies: list[str], rate: int) -> dict:
    """Measures how fast orders are created. Several users create orders with one movie each, and cancel them.

    The rate is the number of orders per second. With the rate 0, they are created as fast as possible.
    """
    times: list[float] = []
    refused: list[str] = []
    begin = time.monotonic() + 0.2
    numbers = iter(range(10**9))

    def work(user: int) -> None:
        caller = Caller(server, tokens[user])
        caller.call("DELETE", "/api/v1/cart")
        for number in numbers:
            due = begin + number / rate if rate else time.monotonic()
            if max(due, time.monotonic()) > begin + SECONDS:
                return
            if caller.add(movies[number % len(movies)]) >= 300:
                continue
            time.sleep(max(0.0, due - time.monotonic()))
            status, body, took = caller.call("POST", "/api/v1/orders")
            times.append(max(took, (time.monotonic() - due) * 1000) if rate else took)
            if status != 201:
                refused.append(f"{status} {body[:200]!r}")
            else:
                # The order is canceled, so that the number of pending orders does not grow. Canceling returns the movie
                # to the cart. Therefore the cart is emptied below; otherwise, each order would have one movie more than
                # the previous order.
                caller.call("POST", f"/api/v1/orders/{json.loads(body)['id']}/cancel")
            caller.call("DELETE", "/api/v1/cart")

    together(len(tokens), work)
    return quantiles(times) | {"bad": len(refused), "refusal": refused[:1], "rate": len(times) / SECONDS}


def pay(server: Server, caller: Caller, movie: str) -> urllib.parse.SplitResult | None:
    """Orders a movie and starts the payment. Returns the URL of the checkout, or None if a call was refused."""
    # An earlier refusal may have left a movie of a pending order in the cart. The server would refuse to order such a cart.
    caller.call("DELETE", "/api/v1/cart")
    if caller.add(movie) >= 300:
        return None
    status, body, _ = caller.call("POST", "/api/v1/orders")
    if status != 201:
        return None
    status, body, _ = caller.call("POST", f"/api/v1/orders/{json.loads(body)['id']}/payments")
    return urllib.parse.urlsplit(json.loads(body)["checkout_url"]) if status == 201 else None


def entitlements(server: Server, token: str, movies: list[str]) -> dict:
    """Measures the milliseconds from the payment at the provider until the movie is in the library.

    This includes the webhook that the provider sends to the server.
    """
    caller, times = Caller(server, token), []
    for movie in movies:
        checkout = pay(server, caller, movie)
        if checkout is None:
            continue
        began = time.monotonic()
        page = Caller(server)
        page.call("POST", checkout.path, b"outcome=pay", Content_Type="application/x-www-form-urlencoded")
        while time.monotonic() - began < 20:
            if caller.call("GET", f"/api/v1/library/{movie}/playback")[0] != 404 or movie in caller.call("GET", "/api/v1/library")[1].decode():
                break
            time.sleep(0.005)
        times.append((time.monotonic() - began) * 1000)
        if len(times) == FOLLOWED:
            break
    return quantiles(times) | {"most": max(times)}


def signature(body: bytes) -> str:
    """Returns the signature that the sandbox sends with a webhook. It is computed with the secret of the server."""
    key = hmac.digest(SECRET.encode(), b"cinema/1/signing", hashlib.sha256)
    seconds = str(int(time.time())).encode()
    parts = b"".join(len(part).to_bytes(8, "big") + part for part in (b"sandbox webhook", seconds, body))
    tag = base64.urlsafe_b64encode(hmac.digest(key, parts, hashlib.sha256)).rstrip(b"=")
    return f"t={seconds.decode()},v1={tag.decode()}"


def webhooks(server: Server, token: str, movies: list[str]) -> dict:
    """Sends different events of one open checkout at a constant rate."""
    checkout = None
    for movie in movies:
        checkout = pay(server, Caller(server, token), movie)
        if checkout:
            break
    reference = checkout.path.rsplit("/", 1)[1]

    def call(caller: Caller, _: int) -> tuple[int, bytes]:
        body = json.dumps({"id": f"evt_{uuid.uuid4()}", "kind": "checkout.updated", "created_at": int(time.time() * 1e6), "checkout": reference}).encode()
        return caller.call("POST", "/api/v1/payments/webhooks/sandbox", body, Content_Type="application/json", Sandbox_Signature=signature(body))[:2]

    return at_a_constant_rate(call, [Caller(server) for _ in range(SENDERS)])


def measure(server: Server) -> dict:
    api = f"{server.url}/api/v1"
    movies: list[str] = []
    cursor = ""
    while len(movies) < 3000:
        page = fetch(f"{api}/movies?sort=price&page_size=100{cursor}")
        movies += [movie["id"] for movie in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    tokens = server.tokens()
    result = {"orders": orders(server, tokens, movies[:2000], ORDERS), "many_orders": orders(server, tokens, movies[:2000], 0)}
    result["entitled"] = entitlements(server, tokens[1], movies[2000:2400])
    result["webhooks"] = webhooks(server, tokens[2], movies[2400:2500])
    result["cart"] = carts(server, tokens, movies[2500:2600])
    return result
