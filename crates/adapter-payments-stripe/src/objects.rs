//! The objects of Stripe's API, with only the fields that the gateway uses. Times are seconds since 1970, and amounts
//! are in the units of the API.

use std::collections::HashMap;

use serde::Deserialize;

/// The key-value pairs that the creator of an object attached to it. The shop attaches its own identifiers.
pub(crate) type Metadata = HashMap<String, String>;

/// A field that contains a whole object, or only its identifier if the call did not ask to expand the field.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub(crate) fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

impl Expandable<Intent> {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(intent) => &intent.id,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) mode: Option<String>,
    pub(crate) created: i64,
    pub(crate) expires_at: i64,
    pub(crate) status: Option<String>,
    pub(crate) payment_status: String,
    pub(crate) amount_total: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) payment_intent: Option<Expandable<Intent>>,
    pub(crate) url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: Option<String>,
    pub(crate) latest_charge: Option<Expandable<Charge>>,
    pub(crate) last_payment_error: Option<PaymentError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PaymentError {
    pub(crate) code: Option<String>,
    pub(crate) decline_code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Charge {
    pub(crate) created: i64,
    pub(crate) balance_transaction: Option<Expandable<BalanceTransaction>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BalanceTransaction {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) payment_intent: Option<Expandable<Intent>>,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) failure_balance_transaction: Option<Expandable<BalanceTransaction>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) payment_intent: Option<Expandable<Intent>>,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) balance_transactions: Vec<BalanceTransaction>,
    pub(crate) evidence_details: Option<EvidenceDetails>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EvidenceDetails {
    pub(crate) due_by: Option<i64>,
}

/// The body of an error response.
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorObject,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorObject {
    pub(crate) code: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}
