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
    /// A unit of work about all that is stored of a user.
    pub trait OwnDataUnit:
        Unit + UserRepository + ProfileRepository + PersonalDataRepository + AuditRepository + OutboxRepository;
}

/// Begins units of work about all that is stored of a user.
#[async_trait]
pub trait OwnDataStore: Send + Sync {
    /// Begins one for a user who reads their own data.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn OwnDataUnit>, AccessError>;
    /// Begins one for a user who deletes their account. Locks every administrator too, so that two administrators cannot
    /// delete their accounts at the same time and leave none.
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
