//! The worker's side of the outbox in memory, and a mailer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
    outbox::{ClaimedOutboxMessage, LEASE, OutboxQueue},
    store::StoreError,
    time::Instant,
};

use crate::{accounts::doubles::MemoryAccounts, doubles::Races};

mockall::mock! {
    pub(crate) Post {}
    #[async_trait]
    impl Mailer for Post {
        async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError>;
    }
}

/// How a message stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) attempts: u32,
    pub(crate) not_before: Option<Instant>,
    pub(crate) done_at: Option<Instant>,
    pub(crate) is_dead: bool,
    pub(crate) error: Option<String>,
}

/// Works off what the use cases of accounts wrote.
pub(crate) struct MemoryQueue {
    accounts: Arc<MemoryAccounts>,
    pub(crate) progress: Mutex<HashMap<OutboxId, Progress>>,
    pub(crate) fails_to_complete: AtomicBool,
    pub(crate) races: Races,
}

impl MemoryQueue {
    pub(crate) fn of(accounts: &Arc<MemoryAccounts>) -> Self {
        Self {
            accounts: accounts.clone(),
            progress: Mutex::default(),
            fails_to_complete: AtomicBool::new(false),
            races: Races::default(),
        }
    }

    /// How the messages stand, oldest first.
    pub(crate) fn standings(&self) -> Vec<Progress> {
        let progress = self.progress.lock().unwrap();
        let standing = |id| progress.get(id).cloned().unwrap_or_default();
        self.accounts.rows().outbox.iter().map(|row| standing(&row.id)).collect()
    }

    fn note(&self, id: OutboxId, note: impl FnOnce(&mut Progress)) {
        note(self.progress.lock().unwrap().entry(id).or_default());
    }
}

#[async_trait]
impl OutboxQueue for MemoryQueue {
    async fn claim_message(&self, now: Instant) -> Result<Option<ClaimedOutboxMessage>, StoreError> {
        self.races.run()?;
        let mut progress = self.progress.lock().unwrap();
        for row in &self.accounts.rows().outbox {
            let standing = progress.entry(row.id).or_default();
            let is_due = standing.not_before.is_none_or(|at| at <= now) && row.available_at <= now;
            if !is_due || standing.is_dead || standing.done_at.is_some() {
                continue;
            }
            standing.attempts = standing.attempts.saturating_add(1);
            standing.not_before = now.checked_add_signed(chrono::TimeDelta::from_std(LEASE).unwrap());
            return Ok(Some(ClaimedOutboxMessage {
                id: row.id,
                kind: row.kind.clone(),
                payload: row.payload.clone(),
                attempts: standing.attempts,
                created_at: row.created_at,
            }));
        }
        Ok(None)
    }
    async fn complete_message(&self, id: OutboxId, now: Instant) -> Result<(), StoreError> {
        if self.fails_to_complete.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("no connection"));
        }
        self.races.run()?;
        self.note(id, |standing| standing.done_at = Some(now));
        Ok(())
    }
    async fn fail_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        error: &str,
        retry_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.races.run()?;
        self.note(claimed.id, |standing| {
            if standing.attempts != claimed.attempts || standing.done_at.is_some() {
                return;
            }
            standing.error = Some(error.to_owned());
            standing.not_before = retry_at;
            standing.is_dead = retry_at.is_none();
        });
        Ok(())
    }
    async fn postpone_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        available_at: Instant,
    ) -> Result<(), StoreError> {
        self.note(claimed.id, |standing| {
            standing.attempts = standing.attempts.saturating_sub(1);
            standing.not_before = Some(available_at);
        });
        Ok(())
    }
    async fn purge_messages(&self, before: Instant, limit: u32) -> Result<u64, StoreError> {
        self.races.run()?;
        let mut removed = 0;
        self.progress.lock().unwrap().retain(|_, standing| {
            let goes = removed < u64::from(limit) && standing.done_at.is_some_and(|at| at < before);
            removed = removed.saturating_add(u64::from(goes));
            !goes
        });
        Ok(removed)
    }
}
