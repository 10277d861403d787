use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use app::outbox::{Delivery, Outbox};
use domain::store::StoreError;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

use super::destinations::Destinations;
use crate::composition::error_chain;

/// The duration after which a delivery counts as slow.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// How long a message to a slow destination is postponed if its delivery may not start now.
const POSTPONED_BY: Duration = Duration::from_secs(20);

/// The maximum number of slow deliveries that continue in the background, per worker.
const SLOW_FOR_EACH: usize = 2;

/// Returns the maximum number of deliveries that this many workers run at the same time, including the deliveries in
/// the background.
pub(crate) const fn deliveries_at_once(workers: usize) -> usize {
    workers.saturating_add(workers.saturating_mul(SLOW_FOR_EACH))
}

/// Handles the messages of the outbox, several at the same time.
///
/// A slow destination must delay only its own messages. Therefore, a slow delivery continues in the background, and
/// its worker begins with the next message. The number of deliveries in the background is limited: while the maximum
/// is running, a further slow delivery keeps its worker until it ends. As long as a destination counts as slow, new
/// deliveries to it start in the background. A message to it is postponed if the maximum number of deliveries is
/// already running in the background, or if the number of running deliveries to this destination has reached the
/// number of workers.
pub(super) struct OutboxWorkers {
    outbox: Arc<Outbox>,
    /// The number of workers. It is also the maximum number of running deliveries to a slow destination.
    count: usize,
    workers: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    destinations: Mutex<Destinations>,
}

impl OutboxWorkers {
    pub(super) fn new(outbox: Arc<Outbox>, count: usize) -> Self {
        Self {
            outbox,
            count,
            workers: Arc::new(Semaphore::new(count)),
            slow: Arc::new(Semaphore::new(count.saturating_mul(SLOW_FOR_EACH))),
            destinations: Mutex::default(),
        }
    }

    /// Claims due messages and starts their deliveries, until no message is due or `may_start` returns `false`. A
    /// claimed message is postponed if its destination is slow and no further delivery to this destination may run.
    /// Returns how many deliveries were started.
    pub(super) async fn start_due(
        self: &Arc<Self>,
        may_start: impl Fn() -> bool + Send + Sync,
    ) -> Result<u64, StoreError> {
        let mut started = 0_u64;
        // Acquiring a permit does not fail, because the semaphore is never closed.
        while let Ok(worker) = Arc::clone(&self.workers).acquire_owned().await
            && may_start()
            && let Some(delivery) = self.outbox.claim().await?
        {
            if self.start(delivery, worker).await? {
                started = started.saturating_add(1);
            }
        }
        Ok(started)
    }

    /// Handles the due messages, and the messages that they create, for as long as `may_start` returns `true`. Waits
    /// for the end of all deliveries.
    pub(super) async fn handle_all(
        self: &Arc<Self>,
        may_start: impl Fn() -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        loop {
            let started = self.start_due(&may_start).await;
            self.all_ended().await;
            if started? == 0 {
                return Ok(());
            }
        }
    }

    /// Waits until no delivery is running.
    async fn all_ended(&self) {
        // When all permits can be acquired, no delivery is running: a delivery always holds a worker or a slow permit,
        // and it acquires the slow permit before it releases its worker.
        for (permits, count) in
            [(&self.workers, self.count), (&self.slow, self.count.saturating_mul(SLOW_FOR_EACH))]
        {
            let all = permits.acquire_many(u32::try_from(count).unwrap_or(u32::MAX)).await;
            drop(all);
        }
    }

    async fn start(
        self: &Arc<Self>,
        delivery: Delivery,
        worker: OwnedSemaphorePermit,
    ) -> Result<bool, StoreError> {
        let Some(permit) = self.permit(delivery.destination(), worker) else {
            self.outbox.postpone(delivery, POSTPONED_BY).await?;
            return Ok(false);
        };
        let this = Arc::clone(self);
        tokio::spawn(async move { this.deliver(delivery, permit).await });
        Ok(true)
    }

    /// Registers a delivery to this destination and returns its permit; `None` when the delivery may not run now.
    fn permit(&self, destination: &str, worker: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        let now = Instant::now();
        let mut destinations = self.destinations();
        let permit = if !destinations.is_slow(destination, now) {
            worker
        } else if destinations.running(destination) < self.count {
            Arc::clone(&self.slow).try_acquire_owned().ok()?
        } else {
            return None;
        };
        destinations.start(destination, now);
        Some(permit)
    }

    async fn deliver(&self, delivery: Delivery, mut permit: OwnedSemaphorePermit) {
        let destination = delivery.destination().to_owned();
        let mut running = Running { destinations: &self.destinations, name: destination, is_slow: false };
        let handled = self.outbox.handle(delivery);
        tokio::pin!(handled);
        let handled = tokio::select! {
            handled = &mut handled => handled,
            () = sleep(SLOW_AFTER) => {
                running.is_slow = true;
                self.destinations().mark_slow(&running.name, Instant::now());
                if let Ok(slow) = Arc::clone(&self.slow).try_acquire_owned() {
                    permit = slow;
                }
                handled.await
            }
        };
        drop(permit);
        if let Err(error) = handled {
            tracing::error!(job = "outbox", error = error_chain(&error), "background work failed");
        }
    }

    fn destinations(&self) -> MutexGuard<'_, Destinations> {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered delivery. Dropping it registers the end of the delivery.
struct Running<'a> {
    destinations: &'a Mutex<Destinations>,
    name: String,
    is_slow: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut destinations = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        destinations.end(&self.name, self.is_slow);
    }
}
