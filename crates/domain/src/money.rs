//! Exact amounts of money, as integers of minor units without floating-point numbers.

use std::{fmt, str::FromStr};

/// A currency of ISO 4217 that the shop can use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// Currencies that do not have two decimal digits (ISO 4217 list one), sorted.
const EXPONENTS: [(&str, u8); 26] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Currencies with two decimal digits (ISO 4217 list one, without codes for funds), sorted.
const TWO_DIGITS: [&str; 132] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB",
    "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK",
    "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ",
    "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD",
    "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
    "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS",
    "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
    "USD", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG",
];

/// The text is not the ISO 4217 code of a currency in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the ISO 4217 code of a currency; write three capital letters, such as USD")]
pub struct UnknownCurrency;

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self { code: *b"USD", exponent: 2 };

    /// How many decimal digits an amount has: 2 for USD, 0 for JPY, 3 for KWD.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }

    /// The ISO 4217 code, such as `USD`.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        // The most common currencies, those with two digits, are checked first, since this function parses the
        // currency of every stored price.
        if TWO_DIGITS.binary_search(&text).is_ok() {
            return Ok(Self { code, exponent: 2 });
        }
        let place = EXPONENTS.binary_search_by_key(&text, |(known, _)| known);
        let (_, exponent) = place.ok().and_then(|place| EXPONENTS.get(place)).ok_or(UnknownCurrency)?;
        Ok(Self { code, exponent: *exponent })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units (cents) of one currency. All arithmetic is checked: there is no `+`.
///
/// Amounts of one currency are ordered by size. Amounts of different currencies are ordered by the currency's code, so
/// that they can be sorted; this order says nothing about their value.
///
/// ```
/// use domain::money::{Currency, Money, MoneyError};
///
/// let price = Money::parse_major("9.99", Currency::USD)?;
/// let basket = price.checked_mul(3)?.checked_add(Money::from_minor(1, Currency::USD))?;
/// assert_eq!(basket.to_string(), "29.98 USD");
/// assert!(basket > price);
///
/// let yen = Money::parse_major("500", "JPY".parse()?)?;
/// assert!(matches!(price.checked_add(yen), Err(MoneyError::CurrencyMismatch(..))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Money {
    // The order of the fields matters: the derived comparison compares the currencies first, then the amounts.
    currency: Currency,
    minor: i64,
}

/// Why an amount cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are in different currencies.
    #[error("amounts of different currencies ({0} and {1})")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit into 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

