use async_trait::async_trait;

use crate::{
    accounts::{
        AccessError, Actor, Authority, KnownDeviceRepository, LinkTokenRepository, SessionRepository,
        UserRepository, begin_as,
    },
    audit::AuditRepository,
    outbox::OutboxRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work (one transaction) about sessions and passwords. Known devices have no separate locks: the lock of
    /// their user protects them.
    pub trait SessionUnit:
        Unit + UserRepository + LinkTokenRepository + SessionRepository + KnownDeviceRepository + AuditRepository
        + OutboxRepository;
}

/// Begins units of work about sessions and passwords.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Begins a unit of work without a signed-in user: to sign in or out, refresh a session, or reset a password.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn SessionUnit>, StoreError>;
    /// Begins a unit of work for a user who changes their own sessions or password.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn SessionUnit>, AccessError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: SessionUnit>> SessionStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn SessionUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }

    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn SessionUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }
}
