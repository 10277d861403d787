"""Writes many past orders into the database, and measures the sales report over them.

Every order has one or two movies. Popular movies are ordered more often than others.
"""

import contextlib
import datetime
import sqlite3
import statistics
import time
import uuid

from postgres import Cluster
from server import Server, fetch

# The number of buyers.
BUYERS = 20_000
# The number of past days over which the orders are distributed.
DAYS = 700
# Every CANCELED-th order was canceled, and every REFUNDED-th order was refunded. No order was both.
CANCELED, REFUNDED = 20, 50
# The prefixes of the identifiers of generated rows. Each table has its own prefix.
USER, ORDER, ITEM, PAYMENT, PAYMENT_ITEM, REFUND = range(0xB1, 0xB7)


def key(table: int, number: int) -> bytes:
    return uuid.UUID(f"{table:08x}-0000-7000-8000-{number:012x}").bytes


def rank(order: int, movies: int) -> int:
    """Returns the rank of the first movie in an order. The most popular movie has rank 1.

    In half of the orders, the movie belongs to the most popular eighth of all movies.
    """
    return int(((order * 7919) % 1_000_003 / 1_000_003.0) ** 3 * (movies - 1)) + 1


def into_sqlite(server: Server, orders: int) -> None:
    """Writes the orders into the database. The server must be stopped."""
    with contextlib.closing(sqlite3.connect(server.folder / "cinema.db")) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA cache_size = -200000")
        movies = database.execute("SELECT id, price_minor, price_currency FROM movies ORDER BY popularity DESC, id DESC").fetchall()
        (group,) = database.execute("SELECT id FROM user_groups WHERE name = 'user'").fetchone()
        now = int(time.time() * 1e6)
        begin, step = now - DAYS * 86_400_000_000, DAYS * 86_400_000_000 // (orders + 1)

        def at(order: int) -> int:
            return begin + order * step

        def items(order: int) -> list[tuple]:
            first = rank(order, len(movies))
            return [movies[first - 1], movies[first]][: 1 + order % 2]

        def total(order: int) -> int:
            return sum(price for _, price, _ in items(order))

        def fill(table: str, columns: str, rows) -> None:
            names = columns.split(", ")
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))})", rows)

        every, paid = range(1, orders + 1), [order for order in range(1, orders + 1) if order % CANCELED]
        back = [order for order in paid if order % REFUNDED == 1]
        status = {True: "refunded", False: "paid"}
        currency = movies[0][2]
        fill(
            "users",
            "id, email, email_key, hashed_password, is_active, version, group_id, created_at, updated_at",
            ((key(USER, n), f"buyer{n}@example.net", f"buyer{n}@example.net", "!", 0, 1, group, begin, begin) for n in range(BUYERS)),
        )
        fill(
            "orders",
            "id, number, user_id, status, total_minor, total_currency, created_at, paid_at, canceled_at, cancel_reason",
            (
                (key(ORDER, n), f"B{n:010}", key(USER, n % BUYERS), status[n % REFUNDED == 1], total(n), currency, at(n), at(n) + 60_000_000, None, None)
                if n % CANCELED
                else (key(ORDER, n), f"B{n:010}", key(USER, n % BUYERS), "canceled", total(n), currency, at(n), None, at(n), "by_user")
                for n in every
            ),
        )
        fill(
            "order_items",
            "id, order_id, user_id, movie_id, price_minor, price_currency, is_pending",
            ((key(ITEM, 2 * n + k), key(ORDER, n), key(USER, n % BUYERS), movie, price, of, 0) for n in every for k, (movie, price, of) in enumerate(items(n))),
        )
        fill(
            "payments",
            "id, order_id, user_id, provider, status, amount_minor, amount_currency, received_minor, received_currency, refunded_minor, settlement, created_at, completed_at",
            (
                (
                    key(PAYMENT, n), key(ORDER, n), key(USER, n % BUYERS), "sandbox", "refunded" if n % REFUNDED == 1 else "successful", total(n), currency, total(n), currency,
                    total(n) if n % REFUNDED == 1 else 0, "pays_order", at(n), at(n) + 60_000_000,
                )
                for n in paid
            ),
        )
        fill(
            "payment_items",
            "id, payment_id, order_item_id, price_minor, price_currency, movie_id, sold_at",
            (
                (key(PAYMENT_ITEM, 2 * n + k), key(PAYMENT, n), key(ITEM, 2 * n + k), price, of, movie, at(n) + 60_000_000)
                for n in paid
                for k, (movie, price, of) in enumerate(items(n))
            ),
        )
        fill(
            "refunds",
            "id, payment_id, origin, status, amount_minor, amount_currency, reason, created_at, completed_at",
            ((key(REFUND, n), key(PAYMENT, n), "administrator", "succeeded", total(n), currency, "A benchmark.", at(n), at(n) + 120_000_000) for n in back),
        )
        fill("refund_items", "refund_id, payment_item_id, is_active", ((key(REFUND, n), key(PAYMENT_ITEM, 2 * n + k), 1) for n in back for k, _ in enumerate(items(n))))
        database.commit()
        database.execute("PRAGMA optimize")


