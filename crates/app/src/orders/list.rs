use domain::{
    accounts::{Actor, Role},
    id::OrderId,
    orders::{OrderFilter, OrderView},
    store::StoreError,
};

use super::Orders;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of a list of orders.
#[derive(Debug, Clone, PartialEq)]
pub struct ListOrders {
    /// The conditions that the listed orders meet.
    pub filter: OrderFilter,
    /// The requested page.
    pub page: PageSelection,
}

impl Orders {
    /// Returns a page of the user's own orders, the newest first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_own(&self, actor: Actor, wanted: ListOrders) -> Result<Listing<OrderView>, ListError> {
        let filter = OrderFilter { user_id: Some(actor.user_id), email: None, ..wanted.filter };
        self.list(ListOrders { filter, ..wanted }).await
    }

    /// Returns a page of the orders of all users, the newest first, for a moderator.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_all(
        &self,
        moderator: Actor,
        wanted: ListOrders,
    ) -> Result<Listing<OrderView>, ListError> {
        debug_assert!(moderator.role >= Role::Moderator);
        self.list(wanted).await
    }

    async fn list(&self, wanted: ListOrders) -> Result<Listing<OrderView>, ListError> {
        let ListOrders { filter, page } = wanted;
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("orders {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.order_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Returns an order of the user; `None` when the user has no such order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show_own(&self, actor: Actor, id: OrderId) -> Result<Option<OrderView>, StoreError> {
        let order = self.queries.order_view(id).await?;
        let is_own = |order: &OrderView| order.buyer.as_ref().is_some_and(|buyer| buyer.id == actor.user_id);
        Ok(order.filter(is_own))
    }
}
