use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use domain::{
    accounts::{
        AccountMaintenance, AccountQueries, AccountStore, AccountUnit, PersonalDataQueries, UserQueries,
    },
    audit::{AuditQueries, AuditSeals},
    cart::{CartQueries, CartStore, CartUnit},
    catalog::{CatalogStore, CatalogUnit, MovieQueries},
    id::OutboxId,
    outbox::{ClaimedOutboxMessage, OutboxQueue},
    store::StoreError,
    time::Instant,
};

/// A database under test: made for one case, with its tables and nothing in them, and gone when this is dropped.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Opens it, as each node of the service does: with connections of its own.
    async fn open(&self) -> Stores;
    /// What the outbox keeps of a message's payload, which no port shows; `None` when there is no such message.
    async fn outbox_payload(&self, id: OutboxId) -> Option<Vec<u8>>;
}

/// Every storage port of an adapter.
#[derive(Clone)]
pub struct Stores {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) account_queries: Arc<dyn AccountQueries>,
    pub(crate) users: Arc<dyn UserQueries>,
    pub(crate) personal_data: Arc<dyn PersonalDataQueries>,
    pub(crate) audit: Arc<dyn AuditQueries>,
    pub(crate) seals: Arc<dyn AuditSeals>,
    pub(crate) maintenance: Arc<dyn AccountMaintenance>,
    pub(crate) catalog: Arc<dyn CatalogStore>,
    pub(crate) movies: Arc<dyn MovieQueries>,
    pub(crate) carts: Arc<dyn CartStore>,
    pub(crate) cart_queries: Arc<dyn CartQueries>,
    pub(crate) outbox: Arc<dyn OutboxQueue>,
}

impl Stores {
    /// The ports of an adapter that implements them all on one type.
    #[must_use]
    pub fn of<D>(database: D) -> Self
    where
        D: AccountStore + AccountQueries + AccountMaintenance + CatalogStore + MovieQueries + 'static,
        D: UserQueries
            + PersonalDataQueries
            + AuditQueries
            + AuditSeals
            + CartStore
            + CartQueries
            + OutboxQueue,
    {
        let database = Arc::new(database);
        Self {
            accounts: Arc::<D>::clone(&database),
            account_queries: Arc::<D>::clone(&database),
            users: Arc::<D>::clone(&database),
            personal_data: Arc::<D>::clone(&database),
            audit: Arc::<D>::clone(&database),
            seals: Arc::<D>::clone(&database),
            maintenance: Arc::<D>::clone(&database),
            catalog: Arc::<D>::clone(&database),
            movies: Arc::<D>::clone(&database),
            carts: Arc::<D>::clone(&database),
            cart_queries: Arc::<D>::clone(&database),
            outbox: database,
        }
    }
}

/// A node of the service that works on the database under test.
#[derive(Clone)]
pub(crate) struct Node {
    stores: Stores,
    pub(crate) subject: Arc<dyn Subject>,
}

impl Deref for Node {
    type Target = Stores;

    fn deref(&self) -> &Stores {
        &self.stores
    }
}

impl Node {
    pub(crate) async fn first(subject: Arc<dyn Subject>) -> Self {
        Self { stores: subject.open().await, subject }
    }

    /// Another node on the same database.
    pub(crate) async fn another(&self) -> Self {
        Self::first(Arc::clone(&self.subject)).await
    }

    /// Claims every message of the outbox that is due.
    pub(crate) async fn claim_all(&self, now: Instant) -> Vec<ClaimedOutboxMessage> {
        let mut claimed = Vec::new();
        while let Some(message) = patiently(|| self.outbox.claim(now)).await {
            claimed.push(message);
        }
        claimed
    }

    pub(crate) async fn account_unit(&self) -> Box<dyn AccountUnit> {
        patiently(|| self.accounts.begin()).await
    }

    pub(crate) async fn catalog_unit(&self) -> Box<dyn CatalogUnit> {
        patiently(|| self.catalog.begin()).await
    }

    pub(crate) async fn cart_unit(&self) -> Box<dyn CartUnit> {
        patiently(|| self.carts.begin()).await
    }
}

/// Asks again while the store says that it is overloaded, which is no fault when a case begins hundreds of units at once.
pub(crate) async fn patiently<T, Fut>(mut ask: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            answer => return answer.unwrap(),
        }
    }
}
