"""The actors of the chaos drill: customers, administrators and the bank."""

import contextlib
import random
import threading
import time
import uuid

from services import ANSWER_LIMIT, LOST, PASSWORD, call

# The error codes of responses with 409 that are expected, because the actors act concurrently.
EXPECTED = {
    "already_decided",
    "already_in_cart",
    "already_purchased",
    "already_refunded",
    "amount_too_small",
    "cart_empty",
    "nothing_to_order",
    "order_not_paid",
    "order_not_pending",
    "order_paid",
    "order_pending",
    "payment_disputed",
    "payment_not_paid",
    "payment_processing",
    "price_changed",
    "refund_exceeds_payment",
    "refund_requested",
}


class Person(threading.Thread):
    """A person who performs random actions until the time is over, and repeats every call that gets no response."""

    def __init__(self, name, *, seed, ports, stripe, movies):
        super().__init__(daemon=True)
        self.email = f"{name}@example.com"
        self.random = random.Random(f"{seed}:{name}")
        self.ports = ports
        self.stripe = stripe
        self.movies = movies
        self.end = 0
        self.token = None
        self.problems = []
        self.counts = {}
        # The contents of the received responses: the identifiers of created resources with the paths of the calls that
        # created them, and the orders that are paid or canceled.
        self.created = {}
        self.paid = set()
        self.canceled = set()

    def run(self):
        try:
            while time.monotonic() < self.end:
                if not self.token:
                    self.log_in()
                self.act()
        except Exception as error:
            self.problems.append(f"{self.email} stopped: {error!r}")

    def act(self):
        raise NotImplementedError

    def happens(self, probability):
        return self.random.random() < probability

    def call(self, method, path, body=None, key=None):
        """Makes a call, and repeats it until there is a response. Returns the status and the body of the response.

        If there is no response when the time is over, returns None for both.
        """
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
            else:
                if status >= 400 and not (status == 409 and code in EXPECTED):
                    self.problems.append(f"{method} {path} {body or ''}: {status} {answer}")
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

    def create(self, path, body=None, *, is_keyed=True):
        """Creates a resource.

        By default, the call has an idempotency key and is sent several times, and all responses must name the same
        resource. With `is_keyed=False`, it has no key and is sent once.
        """
        if not is_keyed:
            status, answer = self.call("POST", path, body)
            if status == 201:
                self.created[answer["id"]] = path
            return status, answer
        key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        answers = []
        twin = None
        if self.happens(0.3):
            twin = threading.Thread(target=lambda: answers.append(self.call("POST", path, body, key)))
            twin.start()
        answers.append(self.call("POST", path, body, key))
        if twin:
            twin.join()
        answers.append(self.call("POST", path, body, key))
        created = {answer["id"] for status, answer in answers if status in (200, 201)}
        if len(created) > 1:
            self.problems.append(f"one idempotency key created several resources: POST {path}: {sorted(created)}")
        for name in created:
            self.created.setdefault(name, path)
        return next(((status, answer) for status, answer in answers if status in (200, 201)), answers[-1])

    def one_of(self, path):
        """Returns a random item of the first page of a list, or None if there is none."""
        status, page = self.call("GET", path)
        return self.random.choice(page["items"]) if status == 200 and page["items"] else None


class Shopper(Person):
    """A customer, who orders movies, pays or cancels the orders, and requests refunds."""

    def act(self):
        if self.happens(0.15):
            self.ask_for_refund()
        else:
            self.buy()

    def ask_for_refund(self):
        status = self.random.choice(["paid", "paid", "partially_refunded"])
        order = self.one_of(f"/orders?status={status}&page_size=20")
        if order:
            body = {"reason": "The sound is broken."}
            if self.happens(0.5):
                body["items"] = [self.random.choice(order["items"])["movie"]["id"]]
            self.create(f"/orders/{order['id']}/refund-requests", body, is_keyed=False)

    def cancel(self, order):
        if self.call("POST", f"/orders/{order['id']}/cancel")[0] == 200:
            self.canceled.add(order["id"])

    def buy(self):
        for movie in self.random.sample(self.movies, self.random.randint(1, 3)):
            self.call("POST", "/cart/items", {"movie_id": movie})
        status, order = self.create("/orders")
        if status == 409:
            # The usual reason is that a pending order already contains one of the movies. The buyer continues with such an
            # order.
            self.call("DELETE", "/cart")
            order = self.one_of("/orders?status=pending")
            if not order:
                return
        elif status != 201:
            return
        if self.happens(0.1):
            self.cancel(order)
            return
        body = None
        for _ in range(4):
            status, payment = self.create(f"/orders/{order['id']}/payments", body)
            if status == 409 and payment["code"] == "price_changed":
                body = {"accept_total": payment["new_total"]}
                continue
            if status not in (200, 201) or not payment.get("checkout_url"):
                break
            session = payment["checkout_url"].rstrip("/").rsplit("/", 1)[-1]
            if self.finish(session, order):
                break
        if self.happens(0.5):
            status, order = self.call("GET", f"/orders/{order['id']}")
            if status == 200 and order["status"] not in ("pending", "canceled"):
                self.paid.add(order["id"])

    def finish(self, session, order):
        """Performs a random action of the buyer at the checkout. Returns False if the buyer must start another payment."""
        choice = self.random.random()
        if choice < 0.55:
            self.stripe.control(f"sessions/{session}/pay")
        elif choice < 0.7:
            # The buyer pays and cancels at the same time.
            twin = threading.Thread(target=self.stripe.control, args=(f"sessions/{session}/pay",))
            twin.start()
            self.cancel(order)
            twin.join()
        elif choice < 0.8:
            self.stripe.control(f"sessions/{session}/complete")
            if self.happens(0.5):
                self.cancel(order)
            self.stripe.control(f"sessions/{session}/{self.random.choice(['settle', 'bounce'])}")
        elif choice < 0.9:
            self.stripe.control(f"sessions/{session}/decline")
            return False
        elif choice < 0.95:
            self.stripe.control(f"sessions/{session}/expire")
            return False
        else:
            self.cancel(order)
        return True


