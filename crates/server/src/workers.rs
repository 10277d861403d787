//! The background work: handling the outbox (such as sending mails), sending the webhooks of the payment sandbox,
//! processing and checking payments, checking the invariants of money, expiring unpaid orders, sealing the audit log,
//! refreshing the search index and the popularity of movies, computing similar movies, and removing expired rows.

mod destinations;
mod outbox;

use std::{future::Future, sync::Arc, time::Duration};

use app::payments::{CHECKOUTS_SETTLE_IN, MoneyVerdict, Payments};
use domain::{payments::MoneyViolation, store::StoreError};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::outbox::OutboxWorkers;
pub(crate) use self::outbox::deliveries_at_once;
use crate::composition::{UseCases, error_chain};

/// How often the outbox is checked for due messages.
const OUTBOX: Duration = Duration::from_millis(250);

/// How often the audit log is sealed.
const SEALS: Duration = Duration::from_mins(1);

/// How often the received webhooks of the payment provider are processed, and the sandbox sends its webhooks.
const PAYMENT_EVENTS: Duration = Duration::from_millis(250);

/// How often the provider's list of events is read.
const PAYMENT_EVENT_LIST: Duration = Duration::from_mins(1);

/// How often the provider is queried for the payments, refunds and disputes whose check is due.
const PAYMENT_CHECKS: Duration = Duration::from_secs(10);

/// How often the search index is refreshed, if movies have changed.
const SEARCH: Duration = Duration::from_secs(10);

/// The pause between two batches of movies for which similar movies are computed.
const SIMILAR: Duration = Duration::from_secs(1);

/// How often orders that were not paid in time are expired.
const ORDERS: Duration = Duration::from_secs(10);

/// How often the popularity of movies is updated.
const POPULARITY: Duration = Duration::from_mins(1);

/// The time from the start of the background work until the first check of the invariants of money. The
/// command `cinema check` also checks these invariants.
const FIRST_MONEY_CHECK: Duration = Duration::from_hours(1);
/// The time between two checks of the invariants of money.
const MONEY_CHECKS: Duration = Duration::from_hours(24);

/// How often expired rows are removed.
const CLEAN_UP: Duration = Duration::from_mins(5);

/// The maximum pause of a job after failures. A job whose normal pause is longer keeps its normal pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The maximum time that running requests and background work get to end after the process was told to stop. Requests
/// and background work end in parallel.
const LAST_JOB: Duration = Duration::from_secs(25);

/// The last part of [`LAST_JOB`], in which no delivery of a message is started. It is longer than sending a mail may
/// take, so that no mail is interrupted.
const LAST_MAIL: Duration = Duration::from_secs(12);

/// The background work of one process. Several processes may do background work concurrently.
pub struct Workers {
    /// The time until which deliveries of outbox messages may still be started; `None` until the process stops.
    stop: watch::Sender<Option<Instant>>,
    jobs: JoinSet<()>,
    outbox: Arc<OutboxWorkers>,
}

