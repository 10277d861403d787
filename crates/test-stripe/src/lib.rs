//! A fake Stripe for tests: an HTTP server that answers the API calls that the shop makes, sends signed events to the
//! shop, and simulates faults.
//!
//! It enforces the rules of the API version `2026-10-28.endive` that a shop can violate: required headers, idempotency
//! keys, limits of sessions, minimum amounts, the last digits of amounts (which must be 0 in some currencies), and
//! cursors of lists. Tests simulate buyers, banks and the dashboard with the methods of [`FakeStripe`]; other programs
//! send requests to `/_test/…` (see `controls.rs`).

mod account;
mod api;
mod checkouts;
mod controls;
mod delivery;
mod faults;
mod http;
mod money_back;
mod objects;

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

pub use self::{
    account::{API_VERSION, BookEntry, RefundCourse, Refusal},
    api::SECRET_KEY,
    delivery::{Delivery, signature},
    faults::Fault,
};
use self::{
    api::Api,
    delivery::{Endpoint, Outbox, Sending},
    http::{Reply, Request},
    objects::{Event, Metadata},
};

/// The interval at which due events are sent.
const TICK: Duration = Duration::from_millis(10);

struct Shared {
    api: Mutex<Api>,
    outbox: Mutex<Outbox>,
    is_stopped: AtomicBool,
}

impl Shared {
    fn api(&self) -> MutexGuard<'_, Api> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.path.starts_with("/v1/") {
            let answer = self.api().answer(request);
            answer.wait()
        } else {
            Reply::Answer(controls::answer(&mut self.api(), &mut self.outbox(), request))
        }
    }

    /// Sends the events that are due, including the events of sessions that have expired since the last call.
    fn deliver(&self) {
        let timestamp = {
            let mut api = self.api();
            api.account.expire_old_sessions();
            let mut outbox = self.outbox();
            for event in std::mem::take(&mut api.account.outgoing) {
                outbox.accept(&event, Instant::now());
            }
            api.account.now()
        };
        while let Some(sending) = {
            let mut outbox = self.outbox();
            Sending::next(&mut outbox, Instant::now())
        } {
            let is_taken = sending.send(timestamp);
            sending.finish(is_taken, &mut self.outbox(), Instant::now());
        }
    }
}

/// A running fake Stripe. It is stopped when this value is dropped.
pub struct FakeStripe {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl FakeStripe {
    /// Starts a fake Stripe on a free port of this machine. Events that occur before [`FakeStripe::deliver_to`] is
    /// called are not delivered.
    ///
    /// # Errors
    /// When no port is available.
    pub fn start() -> io::Result<Self> {
        Self::start_at("127.0.0.1:0")
    }