def into_postgres(cluster: Cluster, orders: int) -> None:
    def made(table: int, number: str) -> str:
        return f"('{table:08x}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"

    step = f"INTERVAL '{DAYS} days' / {orders + 1}"
    user, status = made(USER, f"n % {BUYERS}"), f"CASE WHEN n % {REFUNDED} = 1 THEN"
    cluster.sql(
        "SET session_replication_role = replica",
        "CREATE TABLE bench_movies AS SELECT row_number() OVER (ORDER BY popularity DESC, id DESC) AS rank, id, price_minor, price_currency FROM movies",
        "CREATE UNIQUE INDEX ON bench_movies (rank)",
        "ANALYZE bench_movies",
        f"INSERT INTO users (id, email, email_key, hashed_password, is_active, version, group_id, created_at, updated_at) "
        f"SELECT {made(USER, 'n')}, 'buyer' || n || '@example.net', 'buyer' || n || '@example.net', '!', FALSE, 1, g.id, now() - INTERVAL '{DAYS} days', now() "
        f"FROM generate_series(0, {BUYERS - 1}) AS n, user_groups g WHERE g.name = 'user'",
        # A row for each movie of each order: `n` is the number of the order, `k` the number of the movie in it, from 0.
        f"CREATE TABLE bench_items AS SELECT n, k, m.id AS movie_id, m.price_minor, m.price_currency FROM generate_series(1, {orders}) AS n "
        "CROSS JOIN LATERAL generate_series(0, n % 2) AS k JOIN bench_movies m ON m.rank = "
        f"trunc(power((n::bigint * 7919) % 1000003 / 1000003.0::float8, 3) * ((SELECT count(*) FROM bench_movies) - 1))::bigint + 1 + k",
        f"CREATE TABLE bench_orders AS SELECT n, sum(price_minor)::bigint AS total, min(price_currency) AS currency, now() - INTERVAL '{DAYS} days' + n * ({step}) AS at "
        "FROM bench_items GROUP BY n",
        "INSERT INTO orders (id, number, user_id, status, total_minor, total_currency, created_at, paid_at, canceled_at, cancel_reason) "
        f"SELECT {made(ORDER, 'n')}, 'B' || lpad(n::text, 10, '0'), {user}, CASE WHEN n % {CANCELED} = 0 THEN 'canceled' WHEN n % {REFUNDED} = 1 THEN 'refunded' ELSE 'paid' END, "
        f"total, currency, at, CASE WHEN n % {CANCELED} > 0 THEN at + INTERVAL '1 minute' END, CASE WHEN n % {CANCELED} = 0 THEN at END, "
        f"CASE WHEN n % {CANCELED} = 0 THEN 'by_user' END FROM bench_orders ORDER BY n",
        "INSERT INTO order_items (id, order_id, user_id, movie_id, price_minor, price_currency, is_pending) "
        f"SELECT {made(ITEM, '2 * n + k')}, {made(ORDER, 'n')}, {user}, movie_id, price_minor, price_currency, FALSE FROM bench_items ORDER BY n, k",
        "INSERT INTO payments (id, order_id, user_id, provider, status, amount_minor, amount_currency, received_minor, received_currency, "
        "refunded_minor, settlement, created_at, completed_at) "
        f"SELECT {made(PAYMENT, 'n')}, {made(ORDER, 'n')}, {user}, 'sandbox', {status} 'refunded' ELSE 'successful' END, total, currency, total, currency, "
        f"{status} total ELSE 0 END, 'pays_order', at, at + INTERVAL '1 minute' FROM bench_orders WHERE n % {CANCELED} > 0 ORDER BY n",
        "INSERT INTO payment_items (id, payment_id, order_item_id, price_minor, price_currency, movie_id, sold_at) "
        f"SELECT {made(PAYMENT_ITEM, '2 * n + k')}, {made(PAYMENT, 'n')}, {made(ITEM, '2 * n + k')}, price_minor, price_currency, movie_id, at + INTERVAL '1 minute' "
        f"FROM bench_items JOIN bench_orders USING (n) WHERE n % {CANCELED} > 0 ORDER BY n, k",
        "INSERT INTO refunds (id, payment_id, origin, status, amount_minor, amount_currency, reason, created_at, completed_at) "
        f"SELECT {made(REFUND, 'n')}, {made(PAYMENT, 'n')}, 'administrator', 'succeeded', total, currency, 'A benchmark.', at, at + INTERVAL '2 minutes' "
        f"FROM bench_orders WHERE n % {CANCELED} > 0 AND n % {REFUNDED} = 1 ORDER BY n",
        "INSERT INTO refund_items (refund_id, payment_item_id, is_active) "
        f"SELECT {made(REFUND, 'n')}, {made(PAYMENT_ITEM, '2 * n + k')}, TRUE FROM bench_items WHERE n % {CANCELED} > 0 AND n % {REFUNDED} = 1 ORDER BY n, k",
        "DROP TABLE bench_items, bench_orders, bench_movies",
        "SET session_replication_role = DEFAULT",
    )
    cluster.sql("VACUUM ANALYZE users, orders, order_items, payments, payment_items, refunds, refund_items")


def measure(server: Server, *, turns: int = 5) -> dict:
    """Measures how many seconds the report over all orders takes, and the report over the last 30 days."""
    token = server.tokens()[0]
    today = datetime.datetime.now(datetime.UTC).date()
    paths = {"all": f"?from={today - datetime.timedelta(days=DAYS + 1)}&to={today}&interval=month", "month": ""}
    result = {}
    for name, query in paths.items():
        times = []
        for _ in range(turns):
            began = time.monotonic()
            told = fetch(f"{server.url}/api/v1/admin/analytics/sales{query}", token=token)
            times.append(time.monotonic() - began)
        seconds = {"slowest": max(times), "median": statistics.median(times), "fastest": min(times)}
        result[name] = {**seconds, "paid_orders": told["totals"]["paid_orders"], "totals": told["totals"], "top": told["top_movies"][:3]}
    return result
