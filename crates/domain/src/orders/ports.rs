use async_trait::async_trait;

use crate::{
    accounts::{AccessError, Actor, Authority, Role, SessionRepository, UserLocks, UserRepository, begin_as},
    audit::AuditRepository,
    cart::CartRepository,
    catalog::OfferRepository,
    id::{MovieId, OrderId, UserId},
    idempotency::IdempotencyRepository,
    notifications::NotificationRepository,
    orders::{Order, OrderFilter, OrderView},
    outbox::OutboxRepository,
    page::{Page, PageRequest},
    payments::{
        DisputeRepository, LedgerRepository, PaymentRepository, RefundRepository, RefundRequestRepository,
    },
    purchases::PurchaseRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work (one transaction) about orders.
    pub trait OrderUnit:
        Unit + OrderRepository + PaymentRepository + RefundRepository + RefundRequestRepository
        + DisputeRepository + LedgerRepository + AuditRepository
        + CartRepository + OfferRepository + PurchaseRepository
        + OutboxRepository + NotificationRepository + IdempotencyRepository;
}

/// Begins units of work about orders. Each unit of work that can change orders locks the buyer first, so that all
/// changes of a buyer's orders are serialized.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Begins a unit of work for a user who orders, pays, cancels an order or requests a refund.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn OrderUnit>, AccessError>;
    /// Begins a unit of work on an order without an access check, for example for background work or to apply a report
    /// of the payment provider. Returns the unit of work with the current order; `None` when there is no such order.
    async fn begin_order(
        &self,
        attempt: Attempt,
        id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, StoreError>;
    /// Begins a unit of work for background work that changes no order. It locks no user.
    async fn begin_without_order(&self, attempt: Attempt) -> Result<Box<dyn OrderUnit>, StoreError>;
    /// Begins a unit of work for an administrator who changes an order. Returns the unit of work with the current
    /// order; `None` when there is no such order.
    async fn begin_order_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, AccessError>;
}

#[async_trait]
impl<D> OrderStore for D
where
    D: UnitsOfWork<Unit: OrderUnit + UserRepository + SessionRepository>,
{
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn OrderUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_order(
        &self,
        attempt: Attempt,
        id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, StoreError> {
        let mut unit = UnitsOfWork::begin(self, attempt).await?;
        let Some(buyer) = unit.find_buyer(id).await? else { return Ok(None) };
        unit.find_users_for_update(&UserLocks { ids: vec![buyer], all_admins: false }).await?;
        let Some(order) = unit.find_order_for_update(id).await? else { return Ok(None) };
        Ok(Some((Box::new(unit), order)))
    }

    async fn begin_without_order(&self, attempt: Attempt) -> Result<Box<dyn OrderUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }

    async fn begin_order_as_admin(
        &self,
        attempt: Attempt,
        admin: &Actor,
        id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, AccessError> {
        let mut unit = UnitsOfWork::begin(self, attempt).await?;
        let buyer = unit.find_buyer(id).await?;
        let authority = Authority::of(admin, Role::Admin);
        let authority = buyer.into_iter().fold(authority, Authority::locking);
        let locked = unit.find_users_for_update(authority.locks()).await?;
        let session = unit.find_session(authority.session_id()).await?;
        authority.check(&locked, session.as_ref())?;
        let Some(order) = unit.find_order_for_update(id).await? else { return Ok(None) };
        Ok(Some((Box::new(unit), order)))
    }
}

/// Stores orders.
#[async_trait]
pub trait OrderRepository: Send {
    /// The buyer of the order, even if the account was deleted in the meantime; `None` when there is no such order.
    /// MUST NOT lock anything.
    async fn find_buyer(&mut self, id: OrderId) -> Result<Option<UserId>, StoreError>;
    /// The order, locked until the transaction ends. MUST return the state after all commits of transactions that held
    /// the lock earlier.
    async fn find_order_for_update(&mut self, id: OrderId) -> Result<Option<Order>, StoreError>;
    /// Adds a pending order; `false` when another pending order of the buyer contains one of its movies, in which case
    /// the caller MUST drop the unit of work, which rolls the transaction back. MUST NOT allow two pending orders of a
    /// user with the same movie, even when two transactions add them concurrently.
    async fn insert_order(&mut self, order: &Order) -> Result<bool, StoreError>;
    /// Writes the order's state. When the order is no longer pending, the buyer's other orders MUST be allowed to
    /// contain its movies.
    async fn update_order_state(&mut self, order: &Order) -> Result<(), StoreError>;
    /// Writes the prices of the order's items, and its total.
    async fn update_order_prices(&mut self, order: &Order) -> Result<(), StoreError>;
    /// The movies in the user's pending orders.
    async fn movies_in_pending_orders(&mut self, user_id: UserId) -> Result<Vec<MovieId>, StoreError>;
}

/// Reads orders outside a unit of work (transaction).
#[async_trait]
pub trait OrderQueries: Send + Sync {
    /// A page of the orders that match the filter, the newest first.
    /// The text in [`OrderFilter::email`] MUST be matched literally, without wildcards.
    async fn order_page(
        &self,
        filter: &OrderFilter,
        request: &PageRequest,
    ) -> Result<Page<OrderView>, StoreError>;
    /// The order; `None` when there is no such order.
    async fn order_view(&self, id: OrderId) -> Result<Option<OrderView>, StoreError>;
    /// All orders of a user, oldest first.
    async fn orders_of(&self, user_id: UserId) -> Result<Vec<OrderView>, StoreError>;
    /// Up to `limit` pending orders that were expired at `now`, the longest overdue first, with their expiry times.
    /// Orders with the same expiry time are sorted by identifier. When `after` is given, only the orders that follow
    /// this expiry time and order identifier in the list are returned.
    async fn expired_orders(
        &self,
        now: Instant,
        after: Option<(Instant, OrderId)>,
        limit: u32,
    ) -> Result<Vec<(Instant, OrderId)>, StoreError>;
}