    /// Starts a fake Stripe at this address.
    ///
    /// # Errors
    /// When the server cannot listen on this address.
    pub fn start_at(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            api: Mutex::new(Api::new(format!("http://{address}"))),
            outbox: Mutex::new(Outbox::new()),
            is_stopped: AtomicBool::new(false),
        });
        let (serving, answering) = (Arc::clone(&shared), Arc::clone(&shared));
        let handler = Arc::new(move |request: Request| answering.answer(&request));
        let server = thread::spawn(move || http::serve(&listener, &serving.is_stopped, &handler));
        let delivering = Arc::clone(&shared);
        thread::spawn(move || {
            while !delivering.is_stopped.load(Ordering::SeqCst) {
                delivering.deliver();
                thread::sleep(TICK);
            }
        });
        Ok(Self { address, shared, server: Some(server) })
    }

    /// Returns the URL that replaces `https://api.stripe.com`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends all later events to this address, signed with each of the secrets.
    ///
    /// # Errors
    /// When the address is not a URL.
    pub fn deliver_to(&self, url: &str, secrets: &[&str]) -> Result<(), url::ParseError> {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self.shared.outbox().endpoint = Some(Endpoint { url: url.parse()?, secrets });
        Ok(())
    }

    /// Sets the simulated faults of deliveries.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.shared.outbox().configure(delivery);
    }

    /// Waits until all events have been accepted or given up, but at most for `limit`. Returns `false` when events are
    /// left.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            let waits = !self.shared.api().account.outgoing.is_empty() || !self.shared.outbox().is_empty();
            if !waits {
                return true;
            }
            thread::sleep(TICK);
        }
        false
    }

    /// Applies a fault to the next `times` calls that match `call`, such as `POST /v1/refunds`: the method must be
    /// equal, and the path must begin with the given path.
    pub fn fail(&self, call: &str, fault: Fault, times: usize) {
        self.shared.api().faults.plan(call, fault, None, times);
    }

    /// Does the same as [`fail`](Self::fail), and adds a `Stripe-Should-Retry` header to the error answers that the
    /// fault causes.
    pub fn fail_and_say(&self, call: &str, fault: Fault, should_retry: bool, times: usize) {
        self.shared.api().faults.plan(call, fault, Some(should_retry), times);
    }

    /// From now on, each `POST` call without a planned fault fails with this probability, in percent. The seed
    /// determines which calls fail, and with which faults.
    pub fn fail_at_random(&self, seed: u64, percent: u64) {
        self.shared.api().faults.set_random(seed, percent);
    }

    /// Removes all faults of calls, planned and random.
    pub fn heal(&self) {
        self.shared.api().faults.clear();
    }

    /// The buyer pays.
    ///
    /// # Errors
    /// When there is no such session, or it is not open.
    pub fn pay(&self, session: &str) -> Result<(), Refusal> {
        self.shared.api().account.pay(session, None)
    }

    /// The buyer pays a wrong amount, or in a wrong currency.
    ///
    /// # Errors
    /// When there is no such session, or it is not open.
    pub fn pay_otherwise(&self, session: &str, amount: i64, currency: &str) -> Result<(), Refusal> {
        self.shared.api().account.pay(session, Some((amount, currency)))
    }

    /// The buyer completes the session with a delayed payment method.
    ///
    /// # Errors
    /// When there is no such session, or it is not open.
    pub fn complete_unpaid(&self, session: &str) -> Result<(), Refusal> {
        self.shared.api().account.complete_unpaid(session)
    }

    /// The delayed payment of a completed session succeeds.
    ///
    /// # Errors
    /// When there is no such session, it has no delayed payment, or the payment has already succeeded.
    pub fn settle(&self, session: &str) -> Result<(), Refusal> {
        self.shared.api().account.settle(session, None)
    }

    /// The delayed payment of a completed session fails with this code.
    ///
    /// # Errors
    /// When there is no such session, it has no delayed payment, or the payment has already succeeded.
    pub fn bounce(&self, session: &str, code: &str) -> Result<(), Refusal> {
        self.shared.api().account.settle(session, Some(code))
    }

    /// The buyer's card is declined with this code.
    ///
    /// # Errors
    /// When there is no such session, or it is not open.
    pub fn decline(&self, session: &str, code: &str) -> Result<(), Refusal> {
        self.shared.api().account.decline(session, code)
    }

    /// Expires a session.
    ///
    /// # Errors
    /// When there is no such session, or it is not open.
    pub fn expire(&self, session: &str) -> Result<(), Refusal> {
        self.shared.api().account.expire_session(session)
    }

    /// Opens sessions, as another application with the same account could: some for a payment, without metadata, and
    /// some without a payment.
    pub fn open_sessions_of_others(&self, count: usize) {
        self.shared.api().account.open_sessions_of_others(count);
    }

    /// Moves the account's clock forward by this number of seconds.
    pub fn advance(&self, seconds: i64) {
        let mut api = self.shared.api();
        api.account.clock_offset = api.account.clock_offset.saturating_add(seconds);
        api.account.expire_old_sessions();
    }

    /// Adds a course to the queue of courses. Each new refund takes the first course from the queue. If the queue is
    /// empty, the refund succeeds.
    pub fn next_refund(&self, course: RefundCourse) {
        self.shared.api().account.refund_courses.push_back(course);
    }

    /// Makes a pending refund succeed or fail, or makes a refund that had succeeded fail.
    ///
    /// # Errors
    /// When there is no such refund, or it has already failed, or `is_success` is set and it has already succeeded.
    pub fn finish_refund(&self, refund: &str, is_success: bool) -> Result<(), Refusal> {
        self.shared.api().account.finish_refund(refund, is_success)
    }

    /// Makes a refund as in the dashboard, without metadata, and returns its identifier. Without an amount, the
    /// complete remaining amount is refunded.
    ///
    /// # Errors
    /// When the payment cannot be refunded, or the remaining amount is too small.
    pub fn refund_in_dashboard(&self, intent: &str, amount: Option<i64>) -> Result<String, Refusal> {
        self.shared.api().account.refund(intent, amount, Metadata::new())
    }

    /// The buyer disputes a payment. Returns the identifier of the dispute. Without an amount, the whole payment is
    /// disputed. An inquiry withdraws no money.
    ///
    /// # Errors
    /// When there is no such payment.
    pub fn open_dispute(
        &self,
        intent: &str,
        amount: Option<i64>,
        is_inquiry: bool,
    ) -> Result<String, Refusal> {
        self.shared.api().account.open_dispute(intent, amount, is_inquiry)
    }

    /// Turns an inquiry into a dispute, which withdraws its amount.
    ///
    /// # Errors
    /// When there is no such dispute.
    pub fn escalate_dispute(&self, dispute: &str) -> Result<(), Refusal> {
        self.shared.api().account.escalate_dispute(dispute)
    }

    /// Ends a dispute with this status: `won`, `lost`, `warning_closed` or `prevented`.
    ///
    /// # Errors
    /// When there is no such dispute.
    pub fn close_dispute(&self, dispute: &str, status: &'static str) -> Result<(), Refusal> {
        self.shared.api().account.close_dispute(dispute, status)
    }

    /// Sends an event with any body, for example a thin event or an event of Stripe's live mode.
    pub fn send_event(&self, id: &str, kind: &str, body: Value) {
        let mut api = self.shared.api();
        let created = api.account.now();
        api.account.record(Event { id: id.to_owned(), created, kind: kind.to_owned(), body });
    }

    /// Returns the bodies of all events, beginning with the oldest.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.shared.api().account.events.iter().map(|event| event.body.clone()).collect()
    }

    /// Returns the types of all events, beginning with the oldest.
    #[must_use]
    pub fn event_kinds(&self) -> Vec<String> {
        self.shared.api().account.events.iter().map(|event| event.kind.clone()).collect()
    }

    /// Returns all received calls, such as `POST /v1/refunds`, beginning with the oldest.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.shared.api().calls.clone()
    }

    /// Returns the received, refunded and disputed amounts of every session.
    #[must_use]
    pub fn books(&self) -> Vec<BookEntry> {
        self.shared.api().account.books()
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // The server blocks until a client connects. After this connection, it checks `is_stopped` and returns.
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            // If the thread has panicked, the message was already printed.
            drop(server.join());
        }
    }
}
