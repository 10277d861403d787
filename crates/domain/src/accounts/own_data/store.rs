use async_trait::async_trait;

use crate::{
    accounts::{
        AccessError, Actor, Authority, PersonalDataRepository, ProfileRepository, SessionRepository,
        UserRepository, begin_as,
    },
    audit::AuditRepository,
    outbox::OutboxRepository,
    store::{Attempt, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work (one transaction) about all data of a user.
    pub trait OwnDataUnit:
        Unit + UserRepository + ProfileRepository + PersonalDataRepository + AuditRepository + OutboxRepository;
}

/// Begins units of work about all data of a user.
#[async_trait]
pub trait OwnDataStore: Send + Sync {
    /// Begins a unit of work for a user who exports their own data, or whose attempt to delete the account failed.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn OwnDataUnit>, AccessError>;
    /// Begins a unit of work for a user who deletes their account. Also locks every administrator, so that two
    /// administrators cannot delete their accounts concurrently and leave no administrator.
    async fn begin_deletion(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn OwnDataUnit>, AccessError>;
}

#[async_trait]
impl<D> OwnDataStore for D
where
    D: UnitsOfWork<Unit: OwnDataUnit + SessionRepository>,
{
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn OwnDataUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_deletion(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn OwnDataUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner).locking_admins()).await?))
    }
}
