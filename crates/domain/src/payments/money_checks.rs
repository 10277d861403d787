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

/// A violated rule about money or entitlements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyViolation {
    /// A description of the violation, such as "a payment paid no order, and its money was not returned".
    pub rule: &'static str,
    /// The identifier of the affected order, order item, payment, refund or purchase; the identifier of the shop for
    /// a checkout that names no payment.
    pub subject: Uuid,
    /// Details, if the rule alone does not explain the violation.
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

/// A payment at the configured provider according to the database, for a comparison with the provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedPayment {
    /// The payment.
    pub id: PaymentId,
    /// The order of the payment.
    pub order_id: OrderId,
    /// The checkout of the payment at the provider, if it was opened.
    pub checkout_id: Option<String>,
    /// The provider's identifier of the received money, if any.
    pub charge: Option<String>,
    /// The state of the payment.
    pub status: PaymentStatus,
    /// The received money.
    pub received: Option<Money>,
    /// The refunded amount, in minor units.
    pub refunded_minor: i64,
    /// The amount that disputes have withdrawn, in minor units.
    pub withdrawn_minor: i64,
}

/// Searches the whole database for violations of rules about money and entitlements.
#[async_trait]
pub trait MoneyChecks: Send + Sync {
    /// The violations at `now`, at most 100 for each rule.
    async fn money_violations(&self, now: Instant) -> Result<Vec<MoneyViolation>, StoreError>;
    /// Up to `limit` payments at this provider that were created at `since` or later, in the order of their
    /// identifiers, after the payment with the identifier `after`.
    async fn booked_payments(
        &self,
        provider: &str,
        since: Instant,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<BookedPayment>, StoreError>;
}
