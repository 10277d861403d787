//! Money in JSON.

use domain::money::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Amount, Faults, amount, shop_currency},
    rules::Rules,
};

/// An exact amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Money", example = serde_json::json!({"amount": "9.99", "currency": "USD"}))]
pub(crate) struct MoneyBody {
    /// A decimal number with as many fraction digits as the currency has.
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

/// An amount of money in the shop's currency, as clients send it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Price", example = serde_json::json!({"amount": "9.99", "currency": "USD"}))]
pub(crate) struct PriceInput {
    /// A decimal number with at most as many fraction digits as the currency has.
    amount: Amount,
    /// The ISO 4217 code of the shop's currency.
    #[schemars(length(min = 3, max = 3), extend("x-rule" = "currency"))]
    currency: String,
}

impl PriceInput {
    /// Returns the price, which the request contains in the field `field`. If it is not valid, adds an error for each
    /// invalid part, in the field `{field}.currency` or `{field}.amount`, and returns `None`.
    pub(crate) fn check(&self, field: &str, rules: &Rules, faults: &mut Faults) -> Option<Money> {
        let currency = faults.keep(&format!("{field}.currency"), shop_currency(&self.currency, rules));
        let price = faults.keep(&format!("{field}.amount"), amount(&self.amount.0, rules));
        currency.and(price)
    }
}
