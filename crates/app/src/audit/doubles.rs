//! A log in memory, which can be tampered with.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    audit::{AuditSeals, LogPlace, Seal, SealMaker, StoredEntry},
    store::StoreError,
    time::Clock,
};
use uuid::Uuid;

use super::{Audit, Known, Verification};
use crate::{
    accounts::doubles::MemoryAccounts,
    doubles::{MovableClock, NoWait, Races, SumSigner},
    paging::CursorCodec,
};

/// The use cases on these doubles, at a moment that tests move.
pub(crate) struct World {
    pub(crate) log: Audit,
    pub(crate) store: Arc<MemoryLog>,
    clock: Arc<MovableClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (store, clock) = (Arc::new(MemoryLog::default()), Arc::new(MovableClock::default()));
        let log = Audit {
            queries: Arc::new(MemoryAccounts::default()),
            cursors: CursorCodec::new(Arc::new(SumSigner)),
            seals: store.clone(),
            maker: Arc::new(Keys(&["new"])),
            clock: clock.clone(),
            backoff: Arc::new(NoWait),
        };
        Self { log, store, clock }
    }

    /// Makes seals with the first of these keys, and knows them all.
    pub(crate) fn with_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.log.maker = Arc::new(Keys(keys));
        self
    }

    pub(crate) fn minutes_pass(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    /// Writes so many rows at the present moment.
    pub(crate) fn add_rows(&self, count: usize) {
        let mut rows = self.rows();
        let numbers = (1..).skip(rows.len()).take(count);
        rows.extend(numbers.map(|number| StoredEntry {
            place: LogPlace { at: self.clock.now(), id: Uuid::from_u128(number) },
            action: format!("deed {number}"),
            actor: None,
            object_kind: None,
            object: None,
            before: None,
            after: None,
            network: None,
            request_id: None,
        }));
    }

    /// Writes rows and seals them, in parts of so many.
    pub(crate) async fn add_sealed(&self, parts: &[usize]) {
        for count in parts {
            self.add_rows(*count);
            self.minutes_pass(11);
            self.log.seal().await.unwrap();
        }
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Vec<StoredEntry>> {
        self.store.rows.lock().unwrap()
    }

    pub(crate) fn seals(&self) -> Vec<Seal> {
        self.store.seals.lock().unwrap().clone()
    }

    pub(crate) fn tamper(&self, change: impl FnOnce(&mut Vec<Seal>)) {
        change(&mut self.store.seals.lock().unwrap());
    }

    pub(crate) fn let_another_node_seal_first(&self) {
        self.store.another_is_first.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn verified(&self) -> Verification {
        self.log.verify(&Known::default()).await.unwrap()
    }
}

/// Makes digests that can be told apart, and tags that name the key.
pub(crate) struct Keys(&'static [&'static str]);

impl SealMaker for Keys {
    fn digest(&self, parts: &[&[u8]]) -> String {
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
    fn tag(&self, digest: &str) -> String {
        format!("{} by {}", digest, self.0[0])
    }
    fn is_tag(&self, tag: &str, digest: &str) -> bool {
        self.0.iter().any(|key| tag == format!("{digest} by {key}"))
    }
}

/// Keeps rows and seals in memory.
#[derive(Default)]
pub(crate) struct MemoryLog {
    rows: Mutex<Vec<StoredEntry>>,
    seals: Mutex<Vec<Seal>>,
    another_is_first: AtomicBool,
    pub(crate) races: Races,
}

#[async_trait]
impl AuditSeals for MemoryLog {
    async fn add_seal(&self, seal: &Seal) -> Result<bool, StoreError> {
        self.races.run()?;
        let mut seals = self.seals.lock().unwrap();
        if self.another_is_first.swap(false, Ordering::Relaxed) {
            seals.push(seal.clone());
        }
        let is_new = seals.iter().all(|known| known.number != seal.number);
        if is_new {
            seals.push(seal.clone());
        }
        Ok(is_new)
    }
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        Ok(self.seals.lock().unwrap().iter().max_by_key(|seal| seal.number).cloned())
    }
    async fn seals_behind(&self, number: u64, limit: u32) -> Result<Vec<Seal>, StoreError> {
        let mut seals = self.seals.lock().unwrap().clone();
        seals.sort_by_key(|seal| seal.number);
        let behind = seals.into_iter().filter(|seal| seal.number > number);
        Ok(behind.take(usize::try_from(limit).unwrap()).collect())
    }
    async fn log_rows(
        &self,
        after: Option<LogPlace>,
        until: LogPlace,
        limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let mut rows = self.rows.lock().unwrap().clone();
        rows.sort_by_key(|row| row.place);
        let within = rows.into_iter().filter(|row| Some(row.place) > after && row.place <= until);
        Ok(within.take(usize::try_from(limit).unwrap()).collect())
    }
    async fn count_log_rows_behind(&self, place: Option<LogPlace>) -> Result<u64, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(u64::try_from(rows.iter().filter(|row| Some(row.place) > place).count()).unwrap())
    }
}
