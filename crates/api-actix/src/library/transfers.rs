//! The films that this node is sending. One task looks every other second whether they may still be watched, so that many transfers
//! cost one statement; it runs while there are any.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::library::Library;
use domain::{id::PurchaseId, store::StoreError};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::problem::Problem;

/// How often it is looked whether films may still be watched.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How many films are opened at once; others wait for their turn.
const OPENED_AT_ONCE: usize = 32;

/// The films that this node is sending.
pub(crate) struct Transfers {
    library: Arc<Library>,
    runtime: Handle,
    opening: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    running: HashMap<u64, Running>,
    next_key: u64,
    /// Whether the task that looks runs.
    is_watched: bool,
}

struct Running {
    purchase_id: PurchaseId,
    has_ended: Arc<AtomicBool>,
}

impl Transfers {
    /// Without any. Whether films may be watched is read on the runtime.
    pub(crate) fn new(library: Arc<Library>, runtime: Handle) -> Self {
        let opening = Arc::new(Semaphore::new(OPENED_AT_ONCE));
        Self { library, runtime, opening, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn to open a film.
    ///
    /// # Errors
    /// 503 when it takes too long.
    pub(super) async fn turn(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = timeout(patience, Arc::clone(&self.opening).acquire_owned()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| Problem::unavailable().because("Too many films are being opened."))
    }

    /// Begins to send a film, which the purchase allows.
    pub(super) fn begin(self: &Arc<Self>, purchase_id: PurchaseId) -> Transfer {
        let has_ended = Arc::new(AtomicBool::new(false));
        let mut table = self.table();
        let key = table.next_key;
        table.next_key = key.wrapping_add(1);
        table.running.insert(key, Running { purchase_id, has_ended: Arc::clone(&has_ended) });
        if !std::mem::replace(&mut table.is_watched, true) {
            drop(self.runtime.spawn(Arc::clone(self).watch()));
        }
        drop(table);
        Transfer { transfers: Arc::clone(self), key, has_ended }
    }

    /// Ends what may not be watched any more, until nothing is sent.
    async fn watch(self: Arc<Self>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            {
                let mut table = self.table();
                if table.running.is_empty() {
                    table.is_watched = false;
                    return;
                }
            }
            if let Err(error) = self.end_revoked().await {
                tracing::warn!(%error, "the purchases of films that are being sent were not read");
            }
        }
    }

    async fn end_revoked(&self) -> Result<(), StoreError> {
        let purchases: HashSet<PurchaseId> =
            self.table().running.values().map(|running| running.purchase_id).collect();
        let purchases: Vec<PurchaseId> = purchases.into_iter().collect();
        let playable: HashSet<PurchaseId> =
            self.library.still_playable(&purchases).await?.into_iter().collect();
        for running in self.table().running.values() {
            // One that began meanwhile was not asked about.
            if purchases.contains(&running.purchase_id) && !playable.contains(&running.purchase_id) {
                running.has_ended.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// A film that is being sent, until this is dropped.
pub(super) struct Transfer {
    transfers: Arc<Transfers>,
    key: u64,
    has_ended: Arc<AtomicBool>,
}

impl Transfer {
    /// Whether the film may not be watched any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.transfers.table().running.remove(&self.key);
    }
}
