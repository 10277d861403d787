//! Payments: attempts to pay an order, the provider's reports about them, refunds and disputes.
//!
//! A provider may report the same event several times, late, and in any order. The state of a payment, refund or
//! dispute is therefore the most advanced state that was ever reported. Applying the reports in another order, or
//! twice, results in the same state.

mod dispute;
mod dispute_ports;
mod failure;
mod gateway;
mod ledger;
mod money_back;
mod money_checks;
mod payment;
mod ports;
mod record;
mod refund;
mod refund_plan;
mod refund_ports;
mod refund_request;
mod sales;
mod sandbox;

pub use dispute::{DisputeReport, DisputeState, DisputeStatus};
pub use dispute_ports::{DisputeFilter, DisputeQueries, DisputeRepository, DisputeView, DueDispute};
pub use failure::{Advice, PaymentFailure};
pub use gateway::{
    AmountError, CheckoutLine, CheckoutRequest, EventPage, EventSubject, GatewayError, PaymentGateway,
    ProviderCheckout, ProviderDispute, ProviderEvent, ProviderRefund, RefundOrder, WebhookError,
};
pub use ledger::{Account, LedgerRepository, Movement, Posting, missing_postings};
pub use money_back::{Dispute, MoneyBack, PaidItem, Refund, RefundItem, RefundOrigin};
pub use money_checks::{BookedPayment, MoneyChecks, MoneyViolation};
pub use payment::{
    CHECKOUT_LIFETIME, CheckoutReport, PaymentChange, PaymentState, PaymentStatus, Settlement,
};
pub use ports::{ClaimedEvent, PaymentQueries, PaymentRepository, WebhookEvent, WebhookEvents};
pub use record::{NO_PROVIDER, OpenedCheckout, Payment, PaymentFilter, PaymentItem, PaymentView};
pub use refund::{RefundReport, RefundState, RefundStatus};
pub use refund_plan::{Explanation, InvalidExplanation, MAX_EXPLANATION_LENGTH, RefundPlan, RefundRefusal};
pub use refund_ports::{RefundQueries, RefundRepository};
pub use refund_request::{
    RefundRequest, RefundRequestFilter, RefundRequestQueries, RefundRequestRepository, RefundRequestStatus,
    RefundRequestView, RequestedItem,
};
pub use sales::{DaySales, Sales, SalesInterval, SalesPeriod, SalesQueries, SoldThing, TOP_SALES};
pub use sandbox::{SandboxCheckout, SandboxCheckoutState, SandboxCheckouts, SandboxOutcome};
