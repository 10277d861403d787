"""Measures the catalogue at one size: pages, search, suggestions, facets, and the first answer after a change."""

import contextlib
import http.client
import json
import pathlib
import sqlite3
import statistics
import time
import urllib.error
import urllib.parse
import uuid

from loads import load, paths_script
from postgres import Cluster
from server import Server, fetch, say

# For each load: its title in the report, and the target for its p99 with a million movies, in milliseconds, on PostgreSQL
# and on SQLite. None: there is no target.
CASES = {
    "live": ("`GET /health/live`", None),
    "hot": ("first page, anonymous (cached as bytes)", None),
    "first": ("first page (20)", (20, 20)),
    "filtered": ("page of a genre, best rated first", (20, 20)),
    "rare": ("page of two filters that rarely match together", (20, 20)),
    "none": ("page of a filter that matches nothing", (20, 20)),
    "deepest": ("deepest page by cursor", (20, 20)),
    "detail": ("movie detail", (20, 20)),
    "similar": ("similar movies", (20, 20)),
    "genres": ("`GET /genres`", (20, 20)),
    "search_rare": ("search: a rare word", (50, 50)),
    "search_common": ("search: a common word", (50, 100)),
    "search_the": ("search: `the`", (50, 100)),
    "search_th": ("search: `th`", (50, 100)),
    "search_two": ("search: two common words", (50, 100)),
    "search_typo": ("search: a common word mistyped", (50, 100)),
    "suggestions": ("suggestions, one to eight letters", (15, 15)),
    "facets": ("facets of all movies", (50, 50)),
    "facets_filtered": ("facets of a genre and a decade", (50, 50)),
}
# The loads whose work should not depend on the number of movies. With a million movies, their p50 may be at most 1.5
# times the p50 with ten thousand movies.
SIZE_FREE = ("first", "filtered", "none", "deepest", "detail", "genres", "search_rare", "suggestions")


class Vocabulary:
    """Reads the words of the search index from the database."""

    def __init__(self, server: Server, cluster: Cluster | None) -> None:
        self.server, self.cluster = server, cluster

    def rows(self, sql: str) -> list[list[str]]:
        if self.cluster:
            return [line.split("|") for line in self.cluster.sql(sql).splitlines()]
        with contextlib.closing(sqlite3.connect(self.server.folder / "cinema.db")) as database:
            return [[str(value) for value in row] for row in database.execute(sql)]

    def wait(self) -> float:
        """Waits until the background job has updated the words of the search index. Returns the seconds it took."""
        began = time.monotonic()
        state = "SELECT c.version, v.catalog_version FROM catalog_state c CROSS JOIN search_vocabulary_state v"
        while len(set(self.rows(state)[0])) > 1 and time.monotonic() - began < 900:
            time.sleep(1)
        return time.monotonic() - began

    def common(self) -> list[str]:
        words = self.rows("SELECT word FROM search_vocabulary WHERE length >= 4 ORDER BY movies DESC LIMIT 60")
        return [word for (word,) in words if word.isascii() and word.isalpha()][:20]

    def rare(self) -> list[str]:
        words = self.rows("SELECT word FROM search_vocabulary WHERE length >= 4 AND movies > 0 ORDER BY movies, word LIMIT 400")
        return [word for (word,) in words if word.isascii() and word.isalpha()][:20]


