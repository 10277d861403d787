//! The JSON format in which the request to open a checkout at a payment provider is stored.

use domain::{
    id::{Id, Kind},
    money::Money,
    payments::{CheckoutLine, CheckoutRequest},
    store::StoreError,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct StoredLine {
    name: String,
    minor: i64,
}

/// The JSON object of a stored request. Fields must not be renamed, and a new field needs a default value, because rows
/// that earlier versions of the program wrote must stay readable.
#[derive(Serialize, Deserialize)]
struct StoredRequest {
    payment_id: String,
    order_id: String,
    shop_id: String,
    order_number: String,
    currency: String,
    minor: i64,
    lines: Vec<StoredLine>,
    email: Option<String>,
    return_url: String,
    /// The time when the checkout expires, in microseconds since 1970.
    expires_at: i64,
    idempotency_key: String,
}

/// Converts a request to the text that is stored.
pub(super) fn write(request: &CheckoutRequest) -> Result<String, StoreError> {
    let line = |line: &CheckoutLine| StoredLine { name: line.name.clone(), minor: line.price.minor() };
    let stored = StoredRequest {
        payment_id: request.payment_id.to_string(),
        order_id: request.order_id.to_string(),
        shop_id: request.shop_id.to_string(),
        order_number: request.order_number.clone(),
        currency: request.amount.currency().code().to_owned(),
        minor: request.amount.minor(),
        lines: request.lines.iter().map(line).collect(),
        email: request.email.clone(),
        return_url: request.return_url.clone(),
        expires_at: request.expires_at.timestamp_micros(),
        idempotency_key: request.idempotency_key.clone(),
    };
    serde_json::to_string(&stored).map_err(StoreError::failed)
}

/// Parses the output of [`write`].
pub(super) fn read(text: &str) -> Result<CheckoutRequest, StoreError> {
    let stored: StoredRequest = serde_json::from_str(text).map_err(StoreError::failed)?;
    let currency = stored.currency.parse().map_err(StoreError::failed)?;
    let expires_at = Instant::from_timestamp_micros(stored.expires_at);
    let line =
        |line: StoredLine| CheckoutLine { name: line.name, price: Money::from_minor(line.minor, currency) };
    Ok(CheckoutRequest {
        payment_id: id(&stored.payment_id)?,
        order_id: id(&stored.order_id)?,
        shop_id: id(&stored.shop_id)?,
        order_number: stored.order_number,
        amount: Money::from_minor(stored.minor, currency),
        lines: stored.lines.into_iter().map(line).collect(),
        email: stored.email,
        return_url: stored.return_url,
        expires_at: expires_at.ok_or_else(|| StoreError::failed("a checkout has no valid expiry"))?,
        idempotency_key: stored.idempotency_key,
    })
}

fn id<K: Kind>(text: &str) -> Result<Id<K>, StoreError> {
    Uuid::parse_str(text).map(Id::from_uuid).map_err(StoreError::failed)
}