class Administrator(Person):
    """An administrator, who refunds payments, decides refund requests, and changes prices."""

    def act(self):
        choice = self.random.random()
        if choice < 0.45:
            self.refund()
        elif choice < 0.75:
            self.decide()
        else:
            self.change_price()
        time.sleep(self.random.uniform(0, 0.2))

    def refund(self):
        status = self.random.choice(["successful", "successful", "successful", "partially_refunded"])
        payment = self.one_of(f"/admin/payments?status={status}&page_size=50")
        if payment:
            body = {"reason": "A gift."}
            if self.happens(0.6):
                movies = [item["movie"]["id"] for item in payment["items"]]
                body["items"] = self.random.sample(movies, self.random.randint(1, len(movies)))
            self.create(f"/payments/{payment['id']}/refunds", body)

    def decide(self):
        request = self.one_of("/admin/refund-requests?status=open&page_size=50")
        if request:
            decision = "approve" if self.happens(0.7) else "reject"
            self.call("PATCH", f"/admin/refund-requests/{request['id']}", {"decision": decision})

    def change_price(self):
        cents = 0 if self.happens(0.05) else self.random.randint(100, 2500)
        price = {"amount": f"{cents // 100}.{cents % 100:02}", "currency": "USD"}
        self.call("PATCH", f"/movies/{self.random.choice(self.movies)}", {"price": price})


class Bank(threading.Thread):
    """Performs actions at Stripe that do not come from the shop: refunds, failures of refunds, and disputes."""

    def __init__(self, *, seed, stripe):
        super().__init__(daemon=True)
        self.random = random.Random(f"{seed}:bank")
        self.stripe = stripe
        self.end = 0
        self.problems = []
        self.counts = {}

    def run(self):
        try:
            while time.monotonic() < self.end:
                self.act()
                time.sleep(self.random.uniform(0.1, 0.8))
        except Exception as error:
            self.problems.append(f"the bank stopped: {error!r}")

    def control(self, what, path, form=""):
        if self.stripe.control(path, form):
            self.counts[what] = self.counts.get(what, 0) + 1

    def act(self):
        choice = self.random.random()
        if choice < 0.12:
            self.act_on_payment("refunded in the dashboard", "refund", 0.5)
        elif choice < 0.3:
            self.act_on_payment("disputed", "dispute", 0.7)
        elif choice < 0.35:
            self.act_on_payment("inquired", "inquiry", 1)
        elif choice < 0.6:
            self.close_disputes(1)
        elif choice < 0.8:
            self.control("refunds that stay pending", "refunds/next/pending")
        else:
            self.finish_refunds(2, fails=0.3)

    def act_on_payment(self, what, act, probability_of_all):
        """Refunds or disputes a random payment that is not disputed.

        The amount is all money of the payment that was not refunded, or a random part of it.
        """
        disputed = {dispute["payment_intent"] for dispute in self.stripe.list("disputes")}
        entries = [it for it in self.stripe.books() if it["captured"] > it["refunded"] and it["intent"] not in disputed]
        if entries:
            entry = self.random.choice(entries[-30:])
            left = entry["captured"] - entry["refunded"]
            form = "" if self.random.random() < probability_of_all else f"amount={self.random.randint(1, left)}"
            self.control(what, f"intents/{entry['intent']}/{act}", form)

    def close_disputes(self, most):
        is_open = ("needs_response", "under_review", "warning_needs_response")
        open_ones = [dispute for dispute in self.stripe.list("disputes") if dispute["status"] in is_open]
        for dispute in self.random.sample(open_ones, min(most, len(open_ones))):
            end = self.random.choice(["win", "lose"]) if dispute["status"] != "warning_needs_response" else "win"
            self.control(f"disputes that {end}", f"disputes/{dispute['id']}/{end}")

    def finish_refunds(self, most, *, fails):
        """Makes at most `most` pending refunds succeed or fail. Sometimes makes a refund that has succeeded fail."""
        refunds = self.stripe.list("refunds")
        pending = [refund for refund in refunds if refund["status"] == "pending"]
        for refund in self.random.sample(pending, min(most, len(pending))):
            end = "fail" if self.random.random() < fails else "succeed"
            self.control(f"pending refunds that {end}", f"refunds/{refund['id']}/{end}")
        succeeded = [refund for refund in refunds if refund["status"] == "succeeded"]
        if succeeded and self.random.random() < fails / 3:
            self.control("refunds that fail after success", f"refunds/{self.random.choice(succeeded)['id']}/fail")

    def finish_all(self):
        """Ends all pending refunds and open disputes."""
        with contextlib.suppress(*LOST):
            self.finish_refunds(10_000, fails=0)
            self.close_disputes(10_000)
