use domain::{
    accounts::{EmailAddress, Role, UserFilter, UserSort},
    id::{Id, OrderItemId, PurchaseId, UserId},
    notifications::{NewNotification, NotificationCause},
    orders::{Order, OrderEvent, OrderItem, OrderUnit, OrderView, OrderedMovie},
    outbox::NewOutboxMessage,
    page::{MAX_PAGE_SIZE, PageRequest},
    payments::{Payment, PaymentState, Refund, Settlement},
    purchases::Purchase,
    store::StoreError,
    time::Instant,
};

use super::Payments;
use crate::{
    mails::{
        Content, compose,
        orders::{
            MoneyReturned, OrderPaid, OrderRefunded, PaidMovie, PaymentMismatch, RefundFailed, ReturnReason,
        },
    },
    outbox::Message,
};

/// An administrator who gets mails about payments, refunds and disputes.
pub(super) struct Administrator {
    id: UserId,
    address: EmailAddress,
}

/// Returns the identifier of the purchase of an order item. The purchase has the same UUID as the item.
pub(super) const fn purchase_of(item: OrderItemId) -> PurchaseId {
    Id::from_uuid(item.as_uuid())
}

impl Payments {
    /// Marks the order as paid, adds its movies to the buyer's library, and notifies the buyer, all in the unit of
    /// work. Returns the items of movies that the buyer already has. The buyer already has a movie, for example, if
    /// the buyer ordered it again after a refund, and the refund then failed before this payment was reported: a
    /// failed refund restores the earlier purchase.
    pub(super) async fn pay_order(
        &self,
        unit: &mut dyn OrderUnit,
        order: &mut Order,
        shown: &OrderView,
        paid_at: Instant,
        now: Instant,
    ) -> Result<Vec<OrderItemId>, StoreError> {
        let mut owned = Vec::new();
        order.state = order.state.apply(OrderEvent::Paid { at: paid_at }).map_err(StoreError::failed)?;
        unit.update_order_state(order).await?;
        let mut items: Vec<&OrderItem> = order.items.iter().collect();
        // Purchases are always inserted in the same sequence, so that two payments for the same movies cannot deadlock.
        items.sort_unstable_by_key(|item| item.movie_id);
        for item in items {
            let purchase = Purchase {
                id: purchase_of(item.id),
                user_id: order.user_id,
                movie_id: item.movie_id,
                purchased_at: now,
            };
            if !unit.insert_purchase(&purchase).await? {
                let movie = item.movie_id;
                tracing::error!(order = ?order.id, ?movie, "a buyer paid for a movie that is already in the library");
                owned.push(item.id);
            }
        }
        if let Some(buyer) = &shown.buyer {
            let notification = NewNotification {
                id: self.ids.next(),
                receiver: buyer.id,
                cause: NotificationCause::OrderPaid { order_id: order.id },
                at: now,
            };
            unit.push_notification(&notification).await?;
            let movie = |item: &OrderItem| {
                let shown = shown.items.iter().find(|movie| movie.id == item.movie_id);
                let title =
                    shown.map_or_else(String::new, |movie| format!("{} ({})", movie.name, movie.year));
                PaidMovie { title, price: item.price }
            };
            let mail = OrderPaid {
                number: order.number.clone(),
                order_id: order.id,
                movies: order.items.iter().map(movie).collect(),
                total: order.total,
            };
            let key = format!("order_paid:{}", order.id);
            self.push_mail(unit, Some(buyer.id), &buyer.email, key, &mail, now).await?;
        }
        Ok(owned)
    }

    /// Notifies the buyer and the administrators of an automatic refund.
    pub(super) async fn announce_return(
        &self,
        unit: &mut dyn OrderUnit,
        payment: &Payment,
        refund: &Refund,
        shown: &OrderView,
        admins: &[Administrator],
        now: Instant,
    ) -> Result<(), StoreError> {
        let reason = match payment.settlement {
            Some(Settlement::ReturnedOrderPaid) => ReturnReason::PaidTwice,
            Some(Settlement::PaysOrder) => ReturnReason::OwnedAlready,
            Some(Settlement::ReturnedOrderCanceled) | None => ReturnReason::OrderCanceled,
        };
        let mail =
            MoneyReturned { number: shown.number.clone(), order_id: shown.id, amount: refund.amount, reason };
        if let Some(buyer) = &shown.buyer {
            let key = format!("payment_returned:{}", payment.id);
            self.push_mail(unit, Some(buyer.id), &buyer.email, key, &mail, now).await?;
        }
        tracing::info!(payment = ?payment.id, order = ?shown.id, ?reason, "a payment was returned");
        self.push_to_admins(unit, admins, &format!("payment_returned:{}", payment.id), &mail, now).await
    }

