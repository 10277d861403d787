use async_trait::async_trait;

use crate::{
    accounts::{
        AccessError, Actor, Authority, ProfileRepository, SessionRepository, UserRepository, begin_as,
    },
    outbox::OutboxRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work (one transaction) about a profile. A profile has no separate lock: the lock of its user protects
    /// it.
    pub trait ProfileUnit: Unit + UserRepository + ProfileRepository + OutboxRepository;
}

/// Begins units of work about profiles.
#[async_trait]
pub trait ProfileStore: Send + Sync {
    /// Begins a unit of work for the server, which removes pictures that are not in any profile.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn ProfileUnit>, StoreError>;
    /// Begins a unit of work for a user who changes their own profile.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn ProfileUnit>, AccessError>;
}

#[async_trait]
impl<D> ProfileStore for D
where
    D: UnitsOfWork<Unit: ProfileUnit + SessionRepository>,
{
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn ProfileUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }

    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn ProfileUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }
}
