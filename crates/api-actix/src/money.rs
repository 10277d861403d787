//! Money in JSON.

use domain::money::Money;
use schemars::JsonSchema;
use serde::Serialize;

/// An exact amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Money", example = serde_json::json!({"amount": "9.99", "currency": "USD"}))]
pub(crate) struct MoneyBody {
    /// A decimal with as many digits as the currency has.
    #[schemars(regex(pattern = r"^\d+(\.\d+)?$"))]
    amount: String,
    /// The ISO 4217 code.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    currency: String,
}

impl From<Money> for MoneyBody {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().code().to_owned() }
    }
}
