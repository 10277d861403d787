#!/usr/bin/env python3
"""Restores a backup of PostgreSQL that is older than some payments at the fake Stripe. No payment must be lost.

    cargo build -p server -p test-stripe --bins
    scripts/drills/restore.py

After the backup was restored, the server reads Stripe's list of events. "Later" means after the backup was created. Orders
in the backup that were paid later must become paid. Payments for orders that are not in the backup must be refunded.
Movies whose payments were refunded later, or whose disputes were lost later, must be revoked again. Sessions that were
refreshed later must stay valid. If there are problems, the exit code is 1, and the folder with the logs is kept.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from books import finish_pending_work, run_check, unprinted_mails, wait_until_solved
from chaos import make_administrators, register
from services import PASSWORD, Node, Postgres, Stripe, call


def say(text):
    print(f"restore: {text}", flush=True)


class Buyer:
    """A customer who buys one movie."""

    def __init__(self, node, stripe, email, movie):
        self.node = node
        self.stripe = stripe
        self.email = email
        self.movie = movie
        self.access = self.refresh = self.order = self.payment = self.session = None

    def call(self, method, path, body=None):
        headers = {"authorization": f"Bearer {self.access}"} if self.access else {}
        status, _, answer = call(self.node.port, method, f"/api/v1{path}", body, headers)
        return status, answer

    def expect(self, wanted, method, path, body=None):
        status, answer = self.call(method, path, body)
        if status != wanted:
            sys.exit(f"restore: {method} {path} of {self.email}: {status} {answer}")
        return answer

    def log_in(self):
        self.access = None
        self.keep(self.expect(200, "POST", "/accounts/login", {"email": self.email, "password": PASSWORD}))

    def keep(self, tokens):
        self.access, self.refresh = tokens["access"], tokens["refresh"]

    def place(self):
        self.expect(201, "POST", "/cart/items", {"movie_id": self.movie})
        self.order = self.expect(201, "POST", "/orders")["id"]

    def open_checkout(self):
        payment = self.expect(201, "POST", f"/orders/{self.order}/payments")
        self.payment = payment["id"]
        self.session = payment["checkout_url"].rstrip("/").rsplit("/", 1)[-1]

    def at_stripe(self, act):
        if not self.stripe.control(f"sessions/{self.session}/{act}"):
            sys.exit(f"restore: {self.email} cannot {act} at Stripe")

    def intent(self):
        """Returns the payment intent of the checkout at Stripe."""
        return next(entry["intent"] for entry in self.stripe.books() if entry["session"] == self.session)

    def has_movie(self):
        return self.expect(200, "GET", f"/movies/{self.movie}")["me"]["purchased"]

    def status(self):
        status, answer = self.call("GET", f"/orders/{self.order}")
        return answer["status"] if status == 200 else status


def drill(arguments, folder):
    postgres = Postgres(folder)
    postgres.create()
    node = stripe = None
    try:
        node = Node("server", arguments.binary, folder, postgres.url())
        stripe = Stripe(arguments.stripe, folder, f"http://127.0.0.1:{node.port}/api/v1/payments/webhooks/stripe")
        node.environment["STRIPE_API_BASE"] = f"http://127.0.0.1:{stripe.port}"
        node.start()
        node.wait_until_ready()
        movie = call(node.port, "GET", "/api/v1/movies?page_size=1")[2]["items"][0]["id"]
        names = ["paid", "refunded", "disputed", "opened", "ordered", "later", "slow", "admin"]
        everybody = [Buyer(node, stripe, f"{name}@example.com", movie) for name in names]
        paid, refunded, disputed, opened, ordered, later, slow, admin = everybody
        register(node.port, postgres, [person.email for person in everybody])
        make_administrators(postgres)
        for person in everybody:
            person.log_in()
        early = (paid, refunded, disputed)
        for buyer in (*early, opened, ordered):
            buyer.place()
        for buyer in (*early, opened):
            buyer.open_checkout()
        for buyer in early:
            buyer.at_stripe("pay")
        found = wait_until_solved(lambda: [buyer.email for buyer in early if buyer.status() != "paid"])
        backup = str(folder / "backup")
        subprocess.run(["pg_dump", "-Fc", "-f", backup, postgres.url()], check=True)
        say("the backup was created")

        later.place()
        slow.place()
        for buyer in (ordered, later, slow):
            buyer.open_checkout()
        for buyer in (opened, ordered, later):
            buyer.at_stripe("pay")
        slow.at_stripe("complete")
        admin.expect(201, "POST", f"/payments/{refunded.payment}/refunds", {"reason": "The sound is broken."})
        stripe.control_or_exit(f"intents/{disputed.intent()}/dispute")
        stripe.control_or_exit(f"disputes/{stripe.list('disputes')[0]['id']}/lose")
        paid.keep(paid.expect(200, "POST", "/accounts/refresh", {"refresh": paid.refresh}))
        wanted = {opened: "paid", ordered: "paid", later: "paid", refunded: "refunded"}
        found += wait_until_solved(lambda: [buyer.email for buyer, status in wanted.items() if buyer.status() != status])

        node.kill()
        postgres.sql("DROP DATABASE cinema", database="postgres")
        postgres.sql("CREATE DATABASE cinema", database="postgres")
        subprocess.run(["pg_restore", "-d", postgres.url(), backup], check=True)
        say("the backup was restored")
        node.start()
        node.wait_until_ready()
        slow.at_stripe("settle")
        found += finish_pending_work(postgres, stripe, may_forget=True)
        wanted = {paid: "paid", refunded: "refunded", disputed: "paid", opened: "paid", ordered: "paid", later: 404, slow: 404}
        found += [f"the order of {buyer.email}: {buyer.status()}" for buyer, status in wanted.items() if buyer.status() != status]
        returned = {entry["session"] for entry in stripe.books() if entry["refunded"]}
        if returned != {refunded.session, later.session, slow.session}:
            found.append(f"the money of the wrong sessions was refunded: {returned}")
        found += [f"{buyer.email} still has a movie whose money was refunded or lost" for buyer in (refunded, disputed) if buyer.has_movie()]
        # The restored database does not contain this refresh token, which was issued after the backup. The server must not
        # assume that it was stolen, because it would then end the session.
        status, answer = paid.call("POST", "/accounts/refresh", {"refresh": paid.refresh})
        say(f"a refresh token issued after the backup was answered with {status} {(answer or {}).get('code', '')}")
        status, answer = paid.call("GET", "/users/me")
        if status != 200:
            found.append(f"the session of {paid.email} has ended: {status} {answer}")
        found += unprinted_mails(postgres, [node])
        return found + run_check(arguments.binary, node.environment)
    finally:
        if node:
            node.kill()
        if stripe:
            stripe.stop()
        postgres.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/cinema", type=os.path.abspath)
    parser.add_argument("--stripe", default="target/debug/test-stripe", type=os.path.abspath)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cinema-restore-"))
    folder.chmod(0o755)
    found = drill(arguments, folder)
    if found:
        for problem in found[:20]:
            say(f"PROBLEM: {problem}")
        sys.exit(f"restore: {len(found)} problems; logs in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    say("no payment was lost")


if __name__ == "__main__":
    main()