    /// Notifies the administrators of a payment with a wrong amount or currency.
    pub(super) async fn announce_mismatch(
        &self,
        unit: &mut dyn OrderUnit,
        payment: &Payment,
        shown: &OrderView,
        admins: &[Administrator],
        now: Instant,
    ) -> Result<(), StoreError> {
        let PaymentState::Mismatched { received, .. } = payment.state else {
            return Ok(());
        };
        let mail = PaymentMismatch {
            number: shown.number.clone(),
            payment_id: payment.id,
            asked: payment.amount,
            received,
        };
        tracing::error!(payment = ?payment.id, order = ?shown.id, "a payment has a wrong amount or currency");
        self.push_to_admins(unit, admins, &format!("payment_mismatch:{}", payment.id), &mail, now).await
    }

    /// Notifies the buyer of a refund.
    pub(super) async fn announce_refund(
        &self,
        unit: &mut dyn OrderUnit,
        payment: &Payment,
        refund: &Refund,
        shown: &OrderView,
        now: Instant,
    ) -> Result<(), StoreError> {
        let Some(buyer) = &shown.buyer else { return Ok(()) };
        let cause = NotificationCause::OrderRefunded { order_id: shown.id, refund_id: refund.id };
        let notification = NewNotification { id: self.ids.next(), receiver: buyer.id, cause, at: now };
        unit.push_notification(&notification).await?;
        let returned = |movie: &&OrderedMovie| refund.items.iter().any(|item| item.movie_id == movie.id);
        // The mail lists the movies that leave the library. Only the payment that paid the order added movies to the
        // library.
        let has_paid = payment.settlement == Some(Settlement::PaysOrder);
        let movies = shown.items.iter().filter(|movie| has_paid && returned(movie));
        let mail = OrderRefunded {
            number: shown.number.clone(),
            order_id: shown.id,
            amount: refund.amount,
            movies: movies.map(|movie| format!("{} ({})", movie.name, movie.year)).collect(),
        };
        let key = format!("order_refunded:{}", refund.id);
        self.push_mail(unit, Some(buyer.id), &buyer.email, key, &mail, now).await
    }

    /// Notifies the administrators of a failed refund.
    pub(super) async fn announce_failed_refund(
        &self,
        unit: &mut dyn OrderUnit,
        refund: &Refund,
        bought_again: Vec<String>,
        shown: &OrderView,
        admins: &[Administrator],
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = RefundFailed {
            number: shown.number.clone(),
            payment_id: refund.payment_id,
            amount: refund.amount,
            bought_again,
        };
        tracing::error!(refund = ?refund.id, order = ?shown.id, "a refund failed");
        self.push_to_admins(unit, admins, &format!("refund_failed:{}", refund.id), &mail, now).await
    }

    /// Writes a mail to each of these administrators. A mail is dropped if the outbox still has a mail with the same
    /// cause to the same administrator. If the call is repeated after an administrator was added, only the new
    /// administrator gets a mail.
    pub(super) async fn push_to_admins(
        &self,
        unit: &mut dyn OrderUnit,
        admins: &[Administrator],
        cause: &str,
        mail: &(dyn Content + Sync),
        now: Instant,
    ) -> Result<(), StoreError> {
        for Administrator { id, address } in admins {
            self.push_mail(unit, None, address, format!("{cause}:admin:{id}"), mail, now).await?;
        }
        Ok(())
    }

    /// Writes a mail to the outbox. The mail is dropped if the outbox still has a message with the same `dedupe_key`,
    /// whether or not that message was sent. If `about` is a user, the unsent mail is deleted with that user's
    /// account.
    pub(super) async fn push_mail(
        &self,
        unit: &mut dyn OrderUnit,
        about: Option<UserId>,
        to: &EmailAddress,
        dedupe_key: String,
        content: &(dyn Content + Sync),
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = compose(to, &self.recorder.frontend_url, content);
        let sealed = Message::Mail(mail).seal(self.ids.next(), dedupe_key, &*self.recorder.sealer, now);
        unit.push_message(NewOutboxMessage { user_id: about, ..sealed }).await
    }

    /// Returns all active administrators.
    pub(super) async fn administrators(&self) -> Result<Vec<Administrator>, StoreError> {
        let filter = UserFilter { role: Some(Role::Admin), is_active: Some(true), ..UserFilter::default() };
        let mut request = PageRequest::numbered(1, MAX_PAGE_SIZE).map_err(StoreError::failed)?;
        let mut admins = Vec::new();
        loop {
            let page = self.users.user_page(&filter, &[UserSort::NEWEST], &request).await?;
            let of_page =
                page.items.into_iter().map(|user| Administrator { id: user.id, address: user.email });
            admins.extend(of_page);
            let Some(position) = page.next else { return Ok(admins) };
            request = PageRequest::after(position, MAX_PAGE_SIZE).map_err(StoreError::failed)?;
        }
    }
}