impl Workers {
    /// Starts the background work on the current runtime.
    #[must_use]
    pub fn start(use_cases: &UseCases) -> Self {
        let (stop, stopping) = watch::channel(None);
        let mut jobs = JoinSet::new();
        let outbox = Arc::new(OutboxWorkers::new(Arc::clone(&use_cases.outbox), use_cases.outbox_workers));
        let (workers, end) = (Arc::clone(&outbox), stopping.clone());
        jobs.spawn(repeat("outbox", OUTBOX, stopping.clone(), move || {
            let (workers, end) = (Arc::clone(&workers), end.clone());
            async move { workers.start_due(|| may_start(&end)).await }
        }));
        let audit = Arc::clone(&use_cases.audit);
        jobs.spawn(repeat("audit_seals", SEALS, stopping.clone(), move || {
            let audit = Arc::clone(&audit);
            async move { audit.seal().await }
        }));
        let engagement = Arc::clone(&use_cases.engagement);
        jobs.spawn(repeat("popularity", POPULARITY, stopping.clone(), move || {
            let engagement = Arc::clone(&engagement);
            async move { engagement.refresh_popularity().await }
        }));
        if let Some(sandbox) = use_cases.sandbox.clone() {
            jobs.spawn(repeat("sandbox", PAYMENT_EVENTS, stopping.clone(), move || {
                let sandbox = sandbox.clone();
                async move { sandbox.send_webhooks().await }
            }));
        }
        let payments = Arc::clone(&use_cases.payments);
        jobs.spawn(repeat("payment_events", PAYMENT_EVENTS, stopping.clone(), move || {
            let payments = Arc::clone(&payments);
            async move { payments.process_events().await }
        }));
        let payments = Arc::clone(&use_cases.payments);
        jobs.spawn(repeat("payment_checks", PAYMENT_CHECKS, stopping.clone(), move || {
            let payments = Arc::clone(&payments);
            async move { payments.check_due().await }
        }));
        let payments = Arc::clone(&use_cases.payments);
        jobs.spawn(repeat("payment_event_list", PAYMENT_EVENT_LIST, stopping.clone(), move || {
            let payments = Arc::clone(&payments);
            async move { payments.read_event_list().await }
        }));
        jobs.spawn(check_money(Arc::clone(&use_cases.payments), stopping.clone()));
        let search = Arc::clone(&use_cases.search_upkeep);
        jobs.spawn(repeat("search", SEARCH, stopping.clone(), move || {
            let search = Arc::clone(&search);
            async move { search.run().await }
        }));
        let catalog = Arc::clone(&use_cases.catalog);
        let progress = Arc::new(Mutex::new(None));
        jobs.spawn(repeat("similar_movies", SIMILAR, stopping.clone(), move || {
            let (catalog, progress) = (Arc::clone(&catalog), Arc::clone(&progress));
            async move {
                let mut progress = progress.lock().await;
                let (found, next) = catalog.find_due_similar(*progress).await?;
                *progress = next;
                Ok(found)
            }
        }));
        let orders = Arc::clone(&use_cases.orders);
        jobs.spawn(repeat("orders", ORDERS, stopping.clone(), move || {
            let orders = Arc::clone(&orders);
            async move { orders.expire_due().await }
        }));
        let (sessions, messages) = (Arc::clone(&use_cases.sessions), Arc::clone(&use_cases.outbox));
        let payments = Arc::clone(&use_cases.payments);
        jobs.spawn(repeat("clean_up", CLEAN_UP, stopping, move || {
            let (sessions, messages) = (Arc::clone(&sessions), Arc::clone(&messages));
            let payments = Arc::clone(&payments);
            async move {
                let removed = sessions.clean_up().await?.saturating_add(payments.purge_requests().await?);
                Ok(removed.saturating_add(messages.clean_up().await?))
            }
        }));
        Self { stop, jobs, outbox }
    }

    /// Stops the background work. In parallel, waits for `requests`, which ends when the running requests have ended.
    ///
    /// Each job except the money check runs once more. Messages that the last requests wrote are handled afterwards.
    /// Deliveries are started only until `LAST_MAIL` before the end of `LAST_JOB`. Messages whose delivery was not
    /// started by then are not claimed, so other processes can handle them immediately.
    pub async fn stop(self, requests: impl Future<Output = ()>) {
        let now = Instant::now();
        let end = now.checked_add(LAST_JOB.saturating_sub(LAST_MAIL)).unwrap_or(now);
        self.stop.send_replace(Some(end));
        let last_messages = async {
            if let Err(error) = self.outbox.handle_all(|| Instant::now() < end).await {
                tracing::error!(job = "outbox", error = error_chain(&error), "background work failed");
            }
        };
        finish(requests, self.jobs, last_messages).await;
    }
}

/// Waits for requests and jobs in parallel, so that neither uses up the time of the other; then runs `last`. Gives up
/// after [`LAST_JOB`].
async fn finish(requests: impl Future<Output = ()>, mut jobs: JoinSet<()>, last: impl Future<Output = ()>) {
    let all = async {
        tokio::join!(requests, async { while jobs.join_next().await.is_some() {} });
        last.await;
    };
    if timeout(LAST_JOB, all).await.is_err() {
        tracing::warn!("requests or background work did not end in time");
    }
}

