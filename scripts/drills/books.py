"""Checks that the responses that people received, the database and the records of the fake Stripe agree."""

import subprocess
import time

# The number of seconds after which remaining problems are reported.
DRAIN_LIMIT = 240

# Each key describes a problem, and its statement selects the rows that have the problem.
RULES = {
    "paid orders without exactly one payment that pays them": """
        SELECT o.id FROM orders o WHERE o.paid_at IS NOT NULL AND 1 <>
            (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.settlement = 'pays_order')""",
    "payments that pay an order that is not paid": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.settlement = 'pays_order' AND o.paid_at IS NULL""",
    # The purchase need not belong to this order: if a refund fails after it was reported as successful, the buyer may have
    # bought the movie again in the meantime.
    "paid movies that were neither refunded nor disputed, but are not in the library": """
        SELECT i.id FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE o.status = 'paid' AND NOT EXISTS
            (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.order_id = o.id)
            AND NOT EXISTS (SELECT FROM purchases b WHERE b.user_id = i.user_id AND b.movie_id = i.movie_id
                AND b.revoked_at IS NULL AND b.suspended_at IS NULL)""",
    "purchases whose orders are not paid": """
        SELECT b.id FROM purchases b WHERE b.revoked_at IS NULL AND NOT EXISTS
            (SELECT FROM order_items i JOIN orders o ON o.id = i.order_id
             WHERE i.id = b.id AND i.user_id = b.user_id AND i.movie_id = b.movie_id AND o.status IN ('paid', 'partially_refunded'))""",
    # A refund that somebody made in the dashboard of the provider has no items: it can return the price of each item.
    "movies that a buyer has paid for twice, without a mail to administrators about a failed refund": """
        SELECT i.user_id, i.movie_id FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE o.status = 'paid' AND NOT EXISTS
            (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.order_id = o.id AND d.status = 'lost')
            AND NOT EXISTS
            (SELECT FROM payments p JOIN refunds r ON r.payment_id = p.id
                JOIN outbox m ON m.dedupe_key LIKE 'refund_failed:' || r.id || ':admin:%'
             WHERE p.order_id = o.id AND r.status = 'failed' AND (
                NOT EXISTS (SELECT FROM refund_items x WHERE x.refund_id = r.id)
                OR EXISTS (SELECT FROM refund_items x JOIN payment_items n ON n.id = x.payment_item_id
                    WHERE x.refund_id = r.id AND n.order_item_id = i.id)))
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "paid orders without exactly one sent mail": """
        SELECT o.id FROM orders o WHERE o.paid_at IS NOT NULL AND 1 <>
            (SELECT count(*) FROM outbox m WHERE m.dedupe_key = 'order_paid:' || o.id AND m.sent_at IS NOT NULL)""",
    "mails that could not be sent": "SELECT dedupe_key, last_error FROM outbox WHERE dead_at IS NOT NULL",
    "mails about refunds that were not completed": """
        SELECT m.dedupe_key FROM outbox m WHERE m.dedupe_key LIKE 'order_refunded:%' AND NOT EXISTS
            (SELECT FROM refunds r WHERE m.dedupe_key = 'order_refunded:' || r.id AND r.completed_at IS NOT NULL)""",
    "pending refunds": "SELECT id FROM refunds WHERE status = 'pending'",
    "open disputes": "SELECT id FROM disputes WHERE status = 'open'",
}

# After a backup was restored, only events about checkouts are checked. Events about refunds and disputes of payments that
# are not in the backup remain unprocessed for hours, because they are retried twelve times.
WAITING = "events that were not processed yet"
WAITING_RULE = "SELECT event_id, last_error FROM webhook_events WHERE processed_at IS NULL"

# Reschedules all work that is due later, so that it is due now.
DUE_NOW = """
    UPDATE payments SET next_check_at = now() WHERE next_check_at > now();
    UPDATE refunds SET next_check_at = now() WHERE next_check_at > now();
    UPDATE disputes SET next_check_at = now() WHERE next_check_at > now();
    UPDATE webhook_events SET available_at = now() WHERE processed_at IS NULL AND available_at > now();
    UPDATE outbox SET available_at = now() WHERE sent_at IS NULL AND dead_at IS NULL AND available_at > now()"""

BOOKED = """
    SELECT p.id, p.status, coalesce(p.settlement, '-'), coalesce(p.received_minor, 0), p.refunded_minor,
        coalesce((SELECT sum(d.withdrawn_minor) FROM disputes d WHERE d.payment_id = p.id), 0),
        coalesce((SELECT sum(e.amount_minor) FROM ledger_entries e WHERE e.payment_id = p.id AND e.account = 'provider'), 0)
    FROM payments p WHERE p.provider = 'stripe'"""


