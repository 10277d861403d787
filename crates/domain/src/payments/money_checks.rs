use std::fmt::{self, Display};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    id::{OrderId, PaymentId},
    money::Money,
    payments::PaymentStatus,
    store::StoreError,
    time::Instant,
};

/// Something about money or entitlements that must not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyViolation {
    /// What is wrong, such as "a payment paid no order, and its money was not returned".
    pub rule: &'static str,
    /// The identifier of the order, payment, refund or purchase.
    pub subject: Uuid,
    /// What was found, when it is not plain from the rule.
    pub details: Option<String>,
}

impl Display for MoneyViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.subject)?;
        match &self.details {
            Some(details) => write!(f, " ({details})"),
            None => Ok(()),
        }
    }
}

/// What the database says of a payment at the configured provider, to be compared with the provider's own list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedPayment {
    /// The payment.
    pub id: PaymentId,
    /// Its order.
    pub order_id: OrderId,
    /// Its checkout at the provider, once it was opened.
    pub checkout_id: Option<String>,
    /// Its money at the provider, once there is some.
    pub charge: Option<String>,
    /// How far it got.
    pub status: PaymentStatus,
    /// The money that arrived.
    pub received: Option<Money>,
    /// How much of it went back, in minor units.
    pub refunded_minor: i64,
    /// What disputes took of it, in minor units.
    pub withdrawn_minor: i64,
}

/// Looks for what must not be so, over the whole database.
#[async_trait]
pub trait MoneyChecks: Send + Sync {
    /// What is wrong at `now`, at most 100 cases of each rule.
    async fn money_violations(&self, now: Instant) -> Result<Vec<MoneyViolation>, StoreError>;
    /// Payments at this provider that were begun at `since` or later, behind the one named `after`, in the order of their
    /// identifiers: `limit` at most.
    async fn booked_payments(
        &self,
        provider: &str,
        since: Instant,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<BookedPayment>, StoreError>;
}