/// Checks the invariants of money every day until the process stops. Violations are logged.
async fn check_money(payments: Arc<Payments>, mut stopping: watch::Receiver<Option<Instant>>) {
    let mut pause = FIRST_MONEY_CHECK;
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            stopped = stopping.wait_for(Option::is_some) => {
                drop(stopped);
                return;
            }
        }
        pause = MONEY_CHECKS;
        match payments.verify(CHECKOUTS_SETTLE_IN).await {
            Ok(verdict) => log_verdict(&verdict),
            Err(error) => {
                tracing::error!(job = "money_check", error = error_chain(&error), "background work failed");
            }
        }
    }
}

fn log_verdict(verdict: &MoneyVerdict) {
    for violation in &verdict.violations {
        let MoneyViolation { rule, subject, details } = violation;
        tracing::error!(job = "money_check", rule, %subject, details, "an invariant of money is broken");
    }
    if let Some(error) = &verdict.unread {
        tracing::warn!(
            job = "money_check",
            error = error_chain(error),
            "the payment provider's lists were not read"
        );
    }
}

/// Runs the job repeatedly until the process stops. The pause between two runs grows with each consecutive failure, up
/// to a limit. After a stop, the job runs once more, for work that arrived during the last pause.
async fn repeat<J, F>(
    name: &'static str,
    pause: Duration,
    mut stopping: watch::Receiver<Option<Instant>>,
    job: J,
) where
    J: Fn() -> F,
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut failures = 0_u32;
    let mut is_last = false;
    loop {
        match job().await {
            Ok(done) => {
                if failures > 0 {
                    tracing::info!(job = name, "background work works again");
                }
                if done > 0 {
                    tracing::debug!(job = name, done, "background work");
                }
                failures = 0;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::error!(job = name, failures, error = error_chain(&error), "background work failed");
            }
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = sleep(pause_after(pause, failures)) => {}
            stopped = stopping.wait_for(Option::is_some) => {
                drop(stopped);
                is_last = true;
            }
        }
    }
}

fn may_start(end: &watch::Receiver<Option<Instant>>) -> bool {
    end.borrow().is_none_or(|end| Instant::now() < end)
}

fn pause_after(pause: Duration, failures: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(pause);
    pause.saturating_mul(2_u32.saturating_pow(failures)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_up_to_a_limit() {
        let pauses = [0, 1, 2, 100].map(|failures| pause_after(OUTBOX, failures).as_millis());
        assert_eq!(pauses, [250, 500, 1_000, 30_000]);
        assert_eq!(pause_after(CLEAN_UP, 3), CLEAN_UP);
    }

    #[tokio::test]
    async fn a_job_is_repeated_until_it_is_stopped() {
        let (stop, stopping) = watch::channel(None);
        let (ran, mut runs) = tokio::sync::mpsc::unbounded_channel();
        let job = tokio::spawn(repeat("test", Duration::ZERO, stopping, move || {
            ran.send(()).unwrap();
            async { Err(StoreError::failed("on purpose")) }
        }));
        for _ in 0..5 {
            runs.recv().await.unwrap();
        }
        stop.send_replace(Some(Instant::now()));
        job.await.unwrap();
    }

    #[tokio::test]
    async fn after_a_stop_work_may_be_started_for_a_limited_time() {
        let (stop, stopping) = watch::channel(None);
        assert!(may_start(&stopping));
        stop.send_replace(Some(Instant::now() + Duration::from_hours(1)));
        assert!(may_start(&stopping));
        stop.send_replace(Some(Instant::now()));
        assert!(!may_start(&stopping));
    }

    #[tokio::test]
    async fn jobs_and_requests_end_in_parallel_and_the_last_messages_follow() {
        let (stop, stopping) = watch::channel(None);
        let (does, mut done) = tokio::sync::mpsc::unbounded_channel();
        let round = does.clone();
        let mut jobs = JoinSet::new();
        jobs.spawn(repeat("test", LONGEST_PAUSE, stopping, move || {
            round.send("round").unwrap();
            async { Ok(1) }
        }));
        assert_eq!(done.recv().await, Some("round"));
        stop.send_replace(Some(Instant::now()));
        let requests = async {
            // If the jobs waited for the requests, this test would never end.
            assert_eq!(done.recv().await, Some("round"));
            does.send("request").unwrap();
        };
        finish(requests, jobs, async { does.send("rest").unwrap() }).await;
        assert_eq!((done.recv().await, done.recv().await), (Some("request"), Some("rest")));
    }
}
