//! Checkouts of this shop whose payments are missing because the database was restored from an older backup.

use domain::{
    id::{Id, OrderId, PaymentId, ShopId},
    money::Money,
    orders::Order,
    payments::{
        CheckoutReport, GatewayError, Payment, PaymentState, ProviderCheckout, RefundOrder, RefundReport,
    },
    store::{Attempt, StoreError, retried},
};

use super::{CloseError, Payments};
use crate::mails::orders::UnknownPaymentReturned;

/// The result of restoring the payment of an unknown checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restored {
    /// The payment is in the database again.
    Yes,
    /// There is no such order.
    NoOrder,
    /// The order has another open payment, so this checkout must not be paid as well.
    OtherIsOpen,
}

impl Payments {
    /// Handles a checkout of this shop whose payment is not in the database. Restores the payment from the checkout.
    /// If the order does not exist, or has another open payment while the money of this checkout has not arrived, ends
    /// the checkout instead if the buyer can still pay, and returns the money if it has already arrived or arrives
    /// before the checkout is ended. Does nothing for a checkout that has ended without money.
    ///
    /// # Errors
    /// When the provider or the store fails, or the checkout does not name its payment or its charge. The caller must
    /// try again later.
    pub(super) async fn handle_unknown_checkout(
        &self,
        shop_id: ShopId,
        checkout: &ProviderCheckout,
    ) -> Result<(), CloseError> {
        let Some(payment_id) = checkout.payment_id else {
            return Err(StoreError::failed(format!(
                "the checkout {} does not name its payment",
                checkout.id
            ))
            .into());
        };
        if matches!(checkout.report, CheckoutReport::Expired { .. } | CheckoutReport::Bounced(_)) {
            return Ok(());
        }
        let restored = match checkout.order_id {
            Some(order_id) => {
                let restore = |attempt| self.try_restore(attempt, payment_id, order_id, checkout);
                retried(&*self.backoff, restore).await?
            }
            None => Restored::NoOrder,
        };
        match (restored, checkout.order_id) {
            (Restored::Yes, Some(order_id)) => {
                tracing::warn!(payment = ?payment_id, order = ?order_id, "a payment was restored from its checkout");
                Ok(self.apply_checkout(payment_id, order_id, checkout).await?)
            }
            _ => self.undo_unknown(shop_id, payment_id, checkout).await,
        }
    }

    /// Stores the missing payment again, if its order exists. Another open payment of the order prevents this only
    /// while the money of the checkout has not arrived.
    async fn try_restore(
        &self,
        attempt: Attempt,
        id: PaymentId,
        order_id: OrderId,
        checkout: &ProviderCheckout,
    ) -> Result<Restored, StoreError> {
        let Some((mut unit, order)) = self.store.begin_order(attempt, order_id).await? else {
            return Ok(Restored::NoOrder);
        };
        if unit.find_payment_for_update(id).await?.is_some() {
            return Ok(Restored::Yes);
        }
        let payment = self.payment_of(id, &order, checkout);
        if !unit.insert_payment(&payment).await? {
            return Ok(Restored::OtherIsOpen);
        }
        unit.commit().await?;
        Ok(Restored::Yes)
    }

    /// Returns the payment as it was before the provider reported anything. If its money has arrived, the payment is
    /// created as canceled instead of open, because an order can have only one open payment; applying the report then
    /// makes it successful.
    fn payment_of(&self, id: PaymentId, order: &Order, checkout: &ProviderCheckout) -> Payment {
        let state = match checkout.report {
            CheckoutReport::Paid { at, .. } => PaymentState::Canceled { completed_at: at },
            _ => PaymentState::NEW,
        };
        let provider = self.gateway.provider().to_owned();
        Payment { state, ..Payment::of_order(order, id, provider, checkout.created_at, || self.ids.next()) }
    }

    /// Ends a checkout whose payment cannot be restored, and returns its money. Money that has not arrived yet is
    /// returned when it arrives.
    async fn undo_unknown(
        &self,
        shop_id: ShopId,
        payment_id: PaymentId,
        checkout: &ProviderCheckout,
    ) -> Result<(), CloseError> {
        match &checkout.report {
            CheckoutReport::Open | CheckoutReport::Declined(_) => {
                let ended = self.gateway.expire_checkout(&checkout.id).await?;
                if let CheckoutReport::Paid { amount, .. } = ended.report {
                    return self.return_unknown(shop_id, payment_id, &ended, amount).await;
                }
                tracing::warn!(checkout = checkout.id, "a checkout of an unknown payment was ended");
                Ok(())
            }
            CheckoutReport::Paid { amount, .. } => {
                self.return_unknown(shop_id, payment_id, checkout, *amount).await
            }
            // Either the checkout has received no money, or a later event reports the arrival of the money.
            CheckoutReport::Processing | CheckoutReport::Bounced(_) | CheckoutReport::Expired { .. } => {
                Ok(())
            }
        }
    }

    async fn return_unknown(
        &self,
        shop_id: ShopId,
        payment_id: PaymentId,
        checkout: &ProviderCheckout,
        received: Money,
    ) -> Result<(), CloseError> {
        let Some(charge) = &checkout.charge else {
            return Err(StoreError::failed(format!(
                "the paid checkout {} does not name its charge",
                checkout.id
            ))
            .into());
        };
        // The refund has the same UUID as the payment. So a repeated call requests the same refund, and the provider
        // makes a refund with the same identifier only once.
        let refund_id = Id::from_uuid(payment_id.as_uuid());
        let refunds = self.gateway.refunds(charge).await?;
        let is_sent = |report: &RefundReport| !matches!(report, RefundReport::Failed { .. });
        let sent = refunds.iter().filter(|refund| is_sent(&refund.report));
        let sent = sent.fold(0, |sum: i64, refund| sum.saturating_add(refund.amount.minor()));
        let rest = received.minor().saturating_sub(sent);
        if rest > 0 {
            let order = RefundOrder {
                refund_id,
                shop_id,
                charge: charge.clone(),
                amount: Money::from_minor(rest, received.currency()),
                idempotency_key: format!("return:{payment_id}"),
            };
            let refund = self.gateway.refund(&order).await?;
            if !is_sent(&refund.report) {
                return Err(GatewayError::Refused { code: "refund_failed".to_owned() }.into());
            }
        }
        tracing::error!(payment = ?payment_id, checkout = checkout.id, "money for an unknown order was returned");
        Ok(self.announce_unknown(payment_id, checkout, received).await?)
    }

    async fn announce_unknown(
        &self,
        payment_id: PaymentId,
        checkout: &ProviderCheckout,
        amount: Money,
    ) -> Result<(), StoreError> {
        let admins = self.administrators().await?;
        let mail = UnknownPaymentReturned { checkout_id: checkout.id.clone(), payment_id, amount };
        let cause = format!("unknown_payment_returned:{payment_id}");
        retried(&*self.backoff, |attempt| async {
            let mut unit = self.store.begin_without_order(attempt).await?;
            self.push_to_admins(&mut *unit, &admins, &cause, &mail, self.clock.now()).await?;
            unit.commit().await
        })
        .await
    }
}
