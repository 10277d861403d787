"""Measures how fast a film is sent, and how fast the list of movies is while many clients request a film but read nothing."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import socket
import sys
import time
import urllib.parse
import urllib.request

from loads import load, paths_script
from server import SECONDS, Server, fetch

# The size of the film: 1 GiB.
FILM_MIB = 1024
FILM_BYTES = FILM_MIB * 1024 * 1024
# The number of clients that request a film at the same time and do not read it.
WATCHERS = 600


def bought_film(server: Server) -> str:
    """Attaches a film to a movie, buys the movie, and returns the path of the film."""
    api, token = f"{server.url}/api/v1", server.tokens()[0]
    # In a database that is kept from an earlier run, the first movies may already be purchased.
    movies = fetch(f"{api}/movies?sort=-price&page_size=100", token=token)["items"]
    movie = next(movie["id"] for movie in movies if not movie["me"]["purchased"])
    film = server.folder / "film.mp4"
    with open(film, "wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        for _ in range(FILM_MIB):
            file.write(os.urandom(1024 * 1024))
    server.command("movies", "attach-media", movie, str(film))
    film.unlink()

    def post(url: str, body: object = None) -> dict:
        # Without data, this would be a GET request.
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
        if movie in json.dumps(fetch(f"{api}/library?sort=-purchased_at", token=token)):
            return urllib.parse.urlsplit(fetch(f"{api}/library/{movie}/playback", token=token)["url"]).path
        time.sleep(0.1)
    sys.exit("bench: the paid movie was not added to the library")


def watch(server: Server, path: str, source: str = "127.0.0.1") -> socket.socket:
    """Opens a connection and requests the whole film, but reads nothing of the response."""
    host, port = server.url.split("//")[1].split(":")
    connection = socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=0-\r\n\r\n".encode())
    return connection


def playing(server: Server, folder: pathlib.Path, label: str) -> dict:
    """Measures the transfer of the film to two fast players, and the list of movies while many players read nothing."""
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
        if read // FILM_BYTES >= len(players):  # on average, each player has received the whole film
            break
        most = max(most, server.memory())
    for player in players:
        player.close()
    result = {"rate": read / took / 1e6, "grown": most - before}
    script = paths_script(["/api/v1/movies"], server.tokens()[0])
    alone = load(server, folder, f"{label}-unwatched", script, seconds=4)
    before = server.memory()
    crowd = [watch(server, path, f"127.0.0.{2 + number % 100}") for number in range(WATCHERS)]
    for player in crowd:
        if not player.recv(4096).startswith(b"HTTP/1.1 206"):
            sys.exit("bench: the server refused a player")
    crowded = load(server, folder, f"{label}-watched", script, seconds=4, warm=False)
    memory = server.memory()
    result |= {"alone": alone["p99"], "watched": crowded["p99"], "bad": crowded["bad"], "memory": memory, "each": (memory - before) * 1024 / WATCHERS}
    for player in crowd:
        player.close()
    return result
