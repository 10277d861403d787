#!/usr/bin/env python3
"""Buys movies at two servers while they are killed, PostgreSQL is restarted and a fake Stripe fails; then checks all money.

    cargo build -p server -p test-stripe --bins
    scripts/drills/chaos.py [--seconds 90] [--seed N]

Shoppers order, pay, decline, let checkouts expire and cancel, and repeat every call that was not answered, with its
idempotency key. At the end faults stop, the servers start anew, and what shoppers saw, the database and the books of the fake
Stripe must agree. The seed decides what shoppers and faults do; the order in which threads run it does not.
Exit 1 when something is wrong; the folder with the logs is kept then.
"""

import argparse
import contextlib
import http.client
import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

SECRET = "whsec_of_the_drill"
STRIPE_KEY = "sk_test_of_the_fake_stripe"
PASSWORD = "Correct horse 7 battery"
SHOPPERS = 10
ANSWER_LIMIT = 30
DRAIN_LIMIT = 120
LOST = (OSError, http.client.HTTPException, ValueError)


def say(text):
    print(f"chaos: {text}", flush=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(port, method, path, body=None, headers=None, *, form=False):
    """One request; its status, headers and JSON body. Raises one of LOST when no whole answer comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)
    headers = dict(headers or {})
    data = None
    if body is not None:
        data = body if form else json.dumps(body)
        headers["content-type"] = "application/x-www-form-urlencoded" if form else "application/json"
    with contextlib.closing(connection):
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


def find_program(name):
    folders = [Path(path) for path in os.environ["PATH"].split(":")]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        # A name on the PATH may be a script that changes the user.
        if (folder / name).is_file() and (folder / "postgres").is_file():
            return str(folder / name)
    sys.exit(f"chaos: {name} is missing: scripts/setup.sh postgres")


class Postgres:
    """A PostgreSQL of its own that is stopped as a crash does."""

    def __init__(self, folder):
        self.data = folder / "postgres"
        self.log = folder / "postgres.log"
        self.port = free_port()
        self.prefix = []
        self.data.mkdir()
        self.log.touch()
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.data, user.pw_uid, user.pw_gid)
            os.chown(self.log, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", str(self.data))
        self.start()
        self.sql("CREATE DATABASE cinema", database="postgres")

    def run(self, program, *arguments):
        subprocess.run([*self.prefix, find_program(program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100"
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.log), "-o", options)

    def stop(self):
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", str(self.data))

    def url(self, database="cinema"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, statement, database="cinema"):
        """The rows of a statement, each a list of texts."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]


class Node:
    """A server process that is killed and started again at the same address."""

    def __init__(self, name, binary, folder, database_url):
        self.binary = binary
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir()
        self.log = folder / f"{name}.log"
        self.environment = {
            "APP_ENV": "dev",
            "APP_SECRET_KEY": "of-a-drill-" * 4,
            "DATABASE_URL": database_url,
            "DATABASE_POOL_SIZE": "12",
            "MAILER": "console",
            "RATE_LIMITS": "off",
            "HASH_SLOTS": "1",
            "RUST_LOG": "warn",
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "APP_PORT": str(self.port),
            "DATA_DIR": str(self.folder),
            "PATH": os.environ["PATH"],
        }
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve"], env=self.environment, stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder)

    def wait_until_ready(self, limit=120):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            with contextlib.suppress(*LOST):
                if call(self.port, "GET", "/health/ready")[0] == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"chaos: a server did not start, see {self.log}")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Balancer:
    """Passes connections on to a server that accepts them: where webhooks go."""

    def __init__(self, ports):
        self.ports = ports
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            for port in random.sample(self.ports, len(self.ports)):
                with contextlib.suppress(OSError):
                    server = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_LIMIT)
                    break
            else:
                return
            with server:
                up = threading.Thread(target=self._pump, args=(client, server), daemon=True)
                up.start()
                self._pump(server, client)

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class Stripe:
    """The fake Stripe as a process of its own."""

    def __init__(self, binary, folder, webhook_url):
        self.port = free_port()
        with open(folder / "stripe.log", "ab") as log:
            self.process = subprocess.Popen([binary, f"127.0.0.1:{self.port}", webhook_url, SECRET], stdout=log, stderr=log)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(*LOST):
                self.books()
                return
            time.sleep(0.05)
        sys.exit("chaos: the fake Stripe did not start")

    def books(self):
        return call(self.port, "GET", "/_test/books")[2]

    def control(self, path, form=""):
        """Plays buyers and banks; whether it was possible."""
        with contextlib.suppress(*LOST):
            return call(self.port, "POST", f"/_test/{path}", form, form=True)[0] == 200
        return False

    def arrange(self, path, form=""):
        """The same for what must be possible."""
        if not self.control(path, form):
            sys.exit(f"chaos: the fake Stripe refused {path} {form}")

    def waiting(self):
        return call(self.port, "GET", "/_test/waiting")[2]["events"]


