use async_trait::async_trait;

use crate::{
    accounts::{
        AccessError, Actor, Authority, KnownDeviceRepository, LinkTokenRepository, PersonalDataRepository,
        ProfileRepository, Role, SessionRepository, UserRepository, begin_as,
    },
    audit::AuditRepository,
    id::UserId,
    outbox::OutboxRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work about accounts. Rows are locked in the order user, link, session; a profile and known devices belong to
    /// their user and are locked with it.
    pub trait AccountUnit:
        Unit + UserRepository + LinkTokenRepository + ProfileRepository + KnownDeviceRepository + SessionRepository
        + AuditRepository + PersonalDataRepository + OutboxRepository;
}

/// Begins units of work about accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Begins one without a signed-in user: to register, sign in or follow a link, and for the server itself.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn AccountUnit>, StoreError>;
    /// Begins one for a user who changes their own data.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn AccountUnit>, AccessError>;
    /// Begins one for a user who deletes their account. Locks every administrator too.
    async fn begin_deletion(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn AccountUnit>, AccessError>;
    /// Begins one for an administrator who changes this user. Locks every administrator too.
    async fn begin_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        user_id: UserId,
    ) -> Result<Box<dyn AccountUnit>, AccessError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: AccountUnit>> AccountStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn AccountUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }

    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn AccountUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_deletion(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn AccountUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner).locking_admins()).await?))
    }

    async fn begin_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        user_id: UserId,
    ) -> Result<Box<dyn AccountUnit>, AccessError> {
        let authority = Authority::of(admin, Role::Admin).locking(user_id).locking_admins();
        Ok(Box::new(begin_as(self, attempt, &authority).await?))
    }
}
