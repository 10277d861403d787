//! Converts amounts between ISO 4217 minor units and the units of Stripe's API (<https://docs.stripe.com/currencies>).

use domain::{
    money::{Currency, Money},
    payments::AmountError,
};

/// The largest amount, in the units of the API: Stripe accepts at most twelve digits in any currency.
const MAX_UNITS: i64 = 999_999_999_999;

/// Stripe's minimum charge for each currency, in ISO 4217 minor units. For other currencies, Stripe publishes no
/// minimum, so it is taken to be one minor unit.
const MINIMUMS: [(&str, i64); 24] = [
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("INR", 50),
    ("JPY", 50),
    ("MXN", 1_000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1_000),
    ("USD", 50),
];

/// How ISO 4217 minor units of a currency are converted to the units of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    /// Both units are the same.
    Same,
    /// Both units are the same, but Stripe requires the last of the three decimal digits to be 0.
    LastDigitZero,
    /// One minor unit is 100 units of the API: ISO 4217 has no decimal digits for the currency, but the API has two.
    Hundredfold,
    /// 100 minor units are one unit of the API: ISO 4217 has two decimal digits for the currency, but the API has none.
    Hundredth,
    /// The API does not support the currency.
    Unsupported,
}

impl Units {
    fn of(currency: Currency) -> Self {
        match currency.code() {
            "ISK" | "UGX" => Self::Hundredfold,
            "MGA" => Self::Hundredth,
            "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Self::LastDigitZero,
            _ if currency.exponent() == 0 || currency.exponent() == 2 => Self::Same,
            _ => Self::Unsupported,
        }
    }
}

/// Checks that Stripe can charge exactly this amount.
pub(crate) fn check(amount: Money) -> Result<(), AmountError> {
    let currency = amount.currency();
    let least = MINIMUMS.iter().find(|(code, _)| *code == currency.code()).map_or(1, |(_, least)| *least);
    if amount.minor() < least {
        return Err(AmountError::TooSmall { minimum: Money::from_minor(least, currency) });
    }
    to_units(amount).map(drop).ok_or(AmountError::Unsupported)
}

/// Converts an amount to the units of the API; `None` when Stripe cannot charge or refund exactly this amount.
pub(crate) fn to_units(amount: Money) -> Option<i64> {
    let minor = amount.minor();
    let units = match Units::of(amount.currency()) {
        Units::Same => Some(minor),
        Units::LastDigitZero => (minor.rem_euclid(10) == 0).then_some(minor),
        Units::Hundredfold => minor.checked_mul(100),
        Units::Hundredth => (minor.rem_euclid(100) == 0).then(|| minor.div_euclid(100)),
        Units::Unsupported => None,
    };
    units.filter(|units| (0..=MAX_UNITS).contains(units))
}

/// Converts units of the API to an amount; `None` when the currency is unknown, or the amount is not a whole number of
/// minor units, or too large.
pub(crate) fn from_units(units: i64, currency: &str) -> Option<Money> {
    let currency: Currency = currency.to_ascii_uppercase().parse().ok()?;
    let minor = match Units::of(currency) {
        Units::Hundredfold => (units.rem_euclid(100) == 0).then(|| units.div_euclid(100))?,
        Units::Hundredth => units.checked_mul(100)?,
        Units::Same | Units::LastDigitZero | Units::Unsupported => units,
    };
    Some(Money::from_minor(minor, currency))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::from_minor(minor, currency.parse().unwrap())
    }

    #[test]
    fn each_amount_is_converted_to_the_units_that_the_api_requires() {
        for (minor, currency, units) in [
            (999, "USD", Some(999)),
            (500, "JPY", Some(500)),
            (500, "ISK", Some(50_000)),
            (500, "UGX", Some(50_000)),
            (50_000, "MGA", Some(500)),
            (50_001, "MGA", None),
            (1_000, "KWD", Some(1_000)),
            (1_005, "KWD", None),
            (1_000, "IQD", None),
            (1_000_000_000_000, "USD", None),
            (-1, "USD", None),
        ] {
            assert_eq!(to_units(money(minor, currency)), units, "{minor} {currency}");
        }
    }

    #[test]
    fn an_amount_below_the_minimum_is_too_small() {
        for (minor, currency, minimum) in
            [(49, "USD", 50), (29, "GBP", 30), (17_499, "HUF", 17_500), (0, "KWD", 1)]
        {
            let minimum = money(minimum, currency);
            assert_eq!(check(money(minor, currency)), Err(AmountError::TooSmall { minimum }));
        }
        for (minor, currency) in [(50, "USD"), (50, "JPY"), (10, "KWD"), (1, "XOF")] {
            assert_eq!(check(money(minor, currency)), Ok(()));
        }
        assert_eq!(check(money(1_005, "KWD")), Err(AmountError::Unsupported));
    }

    #[test]
    fn units_without_a_matching_amount_are_not_converted() {
        assert_eq!(from_units(100, "xxx"), None);
        assert_eq!(from_units(150, "isk"), None);
    }

    proptest! {
        #[test]
        fn converting_to_units_and_back_gives_the_same_amount(
            minor in 0..1_000_000_000_i64,
            currency in proptest::sample::select(vec!["USD", "JPY", "ISK", "UGX", "MGA", "KWD", "TND", "HUF"])
        ) {
            let amount = money(minor, currency);
            if let Some(units) = to_units(amount) {
                prop_assert_eq!(from_units(units, &currency.to_lowercase()), Some(amount));
            }
        }
    }
}