/// The text is not an exact amount of the currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmountError {
    /// The text does not consist of digits, or of digits before and after a decimal point.
    #[error("not a decimal amount; write it like 9.99")]
    Malformed,
    /// The amount has more decimal digits than the currency, not counting zeros at the end.
    #[error("more decimal digits than the currency has ({0})")]
    TooPrecise(u8),
    /// The amount does not fit into 64 bits.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// An amount of minor units: `from_minor(999, usd)` is 9.99 USD.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { currency, minor }
    }

    /// Zero in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::from_minor(0, currency)
    }

    /// Reads an amount in major units, such as `9.99`, `9.9` or `9`. Negative amounts are refused.
    ///
    /// # Errors
    /// When the text is not an amount, has too many decimal digits, or is too large. Nothing is rounded.
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, ParseAmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(ParseAmountError::Malformed),
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(ParseAmountError::Malformed);
        }
        let places = usize::from(currency.exponent);
        if fraction.len() > places && fraction.bytes().skip(places).any(|byte| byte != b'0') {
            return Err(ParseAmountError::TooPrecise(currency.exponent));
        }
        let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
        let minor = format!("{whole}{fraction}").parse().map_err(|_| ParseAmountError::TooLarge)?;
        Ok(Self { currency, minor })
    }

    /// The amount in minor units, for storage.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit into 64 bits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency: self.currency })
    }

    /// Multiplies the amount by `count`.
    ///
    /// # Errors
    /// When the product does not fit into 64 bits.
    pub fn checked_mul(self, count: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(count.into()).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency: self.currency })
    }

    /// The sum of any number of amounts; zero of `currency` when there are none.
    ///
    /// # Errors
    /// When an amount has another currency or the sum does not fit into 64 bits.
    pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// The exact amount in major units, with as many digits as the currency has: `9.99`.
    #[must_use]
    pub fn amount(self) -> String {
        let places = usize::from(self.currency.exponent);
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = places.saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd() -> Currency {
        "USD".parse().unwrap()
    }

    #[test]
    fn only_codes_of_known_currencies_are_accepted() {
        assert!(TWO_DIGITS.is_sorted() && EXPONENTS.is_sorted());
        for (code, exponent) in EXPONENTS.into_iter().chain(TWO_DIGITS.map(|code| (code, 2))) {
            let currency: Currency = code.parse().unwrap();
            assert_eq!((currency.code(), currency.exponent()), (code, exponent));
        }
        for text in ["", "US", "USDD", "usd", "XXX", "ZZZ", "AAA", "U\0D", "€"] {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency), "{text}");
        }
    }

    #[test]
    fn amounts_have_as_many_digits_as_the_currency() {
        for (minor, code, text) in [
            (999, "USD", "9.99"),
            (5, "USD", "0.05"),
            (500, "JPY", "500"),
            (1, "KWD", "0.001"),
            (0, "USD", "0.00"),
            (-5, "USD", "-0.05"),
        ] {
            assert_eq!(Money::from_minor(minor, code.parse().unwrap()).amount(), text);
        }
    }

    #[test]
    fn amounts_with_too_many_digits_are_refused_and_not_rounded() {
        assert_eq!(Money::parse_major("9.999", usd()), Err(ParseAmountError::TooPrecise(2)));
        assert_eq!(Money::parse_major("9.990", usd()), Ok(Money::from_minor(999, usd())));
        assert_eq!(Money::parse_major("1.5", "JPY".parse().unwrap()), Err(ParseAmountError::TooPrecise(0)));
    }

    #[test]
    fn text_that_is_no_amount_is_refused() {
        for bad in ["", ".", "9.", ".9", "-1", "+1", "1e3", "1,00", " 1", "NaN", "1.2.3", "１"] {
            assert_eq!(Money::parse_major(bad, usd()), Err(ParseAmountError::Malformed), "{bad}");
        }
        assert_eq!(Money::parse_major("99999999999999999999", usd()), Err(ParseAmountError::TooLarge));
    }

    #[test]
    fn a_product_that_does_not_fit_is_refused() {
        assert_eq!(Money::from_minor(i64::MAX, usd()).checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(Money::from_minor(i64::MAX, usd()).checked_mul(0), Ok(Money::zero(usd())));
    }

    #[test]
    fn currencies_do_not_mix() {
        let yen = Money::zero("JPY".parse().unwrap());
        assert!(matches!(Money::zero(usd()).checked_add(yen), Err(MoneyError::CurrencyMismatch(..))));
        assert!("usd".parse::<Currency>().is_err());
        assert!("ZZZ".parse::<Currency>().is_err());
    }

    proptest! {
        #[test]
        fn an_amount_survives_formatting_and_parsing(minor in 0_i64.., code in prop::sample::select(vec!["USD", "JPY", "KWD", "CLF"])) {
            let money = Money::from_minor(minor, code.parse().unwrap());
            prop_assert_eq!(Money::parse_major(&money.amount(), money.currency()), Ok(money));
        }

        #[test]
        fn multiplying_equals_repeated_addition_or_is_refused(minor in any::<i64>(), count in 0_u32..20) {
            let one = Money::from_minor(minor, usd());
            let sum = Money::total(usd(), (0..count).map(|_| one));
            prop_assert_eq!(one.checked_mul(count), sum);
        }

        #[test]
        fn amounts_of_one_currency_are_ordered_by_size(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(Money::from_minor(a, usd()).cmp(&Money::from_minor(b, usd())), a.cmp(&b));
        }

        #[test]
        fn sums_are_exact_or_refused(a in any::<i64>(), b in any::<i64>()) {
            let sum = Money::from_minor(a, usd()).checked_add(Money::from_minor(b, usd()));
            prop_assert_eq!(sum.ok().map(Money::minor), a.checked_add(b));
        }
    }
}
