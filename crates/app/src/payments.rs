//! Payments: starting them, applying the provider's reports, checking open payments, and making refunds.

mod apply;
mod check;
mod close;
mod disputes;
mod event_list;
mod events;
mod list;
mod money_back;
mod refund;
mod requests;
mod returns;
mod sales;
mod settle;
mod start;
mod unknown_checkouts;
mod verify;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    accounts::UserQueries,
    id::IdGenerator,
    idempotency::{IdempotencyKeys, KEPT_FOR},
    money::Currency,
    orders::{OrderQueries, OrderStore},
    payments::{
        DisputeQueries, MoneyChecks, PaymentGateway, PaymentQueries, RefundQueries, RefundRequestQueries,
        SalesQueries, WebhookEvents,
    },
    store::{StoreError, retried},
    time::{Backoff, Clock, Instant},
};

pub use close::CloseError;
pub use disputes::ListDisputes;
pub use events::ReceiveEventError;
pub use list::ListPayments;
pub use refund::{NewRefund, RefundError};
pub use requests::{DecideRefundError, Decision, ListRefundRequests, NewRefundRequest, RequestRefundError};
pub use sales::{IntervalSales, SalesReport};
pub use start::{PayError, StartedPayment};
pub use verify::{CHECKOUTS_SETTLE_IN, MoneyVerdict};

use crate::{paging::CursorCodec, record::Recorder};

/// The time after which a payment without a known checkout counts as failed, if the provider has no checkout for it
/// either. After this time, the stored request to open the checkout is not sent again. Stripe would refuse the
/// request from 30 minutes after the creation of the payment: checkouts expire after 60 minutes
/// (`CHECKOUT_LIFETIME`), and Stripe requires a remaining lifetime of at least 30 minutes.
const OPENING_LIMIT: TimeDelta = TimeDelta::minutes(25);

/// The use cases of payments.
pub struct Payments {
    /// Stores orders and their payments.
    pub store: Arc<dyn OrderStore>,
    /// Reads orders.
    pub orders: Arc<dyn OrderQueries>,
    /// Reads payments.
    pub queries: Arc<dyn PaymentQueries>,
    /// Reads refunds.
    pub refunds: Arc<dyn RefundQueries>,
    /// Reads requests for refunds.
    pub refund_requests: Arc<dyn RefundRequestQueries>,
    /// Reads disputes.
    pub disputes: Arc<dyn DisputeQueries>,
    /// Reads sales.
    pub sales: Arc<dyn SalesQueries>,
    /// Searches the database for inconsistent amounts and entitlements.
    pub checks: Arc<dyn MoneyChecks>,
    /// Stores requests with idempotency keys and the responses to them.
    pub keys: Arc<dyn IdempotencyKeys>,
    /// Stores the events of the provider.
    pub events: Arc<dyn WebhookEvents>,
    /// Finds the administrators to notify.
    pub users: Arc<dyn UserQueries>,
    /// Calls the payment provider.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Writes mails and audit entries. After a checkout, buyers return to the recorder's `frontend_url`.
    pub recorder: Recorder,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The shop's currency.
    pub currency: Currency,
}

/// How many requests with idempotency keys one transaction removes at most.
const PURGE_BATCH: u32 = 1_000;

impl Payments {
    /// Removes the stored requests that had idempotency keys and are older than [`KEPT_FOR`]; returns their number.
    ///
    /// # Errors
    /// When the store fails. Requests that were removed before the failure stay removed.
    pub async fn purge_requests(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now.checked_sub_signed(KEPT_FOR).unwrap_or(now);
        let mut removed = 0_u64;
        loop {
            let purge = |_attempt| self.keys.purge_requests(before, PURGE_BATCH);
            let batch = retried(&*self.backoff, purge).await?;
            removed = removed.saturating_add(batch);
            if batch < u64::from(PURGE_BATCH) {
                return Ok(removed);
            }
        }
    }
}

/// Returns when a payment, refund or dispute is next checked at the provider: after one minute, then with increasing
/// delays up to an hour. `checks` is the number of checks so far.
fn next_check(now: Instant, checks: u32) -> Instant {
    let minutes = match checks {
        0 | 1 => 1,
        2 => 2,
        3 => 5,
        4 => 10,
        5 => 30,
        _ => 60,
    };
    now.checked_add_signed(TimeDelta::minutes(minutes)).unwrap_or(now)
}