class Shopper(threading.Thread):
    """Somebody who buys movies, at random, and never gives up a call that was not answered."""

    def __init__(self, number, *, seed, ports, stripe, movies):
        super().__init__(daemon=True)
        self.email = f"shopper{number}@example.com"
        self.random = random.Random(f"{seed}:{number}")
        self.ports = ports
        self.stripe = stripe
        self.movies = movies
        self.end = 0
        self.token = None
        self.faults = []
        self.counts = {}
        self.made = {}

    def run(self):
        try:
            while time.monotonic() < self.end:
                self.buy()
        except Exception as error:
            self.faults.append(f"{self.email} stopped: {error!r}")

    def call(self, method, path, body=None, key=None):
        """Repeats a call until it is answered by something else than an outage; None when the time is over."""
        while time.monotonic() < self.end + ANSWER_LIMIT:
            headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
            if key:
                headers["idempotency-key"] = key
            try:
                status, _, answer = call(self.random.choice(self.ports), method, f"/api/v1{path}", body, headers)
            except LOST:
                time.sleep(self.random.uniform(0.02, 0.3))
                continue
            code = (answer or {}).get("code")
            if status == 401 and self.token:
                self.log_in()
            elif status in (502, 503) or code == "request_in_progress":
                time.sleep(self.random.uniform(0.05, 0.5))
            elif status >= 500 or status == 429:
                self.faults.append(f"{method} {path}: {status} {answer}")
                return status, answer
            else:
                self.count(f"{status} {code or method}")
                return status, answer
        return None, None

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def log_in(self):
        self.token = None
        status, answer = self.call("POST", "/accounts/login", {"email": self.email, "password": PASSWORD})
        if status == 200:
            self.token = answer["access"]

    def once(self, path, body=None):
        """A call with an idempotency key, sometimes twice at once: both must tell of one thing."""
        key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        answers = []
        twin = None
        if self.random.random() < 0.3:
            twin = threading.Thread(target=lambda: answers.append(self.call("POST", path, body, key)))
            twin.start()
        answers.append(self.call("POST", path, body, key))
        if twin:
            twin.join()
        answers.append(self.call("POST", path, body, key))
        made = {answer["id"] for status, answer in answers if status in (200, 201)}
        if len(made) > 1:
            self.faults.append(f"one key made several things: POST {path}: {sorted(made)}")
        for name in made:
            self.made.setdefault(name, path)
        return next(((status, answer) for status, answer in answers if status in (200, 201)), answers[-1])

    def buy(self):
        if not self.token:
            self.log_in()
        for movie in self.random.sample(self.movies, self.random.randint(1, 3)):
            self.call("POST", "/cart/items", {"movie_id": movie})
        status, order = self.once("/orders")
        if status == 409:
            # Most often a pending order holds one of the movies.
            self.call("DELETE", "/cart")
            status, orders = self.call("GET", "/orders?status=pending")
            if status != 200 or not orders["items"]:
                return
            order = self.random.choice(orders["items"])
        elif status != 201:
            return
        if self.random.random() < 0.1:
            self.call("POST", f"/orders/{order['id']}/cancel")
            return
        for _ in range(3):
            status, payment = self.once(f"/orders/{order['id']}/payments")
            if status not in (200, 201) or not payment.get("checkout_url"):
                break
            session = payment["checkout_url"].rstrip("/").rsplit("/", 1)[-1]
            if self.finish(session, order):
                break

    def finish(self, session, order):
        """Does something at the checkout; whether that ends the order's story."""
        choice = self.random.random()
        cancel = f"/orders/{order['id']}/cancel"
        if choice < 0.55:
            self.stripe.control(f"sessions/{session}/pay")
        elif choice < 0.7:
            # At the same moment.
            twin = threading.Thread(target=self.stripe.control, args=(f"sessions/{session}/pay",))
            twin.start()
            self.call("POST", cancel)
            twin.join()
        elif choice < 0.8:
            self.stripe.control(f"sessions/{session}/complete")
            if self.random.random() < 0.5:
                self.call("POST", cancel)
            self.stripe.control(f"sessions/{session}/{self.random.choice(['settle', 'bounce'])}")
        elif choice < 0.9:
            self.stripe.control(f"sessions/{session}/decline")
            return False
        elif choice < 0.95:
            self.stripe.control(f"sessions/{session}/expire")
            return False
        else:
            self.call("POST", cancel)
        if self.random.random() < 0.5:
            self.call("GET", f"/orders/{order['id']}")
        return True


