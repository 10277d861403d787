//! Signing up: creating an account and activating it.

use async_trait::async_trait;

use crate::{
    accounts::{LinkTokenRepository, UserRepository},
    audit::AuditRepository,
    outbox::OutboxRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work (one transaction) about signing up.
    pub trait SignUpUnit: Unit + UserRepository + LinkTokenRepository + AuditRepository + OutboxRepository;
}

/// Begins units of work about signing up.
#[async_trait]
pub trait SignUpStore: Send + Sync {
    /// Begins a unit of work without a signed-in user.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn SignUpUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: SignUpUnit>> SignUpStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn SignUpUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}
