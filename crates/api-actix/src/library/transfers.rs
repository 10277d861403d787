//! Tracks the films that this server is sending, and stops sending films that may no longer be watched. One task checks
//! all transfers every two seconds with one database statement. The task runs only while there are transfers.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::library::Library;
use domain::{id::PurchaseId, store::StoreError, time::Instant};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, MissedTickBehavior, interval, timeout},
};

use crate::{limits::too_many_at_once, problem::Problem, readiness::Readiness};

/// The interval between checks of whether films may still be watched.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The maximum duration of one check.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How long films continue to be sent while the checks fail, for example during a restart of the database.
const UNVERIFIED_LIMIT: Duration = Duration::from_secs(30);

/// The name of the limit for one purchase, in rate-limit headers.
const OF_PURCHASE: &str = "film-transfers-at-once";

/// The maximum number of films that are being opened at the same time. Further requests wait.
const OPENED_AT_ONCE: usize = 32;

/// The table of the films that this server is sending, and their limits.
pub(crate) struct Transfers {
    library: Arc<Library>,
    readiness: Arc<dyn Readiness>,
    runtime: Handle,
    /// The maximum number of simultaneous transfers; each has an open file.
    most: usize,
    /// The maximum number of simultaneous transfers of one purchase; `None` for no limit.
    most_of_purchase: Option<u32>,
    opening: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    running: HashMap<u64, Running>,
    next_key: u64,
    /// Whether the task that checks the transfers is running.
    is_watched: bool,
}

struct Running {
    purchase_id: PurchaseId,
    /// When the signed address (URL) of the film expires.
    expires_at: Instant,
    has_ended: Arc<AtomicBool>,
}

impl Transfers {
    /// Creates an empty table for at most `most` transfers, and at most `most_of_purchase` of one purchase. The checks
    /// run on `runtime`.
    pub(crate) fn new(
        library: Arc<Library>,
        readiness: Arc<dyn Readiness>,
        runtime: Handle,
        most: usize,
        most_of_purchase: Option<u32>,
    ) -> Self {
        let opening = Arc::new(Semaphore::new(OPENED_AT_ONCE));
        Self { library, readiness, runtime, most, most_of_purchase, opening, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit to open a film.
    ///
    /// # Errors
    /// 503 when no permit is available in time.
    pub(super) async fn turn(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = timeout(patience, Arc::clone(&self.opening).acquire_owned()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| Problem::unavailable().because("Too many films are being opened."))
    }

    /// Registers a transfer. It ends at `expires_at`, when the address of the film expires, or earlier for another
    /// reason of [`Transfer::has_ended`].
    ///
    /// # Errors
    /// 429 when the purchase has too many transfers, 503 when the maximum number of films is being sent.
    pub(super) fn begin(
        self: &Arc<Self>,
        purchase_id: PurchaseId,
        expires_at: Instant,
    ) -> Result<Transfer, Problem> {
        let has_ended = Arc::new(AtomicBool::new(false));
        let mut table = self.table();
        if let Some(most) = self.most_of_purchase.filter(|most| table.has_many(purchase_id, *most)) {
            return Err(too_many_at_once(OF_PURCHASE, most));
        }
        if table.running.len() >= self.most {
            return Err(Problem::unavailable().because("Too many films are being sent."));
        }
        let key = table.next_key;
        table.next_key = key.wrapping_add(1);
        table.running.insert(key, Running { purchase_id, expires_at, has_ended: Arc::clone(&has_ended) });
        if !std::mem::replace(&mut table.is_watched, true) {
            drop(self.runtime.spawn(Arc::clone(self).watch()));
        }
        drop(table);
        Ok(Transfer { transfers: Arc::clone(self), key, has_ended })
    }

    /// Checks the transfers repeatedly, and ends the transfers that are no longer allowed. Returns when there are no
    /// transfers left.
    async fn watch(self: Arc<Self>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut verified_at = time::Instant::now();
        loop {
            looks.tick().await;
            {
                let mut table = self.table();
                if table.running.is_empty() {
                    table.is_watched = false;
                    return;
                }
                // A shutdown does not wait for films, because players can continue at another server.
                let is_draining = self.readiness.is_draining();
                table.end(|running| is_draining || self.library.has_expired(running.expires_at));
            }
            let begun = time::Instant::now();
            match timeout(LOOK_LIMIT, self.end_revoked()).await {
                Ok(Ok(())) => verified_at = begun,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the purchases of films being sent could not be read");
                }
                Err(_) => tracing::warn!("the purchases of films being sent could not be read in time"),
            }
            if verified_at.elapsed() > UNVERIFIED_LIMIT {
                self.table().end(|_| true);
            }
        }
    }

    async fn end_revoked(&self) -> Result<(), StoreError> {
        let asked: HashSet<PurchaseId> =
            self.table().running.values().map(|running| running.purchase_id).collect();
        let purchases: Vec<PurchaseId> = asked.iter().copied().collect();
        let playable: HashSet<PurchaseId> =
            self.library.still_playable(&purchases).await?.into_iter().collect();
        // A transfer whose purchase was not in the statement began later, and is checked the next time.
        self.table()
            .end(|running| asked.contains(&running.purchase_id) && !playable.contains(&running.purchase_id));
        Ok(())
    }
}

impl Table {
    /// Returns whether the purchase has at least `most` transfers, not counting the transfers that must stop.
    fn has_many(&self, purchase_id: PurchaseId, most: u32) -> bool {
        let is_counted = |running: &&Running| {
            running.purchase_id == purchase_id && !running.has_ended.load(Ordering::Relaxed)
        };
        let count = self.running.values().filter(is_counted).count();
        u32::try_from(count).map_or(true, |count| count >= most)
    }

    /// Ends the transfers that meet the condition.
    fn end(&self, is_over: impl Fn(&Running) -> bool) {
        for running in self.running.values().filter(|running| is_over(running)) {
            running.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

/// A registered transfer of a film. Dropping it removes it from the table.
pub(super) struct Transfer {
    transfers: Arc<Transfers>,
    key: u64,
    has_ended: Arc<AtomicBool>,
}

impl Transfer {
    /// Returns whether this transfer must stop: the film may no longer be watched, the permission could not be checked
    /// for some time, or the server is shutting down.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.transfers.table().running.remove(&self.key);
    }
}
