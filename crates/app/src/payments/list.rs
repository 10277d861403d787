use domain::{
    accounts::{Actor, Role},
    id::PaymentId,
    payments::{PaymentFilter, PaymentView},
    store::StoreError,
};

use super::Payments;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of a list of payments.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPayments {
    /// The conditions that the listed payments meet.
    pub filter: PaymentFilter,
    /// The requested page.
    pub page: PageSelection,
}

impl Payments {
    /// Returns a page of the user's own payments, the newest first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_own(
        &self,
        actor: Actor,
        wanted: ListPayments,
    ) -> Result<Listing<PaymentView>, ListError> {
        let filter = PaymentFilter { user_id: Some(actor.user_id), email: None, ..wanted.filter };
        self.list(ListPayments { filter, ..wanted }).await
    }

    /// Returns a page of the payments of all users, the newest first, for a moderator.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_all(
        &self,
        moderator: Actor,
        wanted: ListPayments,
    ) -> Result<Listing<PaymentView>, ListError> {
        debug_assert!(moderator.role >= Role::Moderator);
        self.list(wanted).await
    }

    async fn list(&self, wanted: ListPayments) -> Result<Listing<PaymentView>, ListError> {
        let ListPayments { filter, page } = wanted;
        // A cursor is valid only with the context for which it was created. The context is never parsed. The context
        // must be equal for all pages of a list, and differ between lists.
        let context = format!("payments {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.payment_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Returns a payment of the user; `None` when the user has no such payment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show_own(&self, actor: Actor, id: PaymentId) -> Result<Option<PaymentView>, StoreError> {
        let payment = self.queries.payment_view(id).await?;
        let is_own =
            |payment: &PaymentView| payment.buyer.as_ref().is_some_and(|buyer| buyer.id == actor.user_id);
        Ok(payment.filter(is_own))
    }
}