def register(port, postgres, emails):
    """Makes active accounts."""
    for email in emails:
        status = call(port, "POST", "/api/v1/accounts/register", {"email": email, "password": PASSWORD})[0]
        if status != 201:
            sys.exit(f"chaos: nobody can register: {status}")
    postgres.sql("UPDATE users SET is_active = true, activated_at = now() WHERE activated_at IS NULL")


def make_trouble(rng, nodes, postgres, end):
    """Kills servers and PostgreSQL until the time is over, and leaves all of them running."""
    kills = restarts = 0
    while time.monotonic() < end:
        time.sleep(rng.uniform(1.5, 4))
        if rng.random() < 0.15:
            postgres.stop()
            time.sleep(rng.uniform(0.1, 1.5))
            postgres.start()
            restarts += 1
        else:
            node = rng.choice(nodes)
            node.kill()
            time.sleep(rng.uniform(0, 1))
            node.start()
            kills += 1
    return kills, restarts


RULES = {
    "orders that are paid without one payment that pays them": """
        SELECT o.id FROM orders o WHERE o.status <> 'pending' AND o.status <> 'canceled' AND 1 <>
            (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.settlement = 'pays_order')""",
    "payments that pay an order that is not paid": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.settlement = 'pays_order' AND o.status IN ('pending', 'canceled')""",
    "items that were paid and not bought": """
        SELECT i.id FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.status = 'paid' AND NOT EXISTS
            (SELECT FROM purchases b WHERE b.user_id = i.user_id AND b.movie_id = i.movie_id)""",
    "movies that were bought and not paid": """
        SELECT b.id FROM purchases b WHERE NOT EXISTS
            (SELECT FROM order_items i JOIN orders o ON o.id = i.order_id
             WHERE i.user_id = b.user_id AND i.movie_id = b.movie_id AND o.status = 'paid')""",
    "movies that a buyer paid twice": """
        SELECT i.user_id, i.movie_id FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE o.status = 'paid' GROUP BY 1, 2 HAVING count(*) > 1""",
    "paid orders without one mail": """
        SELECT o.id FROM orders o WHERE o.status = 'paid' AND 1 <>
            (SELECT count(*) FROM outbox m WHERE m.dedupe_key = 'order_paid:' || o.id)""",
    "events about checkouts that have no effect yet": "SELECT event_id FROM webhook_events WHERE processed_at IS NULL AND subject = 'checkout'",
}


def books_of(postgres, stripe, may_forget):
    """What is not the same in Stripe's books and in ours. After a restored backup orders may be forgotten: their money is returned."""
    rows = postgres.sql("SELECT id, status, settlement, coalesce(received_minor, 0), refunded_minor FROM payments WHERE provider = 'stripe'")
    ours = {row[0]: row[1:] for row in rows}
    for entry in stripe.books():
        name, captured, refunded = entry["payment_id"], entry["captured"], entry["refunded"]
        if name not in ours:
            if not may_forget or captured != refunded:
                yield f"a session of no payment: {entry}"
            continue
        status, settlement, received, returned = ours[name]
        if captured != int(received):
            yield f"{name} ({status}): {captured} arrived at Stripe, {received} here"
        if refunded != int(returned):
            yield f"{name} ({status}): {refunded} went back at Stripe, {returned} here"
        if captured and settlement != "pays_order" and refunded != captured:
            yield f"{name} ({status}, {settlement}): {captured - refunded} is nobody's"


def wrongs(postgres, stripe, *, may_forget=False):
    """What is wrong now; `may_forget` when a backup was restored."""
    found = [f"{what}: {rows[:5]}" for what, rule in RULES.items() if (rows := postgres.sql(rule))]
    found += books_of(postgres, stripe, may_forget)
    if waiting := stripe.waiting():
        found.append(f"{waiting} events of Stripe are still on their way")
    return found


def until_right(check, limit=DRAIN_LIMIT):
    """Waits until nothing is wrong any more; what still is when the time is over."""
    end = time.monotonic() + limit
    while (found := check()) and time.monotonic() < end:
        time.sleep(1)
    return found


def run_check(binary, environment):
    """Runs `cinema check` where the command exists; what it says is wrong."""
    done = subprocess.run([binary, "check"], check=False, env=environment, capture_output=True, text=True, timeout=120)
    if "unrecognized subcommand" in done.stderr:
        say("this version has no `cinema check`")
        return []
    return [] if done.returncode == 0 else [f"cinema check: {done.stdout}{done.stderr}"]


def drill(arguments, folder):
    rng = random.Random(arguments.seed)
    postgres = Postgres(folder)
    started = []
    try:
        nodes = [Node(name, arguments.binary, folder, postgres.url()) for name in ("one", "two")]
        ports = [node.port for node in nodes]
        balancer = Balancer(ports)
        url = f"http://127.0.0.1:{balancer.port}"
        stripe = Stripe(arguments.stripe, folder, f"{url}/api/v1/payments/webhooks/stripe")
        started.append(stripe.process)
        for node in nodes:
            node.environment |= {"PUBLIC_URL": url, "STRIPE_API_BASE": f"http://127.0.0.1:{stripe.port}"}
            node.start()
            node.wait_until_ready()
        movies = [movie["id"] for movie in call(ports[0], "GET", "/api/v1/movies?page_size=100")[2]["items"]]
        shoppers = [Shopper(number, seed=arguments.seed, ports=ports, stripe=stripe, movies=movies) for number in range(SHOPPERS)]
        register(ports[0], postgres, [shopper.email for shopper in shoppers])
        stripe.arrange("delivery", f"seed={arguments.seed % 2**31}&duplicated=20&dropped=10&longest_delay_ms=3000")
        stripe.arrange("faults/random", f"seed={arguments.seed % 2**31}&percent=8")
        end = time.monotonic() + arguments.seconds
        for shopper in shoppers:
            shopper.end = end
            shopper.start()
        kills, restarts = make_trouble(rng, nodes, postgres, end)
        say(f"{kills} servers killed, PostgreSQL restarted {restarts} times; now all is healed")
        stripe.arrange("faults/none")
        stripe.arrange("delivery", "seed=1")
        for node in nodes:
            node.wait_until_ready()
        for shopper in shoppers:
            shopper.join(2 * ANSWER_LIMIT)
            if shopper.is_alive():
                shopper.faults.append(f"{shopper.email} still waits for an answer")
        # Background work begins with every start: events that were lost are read from Stripe's list at once.
        for node in nodes:
            node.kill()
            node.start()
            node.wait_until_ready()
        found = until_right(lambda: wrongs(postgres, stripe))
        found += [fault for shopper in shoppers for fault in shopper.faults]
        found += run_check(arguments.binary, nodes[0].environment)
        for row in postgres.sql("SELECT 'orders', status, count(*) FROM orders GROUP BY 2 ORDER BY 2"):
            say(" ".join(row))
        for row in postgres.sql("SELECT 'payments', status, coalesce(settlement, '-'), count(*) FROM payments GROUP BY 2, 3 ORDER BY 2, 3"):
            say(" ".join(row))
        counts = {}
        for shopper in shoppers:
            for what, number in shopper.counts.items():
                counts[what] = counts.get(what, 0) + number
        say(", ".join(f"{what}: {number}" for what, number in sorted(counts.items())))
        if not postgres.sql("SELECT id FROM orders WHERE status = 'paid' LIMIT 1"):
            found.append("nobody bought anything")
        for node in nodes:
            node.kill()
        return found
    finally:
        for node in locals().get("nodes", []):
            if node.process and node.process.poll() is None:
                node.process.kill()
        for process in started:
            process.kill()
        postgres.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/cinema", type=os.path.abspath)
    parser.add_argument("--stripe", default="target/debug/test-stripe", type=os.path.abspath)
    parser.add_argument("--seconds", default=60, type=int, help="how long there is trouble")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    say(f"seed {arguments.seed}, {arguments.seconds} seconds")
    folder = Path(tempfile.mkdtemp(prefix="cinema-chaos-"))
    folder.chmod(0o755)
    found = drill(arguments, folder)
    if found:
        for wrong in found[:20]:
            say(f"WRONG {wrong}")
        sys.exit(f"chaos: {len(found)} things are wrong; seed {arguments.seed}, logs in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    say("all money is where it belongs")


if __name__ == "__main__":
    main()
