//! The payment data in requests and responses, as JSON.

use domain::{
    money::Money,
    payments::{PaymentFailure, PaymentStatus, PaymentView},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::{Amount, Faults, Input, amount, shop_currency},
    moment::Moment,
    money::MoneyBody,
    orders::bodies::{BuyerBody, OrderItemBody},
    rules::Rules,
};

/// The status of a payment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PaymentStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatusBody {
    /// The checkout is open, or is being opened.
    Pending,
    /// The checkout is complete, but the money has not arrived yet.
    Processing,
    /// The money arrived.
    Successful,
    /// The checkout could not be opened, it ended unpaid after a decline, the money did not arrive, or the amount was
    /// wrong.
    Failed,
    /// The checkout ended unpaid, without a decline.
    Canceled,
    /// The payment was fully refunded.
    Refunded,
    /// The payment was partially refunded.
    PartiallyRefunded,
}

impl From<PaymentStatus> for PaymentStatusBody {
    fn from(status: PaymentStatus) -> Self {
        match status {
            PaymentStatus::Pending => Self::Pending,
            PaymentStatus::Processing => Self::Processing,
            PaymentStatus::Successful => Self::Successful,
            PaymentStatus::Failed => Self::Failed,
            PaymentStatus::Canceled => Self::Canceled,
            PaymentStatus::Refunded => Self::Refunded,
            PaymentStatus::PartiallyRefunded => Self::PartiallyRefunded,
        }
    }
}

impl From<PaymentStatusBody> for PaymentStatus {
    fn from(status: PaymentStatusBody) -> Self {
        match status {
            PaymentStatusBody::Pending => Self::Pending,
            PaymentStatusBody::Processing => Self::Processing,
            PaymentStatusBody::Successful => Self::Successful,
            PaymentStatusBody::Failed => Self::Failed,
            PaymentStatusBody::Canceled => Self::Canceled,
            PaymentStatusBody::Refunded => Self::Refunded,
            PaymentStatusBody::PartiallyRefunded => Self::PartiallyRefunded,
        }
    }
}

/// Why a payment failed, or why the buyer's last attempt in the checkout was declined.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PaymentFailure")]
pub(crate) struct FailureBody {
    /// The decline code or error code of the provider, or a code of this service: `amount_mismatch` or
    /// `checkout_not_opened`.
    code: String,
    /// What happened, for the buyer.
    message: String,
    /// What the buyer can do.
    advice: String,
}

impl From<PaymentFailure> for FailureBody {
    fn from(failure: PaymentFailure) -> Self {
        Self {
            message: failure.message().to_owned(),
            advice: failure.advice().sentence().to_owned(),
            code: failure.code,
        }
    }
}

/// An attempt to pay an order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Payment", example = payment_example())]
pub(crate) struct PaymentBody {
    id: Uuid,
    order_id: Uuid,
    /// The payment provider, or `none` when the total was 0.
    provider: String,
    status: PaymentStatusBody,
    amount: MoneyBody,
    /// The sum of the refunds that succeeded.
    refunded_amount: MoneyBody,
    /// The sum of the disputed amounts of all disputes that are open or lost.
    disputed_amount: MoneyBody,
    items: Vec<OrderItemBody>,
    /// The page where the buyer pays; `null` while the checkout is being opened, and when the payment can no longer be
    /// paid.
    #[schemars(extend("format" = "uri"))]
    checkout_url: Option<String>,
    failure: Option<FailureBody>,
    created_at: Moment,
    completed_at: Option<Moment>,
}

impl From<PaymentView> for PaymentBody {
    fn from(payment: PaymentView) -> Self {
        Self {
            id: payment.id.as_uuid(),
            order_id: payment.order_id.as_uuid(),
            provider: payment.provider,
            status: payment.status.into(),
            amount: payment.amount.into(),
            refunded_amount: payment.refunded.into(),
            disputed_amount: payment.disputed.into(),
            items: payment.items.into_iter().map(OrderItemBody::from).collect(),
            checkout_url: payment.checkout_url,
            failure: payment.failure.map(FailureBody::from),
            created_at: Moment(payment.created_at),
            completed_at: payment.completed_at.map(Moment),
        }
    }
}

/// A payment with its buyer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdminPayment", example = admin_payment_example())]
pub(crate) struct AdminPaymentBody {
    #[serde(flatten)]
    payment: PaymentBody,
    /// The buyer; `null` if the account was deleted.
    user: Option<BuyerBody>,
}

impl From<PaymentView> for AdminPaymentBody {
    fn from(payment: PaymentView) -> Self {
        let user = payment.buyer.clone().map(BuyerBody::from);
        Self { payment: payment.into(), user }
    }
}

/// An amount of money that a client sends.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "MoneyInput", example = json!({"amount": "9.99", "currency": "USD"}))]
pub(crate) struct MoneyInput {
    /// A decimal number with at most as many fraction digits as the currency has.
    amount: Amount,
    /// The ISO 4217 code of the shop's currency.
    #[schemars(length(max = 3), extend("x-rule" = "currency"))]
    currency: String,
}

/// The options for starting a payment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(
    rename = "PaymentStart",
    example = json!({"accept_total": {"amount": "9.99", "currency": "USD"}})
)]
pub(crate) struct PaymentStartBody {
    /// The total that the buyer accepts after a price changed: the `new_total` of the problem `price_changed`.
    #[schemars(extend("x-clears" = true))]
    accept_total: Option<MoneyInput>,
}

impl Input for PaymentStartBody {
    type Checked = Option<Money>;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<Option<Money>> {
        let Some(total) = self.accept_total else { return Some(None) };
        let currency = faults.keep("accept_total.currency", shop_currency(&total.currency, rules));
        let money = faults.keep("accept_total.amount", amount(&total.amount.0, rules));
        currency.and(money).map(Some)
    }
}

/// The response to a webhook that was stored.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookReceipt", example = json!({"received": true}))]
pub(crate) struct ReceiptBody {
    /// Always true.
    pub(crate) received: bool,
}

fn payment_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000030",
        "order_id": "0190a1b2-0000-7000-8000-000000000020",
        "provider": "sandbox",
        "status": "pending",
        "amount": {"amount": "9.99", "currency": "USD"},
        "refunded_amount": {"amount": "0.00", "currency": "USD"},
        "disputed_amount": {"amount": "0.00", "currency": "USD"},
        "items": [{
            "movie": {"id": "0190a1b2-0000-7000-8000-000000000000", "name": "Alien", "year": 1979},
            "price": {"amount": "9.99", "currency": "USD"},
        }],
        "checkout_url":
            "http://127.0.0.1:8000/sandbox/checkouts/sandbox_checkout_0190a1b2-0000-7000-8000-000000000030",
        "failure": null,
        "created_at": "2026-11-22T10:00:00Z",
        "completed_at": null,
    })
}

fn admin_payment_example() -> Value {
    let mut payment = payment_example();
    if let Some(fields) = payment.as_object_mut() {
        let user = json!({"id": "0190a1b2-0000-7000-8000-000000000001", "email": "ann@example.com"});
        fields.insert("user".into(), user);
    }
    payment
}
