//! The use cases of the audit log on a test database.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::TimeDelta;
use domain::{
    audit::{AuditAction, AuditEntry, AuditSeals, Seal, SealMaker},
    id::Id,
    time::Clock,
};
use uuid::Uuid;

use super::{Audit, Known, Verification};
use crate::{
    doubles::{MovableClock, NoWait, SumSigner, storage::TestStorage},
    paging::CursorCodec,
};

/// The use cases on a separate test database, with a clock that tests move.
pub(crate) struct World {
    pub(crate) log: Arc<Audit>,
    pub(crate) store: Arc<TestStorage>,
    clock: Arc<MovableClock>,
    /// How many rows were written.
    written: AtomicUsize,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (store, clock) = (TestStorage::new().await, Arc::new(MovableClock::default()));
        let log = Audit {
            queries: store.clone(),
            cursors: CursorCodec::new(Arc::new(SumSigner)),
            seals: store.clone(),
            maker: Arc::new(Keys(&["new"])),
            clock: clock.clone(),
            backoff: Arc::new(NoWait),
        };
        Self { log: Arc::new(log), store, clock, written: AtomicUsize::new(0) }
    }

    /// Replaces the keys of the seals. New seals are made with the first of these keys. Seals that were made with any
    /// of these keys are accepted.
    pub(crate) fn with_keys(self, keys: &'static [&'static str]) -> Self {
        let Audit { queries, cursors, seals, clock, backoff, .. } = &*self.log;
        let log = Audit {
            queries: queries.clone(),
            cursors: cursors.clone(),
            seals: seals.clone(),
            maker: Arc::new(Keys(keys)),
            clock: clock.clone(),
            backoff: backoff.clone(),
        };
        Self { log: Arc::new(log), ..self }
    }

    pub(crate) fn minutes_pass(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    /// Writes `count` rows at the current time. Rows are numbered across all calls, starting with 1.
    pub(crate) async fn add_rows(&self, count: usize) {
        let first = self.written.fetch_add(count, Ordering::Relaxed).saturating_add(1);
        let entry = |number: usize| AuditEntry {
            id: Id::from_uuid(Uuid::from_u128(number.try_into().unwrap())),
            at: self.clock.now(),
            action: AuditAction::SignedIn,
            actor: None,
            object: None,
            before: None,
            after: None,
            ip: None,
            request_id: Some(format!("request {number}")),
        };
        let entries: Vec<_> = (first..).take(count).map(entry).collect();
        let mut unit = self.store.unit().await;
        unit.append_audit_entries(&entries).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Writes and seals rows: for each number in `parts`, writes that many rows and adds one seal over them.
    pub(crate) async fn add_sealed(&self, parts: &[usize]) {
        for count in parts {
            self.add_rows(*count).await;
            self.minutes_pass(11);
            self.log.seal().await.unwrap();
        }
    }

    pub(crate) async fn seals(&self) -> Vec<Seal> {
        self.store.database.seals_behind(0, 1_000).await.unwrap()
    }

    /// Changes the tables `audit_log` and `audit_seals` directly in the database.
    pub(crate) async fn tamper(&self, sql: &str) {
        self.store.execute(sql).await;
    }

    /// Makes another node write the next seal right before this node does.
    pub(crate) fn let_another_node_seal_first(&self) {
        let other = Arc::clone(&self.log);
        self.store.before("add_seal", async move {
            other.seal().await.unwrap();
        });
    }

    pub(crate) async fn verified(&self) -> Verification {
        self.log.verify(&Known::default()).await.unwrap()
    }
}

/// Computes short digests that depend on the data, and tags that contain the key in plain text.
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
