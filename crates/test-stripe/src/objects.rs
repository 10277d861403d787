//! The objects of Stripe's API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The paths of the fields that the answer contains as complete objects instead of identifiers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Expand(Vec<String>);

impl Expand {
    pub(crate) const NONE: Self = Self(Vec::new());

    pub(crate) const fn new(paths: Vec<String>) -> Self {
        Self(paths)
    }

    /// Returns the paths to expand inside the object of this field; `None` when the field itself is not expanded.
    pub(crate) fn below(&self, field: &str) -> Option<Self> {
        let mut below = Vec::new();
        let mut is_expanded = false;
        for path in &self.0 {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            if first == field {
                is_expanded = true;
                below.extend((!rest.is_empty()).then(|| rest.to_owned()));
            }
        }
        is_expanded.then_some(Self(below))
    }
}

pub(crate) type Metadata = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionStatus {
    Open,
    Complete,
    Expired,
}

impl SessionStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }
}

/// A Checkout Session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Always `payment` for the sessions of the shop. Sessions of other applications can also have the mode `setup`,
    /// which does not take a payment.
    pub(crate) mode: &'static str,
    pub(crate) created: i64,
    pub(crate) expires_at: i64,
    pub(crate) status: SessionStatus,
    pub(crate) is_paid: bool,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) metadata: Metadata,
    pub(crate) intent_metadata: Metadata,
    pub(crate) reference: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) return_url: String,
    pub(crate) url: String,
    pub(crate) intent: Option<String>,
}

/// A `PaymentIntent`.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    pub(crate) metadata: Metadata,
    pub(crate) charge: Option<String>,
    /// The failure code of the last attempt to pay.
    pub(crate) last_error: Option<String>,
}

/// A `Charge`: one attempt to pay.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    /// When the charge succeeded.
    pub(crate) paid_at: Option<i64>,
    /// The refunded amount, including pending refunds.
    pub(crate) refunded: i64,
    pub(crate) is_disputed: bool,
}

/// A `Refund`.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) intent: String,
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    pub(crate) failed_at: Option<i64>,
    pub(crate) metadata: Metadata,
}

/// A `Dispute`.
#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) intent: String,
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    pub(crate) due_by: i64,
    /// The amounts that were withdrawn (negative) and returned (positive), each with its time.
    pub(crate) movements: Vec<(i64, i64)>,
}

/// An `Event`; `body` is the JSON that the API returns and webhooks contain.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Charge {
    pub(crate) fn json(&self, expand: &Expand) -> Value {
        let balance = self.paid_at.map(|at| {
            balance_transaction(&format!("txn_{}", self.id), self.amount, &self.currency, at, expand)
        });
        json!({
            "id": self.id, "object": "charge", "created": self.created, "payment_intent": self.intent,
            "amount": self.amount, "amount_refunded": self.refunded, "currency": self.currency,
            "status": self.status, "paid": self.status == "succeeded", "disputed": self.is_disputed,
            "refunded": self.refunded == self.amount, "balance_transaction": balance, "livemode": false,
        })
    }
}

impl Refund {
    pub(crate) fn json(&self, expand: &Expand) -> Value {
        let failure = self.failed_at.map(|at| {
            let id = format!("txn_failure_{}", self.id);
            match expand.below("failure_balance_transaction") {
                Some(_) => {
                    json!({"id": id, "object": "balance_transaction", "created": at, "amount": self.amount,
                    "currency": self.currency})
                }
                None => json!(id),
            }
        });
        json!({
            "id": self.id, "object": "refund", "created": self.created, "payment_intent": self.intent,
            "charge": self.charge, "amount": self.amount, "currency": self.currency, "status": self.status,
            "metadata": self.metadata, "failure_balance_transaction": failure,
            "failure_reason": self.failed_at.map(|_| "expired_or_canceled_card"),
        })
    }
}

impl Dispute {
    pub(crate) fn json(&self) -> Value {
        let movements: Vec<Value> = self
            .movements
            .iter()
            .map(|(amount, at)| {
                json!({"id": format!("txn_{}_{at}", self.id), "object": "balance_transaction", "amount": amount,
                    "currency": self.currency, "created": at, "fee": 1500, "net": amount.saturating_sub(1500)})
            })
            .collect();
        json!({
            "id": self.id, "object": "dispute", "created": self.created, "payment_intent": self.intent,
            "charge": self.charge, "amount": self.amount, "currency": self.currency, "status": self.status,
            "reason": "fraudulent", "balance_transactions": movements, "livemode": false,
            "evidence_details": {"due_by": self.due_by, "has_evidence": false, "past_due": false},
        })
    }
}

fn balance_transaction(id: &str, amount: i64, currency: &str, at: i64, expand: &Expand) -> Value {
    match expand.below("balance_transaction") {
        Some(_) => json!({"id": id, "object": "balance_transaction", "amount": amount, "currency": currency,
            "created": at}),
        None => json!(id),
    }
}
