use async_trait::async_trait;

use crate::{
    accounts::{
        AccessError, Actor, Authority, LinkTokenRepository, ProfileRepository, Role, SessionRepository,
        UserRepository, begin_as,
    },
    audit::AuditRepository,
    id::UserId,
    outbox::OutboxRepository,
    store::{Attempt, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work (one transaction) about a user whom an administrator changes.
    pub trait UserUnit:
        Unit + UserRepository + LinkTokenRepository + ProfileRepository + SessionRepository + AuditRepository
        + OutboxRepository;
}

/// Begins units of work about users whom administrators change.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Begins a unit of work for an administrator who changes this user. Also locks every administrator, so that two
    /// administrators cannot demote each other concurrently and leave none.
    async fn begin_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        user_id: UserId,
    ) -> Result<Box<dyn UserUnit>, AccessError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: UserUnit>> UserStore for D {
    async fn begin_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        user_id: UserId,
    ) -> Result<Box<dyn UserUnit>, AccessError> {
        let authority = Authority::of(admin, Role::Admin).locking(user_id).locking_admins();
        Ok(Box::new(begin_as(self, attempt, &authority).await?))
    }
}
