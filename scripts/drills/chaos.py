#!/usr/bin/env python3
"""Simulates purchases, refunds and disputes on two servers while services fail, then checks that all amounts agree.

    cargo build -p server -p test-stripe --bins
    scripts/drills/chaos.py [--seconds 60] [--seed N]

These faults occur: servers are killed, PostgreSQL is restarted and fails over to its standby, calls to the fake Stripe
fail, and its events are lost, repeated and delayed. Meanwhile, customers order, pay, cancel, request refunds and have
their cards declined. Administrators make refunds, decide refund requests, and change prices. The bank disputes
payments, makes refunds, and lets refunds fail. Every call without a response is repeated.

Then the faults end and the servers are restarted. Afterwards, the responses that people received, the database and the
records of the fake Stripe must agree. Otherwise the exit code is 1, and the folder with the logs is kept. The seed
determines the actions of people and the faults, but not the order in which the threads run.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from books import contradicted_answers, finish_pending_work, run_check, unprinted_mails
from people import Administrator, Bank, Shopper
from services import ANSWER_LIMIT, PASSWORD, Balancer, Cluster, Node, Stripe, call

SHOPPERS = 8
ADMINISTRATORS = 2


def say(text):
    print(f"chaos: {text}", flush=True)


def register(port, postgres, emails):
    """Creates accounts with these email addresses, and activates them."""
    for email in emails:
        status = call(port, "POST", "/api/v1/accounts/register", {"email": email, "password": PASSWORD})[0]
        if status != 201:
            sys.exit(f"chaos: cannot register {email}: {status}")
    postgres.sql("UPDATE users SET is_active = true, activated_at = now() WHERE activated_at IS NULL")


def make_administrators(postgres):
    """Gives the role of administrator to the accounts whose email addresses begin with `admin`."""
    postgres.sql("UPDATE users SET group_id = (SELECT id FROM user_groups WHERE name = 'admin') WHERE email LIKE 'admin%'")


def inject_faults(rng, nodes, cluster, seconds):
    """Injects faults of servers and of PostgreSQL until the time is over. Returns the number of faults of each kind."""

    def kill_server():
        node = rng.choice(nodes)
        node.kill()
        time.sleep(rng.uniform(0, 1))
        node.start()

    faults = {
        "servers killed": kill_server,
        "PostgreSQL restarted": lambda: cluster.restart(rng.uniform(0.1, 1.5)),
        "processes of PostgreSQL killed": lambda: cluster.kill_backend(rng),
        "fail-overs of PostgreSQL": cluster.fail_over,
    }
    counts = dict.fromkeys(faults, 0)
    began = time.monotonic()
    # Every kind of fault is injected once at a planned time, so that each kind occurs even in a short run. All other faults
    # are random.
    planned = list(faults)
    rng.shuffle(planned)
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(rng.uniform(1, 3))
        is_planned = planned and passed > seconds * (len(faults) - len(planned)) / (len(faults) + 1)
        what = planned.pop() if is_planned else rng.choices(list(faults), weights=[8, 1, 1, 1])[0]
        faults[what]()
        counts[what] += 1
    return counts


# Releases the events and mails that killed servers were processing; otherwise, they would be reserved for one minute.
# This is executed while no server runs.
RELEASE = "UPDATE webhook_events SET locked_until = NULL; UPDATE outbox SET locked_until = NULL"


def end_faults(cluster, stripe, nodes, people, bank):
    """Ends all faults, waits until all people have finished, and restarts the servers."""
    stripe.control_or_exit("faults/none")
    stripe.control_or_exit("delivery", "seed=1")
    for node in nodes:
        node.wait_until_ready()
    for person in people:
        # People start no new actions now, but repeat their unfinished calls until they get responses.
        person.join(4 * ANSWER_LIMIT)
        if person.is_alive():
            person.problems.append(f"{person.email} is still waiting for an answer")
    bank.join(ANSWER_LIMIT)
    bank.finish_all()
    # A server runs its background jobs immediately after its start. So the restarted servers read Stripe's list of events,
    # and find the events that were lost.
    for node in nodes:
        node.kill()
    cluster.sql(RELEASE)
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_until_ready()


def report(cluster, actors):
    """Prints how many orders, payments, refunds and disputes there are, and what the actors did."""
    for row in cluster.sql("SELECT 'orders', status, count(*) FROM orders GROUP BY 2 ORDER BY 2"):
        say(" ".join(row))
    for row in cluster.sql("SELECT 'payments', status, coalesce(settlement, '-'), count(*) FROM payments GROUP BY 2, 3 ORDER BY 2, 3"):
        say(" ".join(row))
    for row in cluster.sql("SELECT 'refunds by', origin, status, count(*) FROM refunds GROUP BY 2, 3 ORDER BY 2, 3"):
        say(" ".join(row))
    for row in cluster.sql("SELECT 'disputes', status, count(*) FROM disputes GROUP BY 2 ORDER BY 2"):
        say(" ".join(row))
    counts = {}
    for actor in actors:
        for what, number in actor.counts.items():
            counts[what] = counts.get(what, 0) + number
    say(", ".join(f"{what}: {number}" for what, number in sorted(counts.items())))


def drill(arguments, folder):
    rng = random.Random(arguments.seed)
    began = time.monotonic()
    cluster = Cluster(folder)
    nodes = []
    stripe = None
    try:
        nodes = [Node(name, arguments.binary, folder, cluster.url()) for name in ("one", "two")]
        ports = [node.port for node in nodes]
        balancer = Balancer(ports)
        url = f"http://127.0.0.1:{balancer.port}"
        stripe = Stripe(arguments.stripe, folder, f"{url}/api/v1/payments/webhooks/stripe")
        for node in nodes:
            node.environment |= {"PUBLIC_URL": url, "STRIPE_API_BASE": f"http://127.0.0.1:{stripe.port}"}
            # The second server is started later, because the first one creates the tables and the movies.
            node.start()
            node.wait_until_ready()
        movies = [movie["id"] for movie in call(ports[0], "GET", "/api/v1/movies?page_size=40")[2]["items"]]
        common = {"seed": arguments.seed, "ports": ports, "stripe": stripe, "movies": movies}
        people = [Shopper(f"shopper{number}", **common) for number in range(SHOPPERS)]
        people += [Administrator(f"admin{number}", **common) for number in range(ADMINISTRATORS)]
        bank = Bank(seed=arguments.seed, stripe=stripe)
        register(ports[0], cluster, [person.email for person in people])
        make_administrators(cluster)
        stripe.control_or_exit("delivery", f"seed={arguments.seed % 2**31}&duplicated=20&dropped=10&longest_delay_ms=3000")
        stripe.control_or_exit("faults/random", f"seed={arguments.seed % 2**31}&percent=8")
        say(f"all services were started after {time.monotonic() - began:.0f} s")
        end = time.monotonic() + arguments.seconds
        for actor in (*people, bank):
            actor.end = end
            actor.start()
        counts = inject_faults(rng, nodes, cluster, arguments.seconds)
        faults = ", ".join(f"{what}: {number}" for what, number in counts.items())
        say(f"{faults}; all faults were injected after {time.monotonic() - began:.0f} s")
        end_faults(cluster, stripe, nodes, people, bank)
        say(f"the servers were restarted after {time.monotonic() - began:.0f} s")
        found = finish_pending_work(cluster, stripe, finish_at_stripe=bank.finish_all)
        say(f"all pending work was completed after {time.monotonic() - began:.0f} s")
        found += [problem for actor in (*people, bank) for problem in actor.problems]
        found += contradicted_answers(cluster, people)
        found += unprinted_mails(cluster, nodes)
        found += run_check(arguments.binary, nodes[0].environment)
        report(cluster, (*people, bank))
        if not cluster.sql("SELECT id FROM orders WHERE status = 'paid' LIMIT 1"):
            found.append("nothing was bought")
        say(f"all checks were completed after {time.monotonic() - began:.0f} s")
        return found
    finally:
        for node in nodes:
            node.kill()
        if stripe:
            stripe.stop()
        cluster.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="target/debug/cinema", type=os.path.abspath)
    parser.add_argument("--stripe", default="target/debug/test-stripe", type=os.path.abspath)
    parser.add_argument("--seconds", default=60, type=int, help="for how long faults are injected")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    say(f"seed {arguments.seed}, {arguments.seconds} seconds")
    # SIGTERM raises an exception, so that the `finally` clauses stop the services.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("chaos: stopped by SIGTERM"))
    folder = Path(tempfile.mkdtemp(prefix="cinema-chaos-"))
    folder.chmod(0o755)
    found = drill(arguments, folder)
    if found:
        for problem in found[:20]:
            say(f"PROBLEM: {problem}")
        sys.exit(f"chaos: {len(found)} problems; seed {arguments.seed}, logs in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    say("all amounts agree")


if __name__ == "__main__":
    main()
