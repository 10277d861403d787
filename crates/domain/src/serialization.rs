//! Serialization of values (feature `serde`).
//!
//! Values with a text form are serialized as that text and deserialized by parsing it, so that all checks of parsing
//! apply.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    accounts::{EmailAddress, Gender, Role},
    cart::CartRefusal,
    catalog::{CheckedFacts, FactField, InvalidFact, InvalidFacts},
    id::{Id, Kind},
    money::{Currency, Money},
    purchases::PurchaseRefusal,
    throttle::Quota,
};

fn parsed<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// Implements serialization as the text of an expression.
macro_rules! as_text {
    ($($kind:ty => |$value:ident| $text:expr;)*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                serializer.collect_str(&$text)
            }
        }
    )*};
}

/// Implements deserialization by parsing a text.
macro_rules! from_text {
    ($($kind:ty,)*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer)
            }
        }
    )*};
}

as_text! {
    EmailAddress => |address| address.as_str();
    Role => |role| role.as_str();
    Gender => |gender| gender.as_str();
    Currency => |currency| currency.code();
    Quota => |quota| quota;
    CartRefusal => |refusal| refusal.as_str();
    PurchaseRefusal => |refusal| refusal.as_str();
    FactField => |field| field.as_str();
}

from_text! { EmailAddress, Role, Gender, Currency, Quota, }

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// The serialized form of [`Money`]. The amount is a text in major units, since JSON numbers can lose digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoneyFields {
    amount: String,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MoneyFields { amount: self.amount(), currency: self.currency() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let MoneyFields { amount, currency } = MoneyFields::deserialize(deserializer)?;
        let (is_negative, digits) = match amount.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, amount.as_str()),
        };
        let money = Self::parse_major(digits, currency).map_err(D::Error::custom)?;
        if !is_negative {
            return Ok(money);
        }
        let minor = money.minor().checked_neg().ok_or_else(|| D::Error::custom("the amount is too large"))?;
        Ok(Self::from_minor(minor, currency))
    }
}

impl Serialize for CheckedFacts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct InvalidFactFields {
    field: FactField,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    message: String,
}

impl Serialize for InvalidFact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, index, fault } = *self;
        InvalidFactFields { field, index, message: fault.to_string() }.serialize(serializer)
    }
}

impl Serialize for InvalidFacts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.faults().serialize(serializer)
    }
}
