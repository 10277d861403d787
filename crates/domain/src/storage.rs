//! The combination of all storage ports, which an adapter for a database implements.

use async_trait::async_trait;

use crate::{
    accounts::{
        AccountMaintenance, CredentialQueries, OwnDataStore, OwnDataUnit, PersonalDataQueries, ProfileStore,
        ProfileUnit, SessionQueries, SessionStore, SessionUnit, SignUpStore, SignUpUnit, UserQueries,
        UserStore, UserUnit,
    },
    audit::{AuditQueries, AuditSeals},
    cart::{CartQueries, CartStore, CartUnit},
    catalog::{
        CatalogStore, FacetQueries, ModerationStore, ModerationUnit, MovieQueries, NameQueries, SearchIndex,
        SearchQueries, SimilarMovies,
    },
    engagement::{
        CommentQueries, CommentReportQueries, EngagementStore, EngagementUnit, PopularityMaintenance,
    },
    idempotency::IdempotencyKeys,
    library::{LibraryQueries, LibraryStore, LibraryUnit},
    notifications::{NotificationQueries, NotificationStore, NotificationUnit},
    orders::{OrderQueries, OrderStore, OrderUnit},
    outbox::OutboxQueue,
    payments::{
        DisputeQueries, MoneyChecks, PaymentQueries, RefundQueries, RefundRequestQueries, SalesQueries,
        WebhookEvents,
    },
    store::{Attempt, StoreError, UnitsOfWork, gathered},
};

gathered! {
    /// A database that implements every storage port. A program has one `Arc<dyn Storage>`, and upcasts it to the port
    /// that a use case needs. This is the only list of all storage ports.
    pub trait Storage:
        SignUpStore + SessionStore + ProfileStore + UserStore + OwnDataStore
        + CredentialQueries + SessionQueries + UserQueries + PersonalDataQueries + AccountMaintenance
        + AuditQueries + AuditSeals
        + CatalogStore + ModerationStore + MovieQueries + NameQueries + FacetQueries + SimilarMovies
        + SearchQueries + SearchIndex
        + CartStore + CartQueries
        + LibraryStore + LibraryQueries
        + EngagementStore + CommentQueries + CommentReportQueries + PopularityMaintenance
        + OrderStore + OrderQueries
        + PaymentQueries + MoneyChecks + SalesQueries + DisputeQueries + RefundQueries + RefundRequestQueries + WebhookEvents
        + IdempotencyKeys
        + NotificationStore + NotificationQueries
        + OutboxQueue
        + WholeStore;
}

gathered! {
    /// A unit of work (one transaction) with all repositories.
    pub trait WholeUnit:
        SignUpUnit + SessionUnit + ProfileUnit + UserUnit + OwnDataUnit + ModerationUnit + CartUnit
        + EngagementUnit + OrderUnit + NotificationUnit + LibraryUnit;
}

/// Begins units of work with all repositories and without access checks, for tests. Use cases use the store of their
/// area.
#[async_trait]
pub trait WholeStore: Send + Sync {
    /// Begins a unit of work.
    async fn begin_whole(&self, attempt: Attempt) -> Result<Box<dyn WholeUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: WholeUnit>> WholeStore for D {
    async fn begin_whole(&self, attempt: Attempt) -> Result<Box<dyn WholeUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}