def mistyped(word: str) -> str:
    """Returns the word with a typing mistake: two neighbouring letters in its second half are exchanged.

    The first pair of different letters is chosen. Without such a pair, the word is returned unchanged.
    """
    for at in range(len(word) // 2, len(word) - 1):
        if word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word


def paths_of(server: Server, token: str, words: Vocabulary) -> dict[str, list[str]]:
    """Returns the paths that each load requests in turn."""
    api = f"{server.url}/api/v1"
    facets = fetch(f"{api}/movies/facets", token=token)
    genres = [genre["id"] for genre in facets["genres"]]
    certifications = [certification["id"] for certification in facets["certifications"]]
    decades = [decade["decade"] for decade in facets["decades"] if decade["count"] > 0]
    ids = [movie["id"] for movie in fetch(f"{api}/movies?page_size=100", token=token)["items"]]
    common, rare = words.common(), words.rare()
    searches = lambda texts: [f"/api/v1/movies?search={urllib.parse.quote_plus(text)}" for text in texts]  # noqa: E731
    by_decade = [f"year_min={decade}&year_max={decade + 9}" for decade in decades]
    return {
        "live": ["/health/live"],
        "hot": ["/api/v1/movies"],
        "first": ["/api/v1/movies"],
        "filtered": [f"/api/v1/movies?genre={genre}&sort=-imdb" for genre in genres],
        "rare": [f"/api/v1/movies?genre={genre}&certification={certifications[-1]}" for genre in genres[-4:]],
        "none": [f"/api/v1/movies?director={uuid.UUID(int=7)}", "/api/v1/movies?price_min=9999", f"/api/v1/movies?star={uuid.UUID(int=8)}&genre={genres[0]}"],
        "detail": [f"/api/v1/movies/{movie}" for movie in ids],
        "similar": [f"/api/v1/movies/{movie}/similar" for movie in ids],
        "genres": ["/api/v1/genres"],
        "search_rare": searches(rare),
        "search_common": searches(common),
        "search_the": searches(["the"]),
        "search_th": searches(["th"]),
        "search_two": searches(f"{one} {other}" for one, other in zip(common[::2], common[1::2], strict=False)),
        "search_typo": searches(mistyped(word) for word in common if len(word) > 4),
        "suggestions": [f"/api/v1/movies/suggestions?q={word[:length]}" for length, word in zip([1, 2, 3, 4, 5, 6, 7, 8] * 5, common + rare, strict=False)],
        "facets": ["/api/v1/movies/facets"],
        "facets_filtered": [f"/api/v1/movies/facets?genre={genre}&{decade}" for genre in genres[:4] for decade in by_decade[:4]],
    }


def deepest(server: Server, token: str) -> str:
    """Follows the cursors of the list to its end, and returns the path of the last page."""
    with contextlib.closing(http.client.HTTPConnection(server.url.split("//")[1], timeout=30)) as connection:
        headers, cursor, last = {"Authorization": f"Bearer {token}"}, None, ""
        while True:
            path = "/api/v1/movies?page_size=100" + (f"&cursor={cursor}" if cursor else "")
            connection.request("GET", path, headers=headers)
            body = connection.getresponse().read()
            cursor = json.loads(body)["next_cursor"]
            if not cursor:
                return last
            last = f"/api/v1/movies?cursor={cursor}"


def milliseconds(server: Server, path: str, token: str) -> float:
    """Returns the duration of one request in milliseconds, even if the response is an error, for example 503."""
    began = time.monotonic()
    try:
        fetch(f"{server.url}{path}", token=token)
    except urllib.error.HTTPError as refusal:
        say(f"  {path} was answered with {refusal.code} after {time.monotonic() - began:.1f} s")
    return (time.monotonic() - began) * 1000


def after_changes(server: Server, token: str, paths: dict[str, list[str]]) -> dict[str, float]:
    """Measures, for each of four loads, how long the first request takes after a movie was changed.

    Returns the medians of three measurements, in milliseconds.
    """
    api = f"{server.url}/api/v1"
    movie = fetch(f"{api}/movies?sort=name&page_size=1", token=token)["items"][0]["id"]
    times: dict[str, list[float]] = {"first": [], "genres": [], "facets": [], "facets_filtered": []}
    for turn in range(3):
        for name, samples in times.items():
            change = {"certification": ("PG", "R")[turn % 2], "meta_score": 10 + turn}
            fetch(f"{api}/movies/{movie}", change, token, method="PATCH", content_type="application/merge-patch+json")
            samples.append(milliseconds(server, paths[name][0], token))
    return {name: statistics.median(samples) for name, samples in times.items()}


def measure(server: Server, folder: pathlib.Path, label: str, cluster: Cluster | None, *, seconds: int) -> dict:
    """Runs all loads of the catalogue on one server.

    Except in `live` and `hot`, the caller is signed in, because complete responses to anonymous callers are cached.
    """
    words = Vocabulary(server, cluster)
    result: dict = {"vocabulary": words.wait(), "idle": server.memory()}
    token = server.tokens()[0]
    paths = paths_of(server, token, words)
    paths["deepest"] = [deepest(server, token)]
    result["cold"] = {name: milliseconds(server, paths[name][0], token) for name in CASES}
    for name in CASES:
        token = server.tokens()[0]
        # Each path is requested once before the load. The first path was already requested above.
        for path in paths[name][1:]:
            milliseconds(server, path, token)
        script = paths_script(paths[name], None if name in ("live", "hot") else token)
        result[name] = load(server, folder, f"{label}-{name}", script, seconds=seconds)
        row = result[name]
        say(f"  {label} {name}: {row['rate']:.0f}/s, p50 {row['p50']:.2f} ms, p99 {row['p99']:.2f} ms, bad {row['bad']}; cold {result['cold'][name]:.0f} ms")
    result["changed"] = after_changes(server, server.tokens()[0], paths)
    say(f"  {label} after a change: " + ", ".join(f"{name} {value:.0f} ms" for name, value in result["changed"].items()))
    result["peak"] = server.peak_memory()
    return result
