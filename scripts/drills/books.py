"""The checks of all money after the faults have ended."""

import subprocess
import time

DRAIN_LIMIT = 240

RULES = {
    "orders that are paid without one payment that pays them": """
        SELECT o.id FROM orders o WHERE o.paid_at IS NOT NULL AND 1 <>
            (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.settlement = 'pays_order')""",
    "payments that pay an order that is not paid": """
        SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.settlement = 'pays_order' AND o.paid_at IS NULL""",
    # The purchase of another order counts too: the movie was bought again before a refund of it failed.
    "movies that were paid, neither refunded nor disputed, and not bought": """
        SELECT i.id FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE o.status = 'paid' AND NOT EXISTS
            (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.order_id = o.id)
            AND NOT EXISTS (SELECT FROM purchases b WHERE b.user_id = i.user_id AND b.movie_id = i.movie_id
                AND b.revoked_at IS NULL AND b.suspended_at IS NULL)""",
    "purchases that were not paid": """
        SELECT b.id FROM purchases b WHERE b.revoked_at IS NULL AND NOT EXISTS
            (SELECT FROM order_items i JOIN orders o ON o.id = i.order_id
             WHERE i.id = b.id AND i.user_id = b.user_id AND i.movie_id = b.movie_id AND o.status IN ('paid', 'partially_refunded'))""",
    "movies that a buyer paid twice, without a mail to administrators about a failed refund": """
        SELECT i.user_id, i.movie_id FROM order_items i JOIN orders o ON o.id = i.order_id
        WHERE o.status = 'paid' AND NOT EXISTS
            (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.order_id = o.id AND d.status = 'lost')
            AND NOT EXISTS
            (SELECT FROM payment_items n JOIN refund_items x ON x.payment_item_id = n.id JOIN refunds r ON r.id = x.refund_id
                JOIN outbox m ON m.dedupe_key = 'refund_failed:' || r.id || ':admin:0'
             WHERE n.order_item_id = i.id AND r.status = 'failed')
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "paid orders without one mail that was sent": """
        SELECT o.id FROM orders o WHERE o.paid_at IS NOT NULL AND 1 <>
            (SELECT count(*) FROM outbox m WHERE m.dedupe_key = 'order_paid:' || o.id AND m.sent_at IS NOT NULL)""",
    "mails that were given up": "SELECT dedupe_key, last_error FROM outbox WHERE dead_at IS NOT NULL",
    "mails of refunds that did not happen": """
        SELECT m.dedupe_key FROM outbox m WHERE m.dedupe_key LIKE 'order_refunded:%' AND NOT EXISTS
            (SELECT FROM refunds r WHERE m.dedupe_key = 'order_refunded:' || r.id AND r.completed_at IS NOT NULL)""",
    "refunds that are pending": "SELECT id FROM refunds WHERE status = 'pending'",
    "disputes that are open": "SELECT id FROM disputes WHERE status = 'open'",
}

# Events about money of lost payments are retried twelve times, which takes hours.
WAITING = "events that have no effect yet"
WAITING_RULE = "SELECT event_id, last_error FROM webhook_events WHERE processed_at IS NULL"

# Makes all waiting work due, so that it happens now instead of within the next hour.
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


def books_of(postgres, stripe, may_forget):
    """The differences between Stripe's records and ours. After restoring a backup orders may be missing: their money is refunded."""
    ours = {row[0]: (*row[1:3], *map(int, row[3:])) for row in postgres.sql(BOOKED)}
    entries = stripe.books()
    held = 0
    for entry in entries:
        name, captured, refunded, disputed = entry["payment_id"], entry["captured"], entry["refunded"], entry["disputed"]
        held += captured - refunded - disputed
        if name not in ours:
            if not may_forget or captured != refunded:
                yield f"a session of no payment: {entry}"
            continue
        status, settlement, received, returned, withdrawn, booked = ours[name]
        if captured != received:
            yield f"{name} ({status}): {captured} arrived at Stripe, {received} here"
        if refunded != returned:
            yield f"{name} ({status}): {refunded} went back at Stripe, {returned} here"
        if disputed != withdrawn:
            yield f"{name} ({status}): {disputed} was disputed at Stripe, {withdrawn} here"
        if captured - refunded - disputed != booked:
            yield f"{name} ({status}): Stripe holds {captured - refunded - disputed}, the ledger has {booked}"
        if captured and settlement != "pays_order" and not disputed and refunded != captured:
            yield f"{name} ({status}, {settlement}): {captured - refunded} belongs to no payment"
    total = sum(row[-1] for row in ours.values())
    if total != held:
        yield f"Stripe holds {held} of all payments, the ledger has {total}"


def wrongs(postgres, stripe, *, may_forget=False):
    """The current problems; `may_forget` after a backup was restored."""
    rules = RULES | {WAITING: WAITING_RULE + (" AND subject = 'checkout'" if may_forget else "")}
    found = [f"{what}: {rows[:5]}" for what, rule in rules.items() if (rows := postgres.sql(rule))]
    found += books_of(postgres, stripe, may_forget)
    if waiting := stripe.waiting():
        found.append(f"{waiting} events of Stripe are still on their way")
    return found


def until_right(check):
    """Waits until there are no problems, and returns those that remain when the time is over."""
    end = time.monotonic() + DRAIN_LIMIT
    while (found := check()) and time.monotonic() < end:
        time.sleep(1)
    return found


def drained(postgres, stripe, *, may_forget=False, hurry=lambda: None):
    """Runs all scheduled work, and returns the problems that remain when nothing changes any more.

    `hurry` ends what waits at Stripe.
    """
    end = time.monotonic() + DRAIN_LIMIT
    while True:
        hurry()
        postgres.sql(DUE_NOW)
        for _ in range(5):
            found = wrongs(postgres, stripe, may_forget=may_forget)
            if not found or time.monotonic() > end:
                return found
            time.sleep(1)


TABLES = {"orders": "orders", "payments": "payments", "refunds": "refunds", "refund-requests": "refund_requests"}


def lost_answers(postgres, people):
    """The answers that people received and that differ from the database."""
    for path, table in TABLES.items():
        known = {row[0] for row in postgres.sql(f"SELECT id FROM {table}")}
        for person in people:
            made = {name for name, made_by in person.made.items() if made_by.rsplit("/", 1)[-1] == path}
            if lost := made - known:
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
    """Paid orders whose mail was not printed by any server."""
    printed = "".join(node.mails.read_text(errors="replace") for node in nodes)
    for (number,) in postgres.sql("SELECT number FROM orders WHERE paid_at IS NOT NULL"):
        if f"order {number} is paid" not in printed:
            yield f"no server sent the mail of the paid order {number}"


def run_check(binary, environment):
    """Runs `cinema check` and returns the reported problems."""
    command = [binary, "check", "--all-checkouts"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    return [] if done.returncode == 0 else [f"cinema check: {done.stdout}{done.stderr}"]
