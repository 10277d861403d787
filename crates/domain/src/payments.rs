//! Payments: attempts to pay an order, what the provider says of them, and money that goes back.
//!
//! A provider reports the same thing several times, late, and in any order. So every state here is the highest of what
//! was ever reported: applying reports in another order, or twice, ends in the same state.

mod dispute;
mod failure;
mod gateway;
mod payment;
mod ports;
mod record;
mod refund;
mod sandbox;

pub use dispute::{DisputeReport, DisputeState, DisputeStatus};
pub use failure::{Advice, PaymentFailure};
pub use gateway::{
    AmountError, CheckoutLine, CheckoutRequest, EventPage, EventSubject, GatewayError, PaymentGateway,
    ProviderCheckout, ProviderDispute, ProviderEvent, ProviderRefund, RefundOrder, WebhookError,
};
pub use payment::{
    CHECKOUT_LIFETIME, CheckoutReport, PaymentChange, PaymentState, PaymentStatus, Settlement,
};
pub use ports::{ClaimedEvent, PaymentQueries, PaymentRepository, WebhookEvent, WebhookEvents};
pub use record::{NO_PROVIDER, OpenedCheckout, Payment, PaymentFilter, PaymentItem, PaymentView};
pub use refund::{RefundReport, RefundState, RefundStatus};
pub use sandbox::{SandboxCheckout, SandboxCheckouts, SandboxOutcome};