def differences(postgres, stripe, may_forget):
    """Yields a text for each difference between the records of the fake Stripe and the database.

    With `may_forget`, it is no problem if a payment that was refunded is missing in the database.
    """
    ours = {row[0]: (*row[1:3], *map(int, row[3:])) for row in postgres.sql(BOOKED)}
    entries = stripe.books()
    held = 0
    for entry in entries:
        name, captured, refunded, disputed = entry["payment_id"], entry["captured"], entry["refunded"], entry["disputed"]
        held += captured - refunded - disputed
        if name not in ours:
            if not may_forget or captured != refunded:
                yield f"a session at Stripe without a payment in the database: {entry}"
            continue
        status, settlement, received, returned, withdrawn, booked = ours[name]
        if captured != received:
            yield f"{name} ({status}): {captured} arrived at Stripe, {received} in the database"
        if refunded != returned:
            yield f"{name} ({status}): {refunded} was refunded at Stripe, {returned} in the database"
        if disputed != withdrawn:
            yield f"{name} ({status}): {disputed} was disputed at Stripe, {withdrawn} in the database"
        if captured - refunded - disputed != booked:
            yield f"{name} ({status}): Stripe holds {captured - refunded - disputed}, the ledger has {booked}"
        if captured and settlement != "pays_order" and not disputed and refunded != captured:
            yield f"{name} ({status}, {settlement}): the payment pays no order, but {captured - refunded} was not refunded"
    total = sum(row[-1] for row in ours.values())
    if total != held:
        yield f"for all payments, Stripe holds {held}, the ledger has {total}"


def problems(postgres, stripe, *, may_forget=False):
    """Returns the current problems. `may_forget` means that a backup was restored, so that payments may be missing."""
    rules = RULES | {WAITING: WAITING_RULE + (" AND subject = 'checkout'" if may_forget else "")}
    found = [f"{what}: {rows[:5]}" for what, rule in rules.items() if (rows := postgres.sql(rule))]
    found += differences(postgres, stripe, may_forget)
    if undelivered := stripe.undelivered():
        found.append(f"{undelivered} events of Stripe have not been delivered yet")
    return found


def wait_until_solved(check):
    """Waits until `check` returns no problems. Returns the problems that remain after the time limit."""
    end = time.monotonic() + DRAIN_LIMIT
    while (found := check()) and time.monotonic() < end:
        time.sleep(1)
    return found


def finish_pending_work(postgres, stripe, *, may_forget=False, finish_at_stripe=lambda: None):
    """Makes all scheduled work due until there are no problems. Returns the problems that remain after the time limit.

    `finish_at_stripe` finishes the pending refunds and open disputes at Stripe.
    """
    end = time.monotonic() + DRAIN_LIMIT
    while True:
        finish_at_stripe()
        postgres.sql(DUE_NOW)
        for _ in range(5):
            found = problems(postgres, stripe, may_forget=may_forget)
            if not found or time.monotonic() > end:
                return found
            time.sleep(1)


TABLES = {"orders": "orders", "payments": "payments", "refunds": "refunds", "refund-requests": "refund_requests"}


def contradicted_answers(postgres, people):
    """Yields a problem for each response that a person has received and that contradicts the database."""
    for path, table in TABLES.items():
        known = {row[0] for row in postgres.sql(f"SELECT id FROM {table}")}
        for person in people:
            created = {name for name, created_by in person.created.items() if created_by.rsplit("/", 1)[-1] == path}
            if lost := created - known:
                yield f"{person.email} received identifiers of {path} that do not exist: {sorted(lost)[:5]}"
    states = {row[0]: row[1] for row in postgres.sql("SELECT id, status FROM orders")}
    for person in people:
        for name in person.paid:
            if states.get(name) in (None, "pending", "canceled"):
                yield f"{person.email} received the answer that order {name} is paid; it is {states.get(name)}"
        for name in person.canceled:
            if states.get(name) != "canceled":
                yield f"{person.email} received the answer that order {name} is canceled; it is {states.get(name)}"


def unprinted_mails(postgres, nodes):
    """Yields a problem for each paid order whose mail no server has printed."""
    printed = "".join(node.mails.read_text(errors="replace") for node in nodes)
    for (number,) in postgres.sql("SELECT number FROM orders WHERE paid_at IS NOT NULL"):
        if f"order {number} is paid" not in printed:
            yield f"no server printed the mail about the paid order {number}"


def run_check(binary, environment):
    """Runs `cinema check`, and returns its output if it reports problems."""
    command = [binary, "check", "--all-checkouts"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    return [] if done.returncode == 0 else [f"cinema check: {done.stdout}{done.stderr}"]
