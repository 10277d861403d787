//! The types of request values other than plain strings, numbers and lists.
//!
//! Each type defines its schema and how it is read. If the domain has a rule for a text (a function that checks it),
//! the schema names the rule. The rule then replaces the other checks of the schema, even the check of the length,
//! because the rule may trim the text before it checks the length.

use std::str::FromStr;

use domain::{
    accounts::{
        Change, EmailAddress, InvalidEmailAddress, InvalidProfileText, MAX_EMAIL_LENGTH, MAX_INFO_LENGTH,
        MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH, PasswordPolicy, PasswordProblem, PersonName, PlainPassword,
        ProfileInfo,
    },
    audit::{AuditAction, UnknownAction},
    engagement::{CommentText, InvalidCommentText, MAX_COMMENT_LENGTH},
    entropy::PlainToken,
    id::{Id, InvalidId, Kind, UserKind},
    money::{Money, ParseAmountError},
    page::{Sort, SortKey},
    payments::{Explanation, InvalidExplanation, MAX_EXPLANATION_LENGTH},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};

use super::faults::Fault;
use crate::{
    moment::{Boundary, Day, Moment},
    openapi::schemas::markers,
    problem::{FieldCode, shared::password_code},
    rules::Rules,
};

/// A function that checks a text.
pub(crate) type TextRule = fn(&str, &Rules) -> Result<(), Fault>;

/// Returns the check that belongs to a name in a schema: the value of [`markers::RULE`] (for example, `currency`) or
/// of `format` (for example, `date-time`). `None` when no check has this name.
pub(crate) fn rule(name: &str) -> Option<TextRule> {
    Some(match name {
        "amount" => |text, rules| amount(text, rules).map(drop),
        "boundary" => |text, _| parsed::<Boundary>(text),
        "currency" => shop_currency,
        "comment-text" => |text, _| parsed::<CommentText>(text),
        "date" => |text, _| parsed::<Day>(text),
        "date-time" => |text, _| parsed::<Moment>(text),
        "email" => |text, _| parsed::<EmailAddress>(text),
        "explanation" => |text, _| parsed::<Explanation>(text),
        "new-password" => |text, rules| Ok(rules.passwords.check(&PlainPassword::new(text), None)?),
        "person-name" => |text, _| parsed::<PersonName>(text),
        "profile-info" => |text, _| parsed::<ProfileInfo>(text),
        // All kinds of identifiers have the same format.
        "uuid" => |text, _| parsed::<Id<UserKind>>(text),
        _ => return None,
    })
}

fn parsed<T: FromStr<Err: Into<Fault>>>(text: &str) -> Result<(), Fault> {
    text.parse::<T>().map(drop).map_err(Into::into)
}

/// The maximum length of an amount in bytes. It is longer than any valid amount.
const LONGEST_AMOUNT: usize = 40;

/// The length of the code of a currency, in characters.
const CURRENCY_LENGTH: usize = 3;

/// Parses an amount of the shop's currency in major units.
pub(crate) fn amount(text: &str, rules: &Rules) -> Result<Money, Fault> {
    if text.len() > LONGEST_AMOUNT && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(Fault::new(FieldCode::TooLarge, ParseAmountError::TooLarge.to_string()));
    }
    Money::parse_major(text, rules.currency).map_err(|error| {
        if text.strip_prefix('-').is_some_and(|amount| is_amount(amount, rules)) {
            return Fault::new(FieldCode::TooSmall, "must be at least 0, written without a sign");
        }
        let code = match error {
            ParseAmountError::Malformed | ParseAmountError::TooPrecise(_) => FieldCode::InvalidFormat,
            ParseAmountError::TooLarge => FieldCode::TooLarge,
        };
        Fault::new(code, error.to_string())
    })
}

/// Returns whether the text has the form of an amount.
fn is_amount(text: &str, rules: &Rules) -> bool {
    !matches!(Money::parse_major(text, rules.currency), Err(ParseAmountError::Malformed))
}

/// Checks that the text is the code of the shop's currency.
pub(crate) fn shop_currency(text: &str, rules: &Rules) -> Result<(), Fault> {
    let code = match text.chars().count() {
        0..CURRENCY_LENGTH => FieldCode::TooShort,
        CURRENCY_LENGTH if text == rules.currency.code() => return Ok(()),
        CURRENCY_LENGTH => FieldCode::InvalidValue,
        _ => FieldCode::TooLong,
    };
    Err(Fault::new(code, format!("must be {}, the currency of the shop", rules.currency)))
}

/// A type whose values are sent as text and parsed with its `FromStr`.
pub(crate) trait TextValue: FromStr<Err: Into<Fault>> {
    /// Returns the schema of the text.
    fn schema() -> Schema;
}

/// A value that was parsed from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: TextValue> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error: T::Err| D::Error::custom(error.into().message))
    }
}

/// Implements `JsonSchema` with the given schema, which is inlined wherever the type is used.
macro_rules! inline_schema {
    ($([$($generics:tt)*] $value:ty: |$generator:ident| $schema:expr;)+) => {$(
        impl<$($generics)*> JsonSchema for $value {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                std::any::type_name::<Self>().into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

inline_schema! {
    [T: TextValue] Text<T>: |_generator| T::schema();
    [] NewPassword: |_generator| json_schema!({
        "type": "string",
        "format": "password",
        "minLength": PasswordPolicy::Standard.least_length(),
        "maxLength": MAX_PASSWORD_LENGTH,
        (markers::RULE): "new-password",
    });
    [] TypedPassword: |_generator| json_schema!({
        "type": "string", "format": "password", "maxLength": LONGEST_TYPED_PASSWORD,
    });
    [] Token: |_generator| json_schema!({"type": "string", "maxLength": LONGEST_TOKEN});
    [T: JsonSchema] Changed<T>: |generator| {
        let mut schema = Option::<T>::json_schema(generator);
        schema.insert(markers::CLEARS.into(), true.into());
        schema
    };
    [K: SortKey] Sorts<K>: |_generator| json_schema!({
        "type": "array",
        "items": {"type": "string", "enum": sort_names::<K>()},
        "maxItems": K::NAMED.len(),
        (markers::SORT): true,
    });
    [] Amount: |_generator| json_schema!({
        "type": "string",
        "pattern": r"^\d+(\.\d+)?$",
        "maxLength": LONGEST_AMOUNT,
        (markers::RULE): "amount",
    });
}

impl TextValue for EmailAddress {
    fn schema() -> Schema {
        json_schema!({"type": "string", "format": "email", "maxLength": MAX_EMAIL_LENGTH})
    }
}

impl From<InvalidEmailAddress> for Fault {
    fn from(error: InvalidEmailAddress) -> Self {
        let code = match error {
            InvalidEmailAddress::TooLong => FieldCode::TooLong,
            InvalidEmailAddress::Malformed => FieldCode::InvalidFormat,
        };
        Self::new(code, error.to_string())
    }
}

impl<K: Kind> TextValue for Id<K> {
    fn schema() -> Schema {
        json_schema!({"type": "string", "format": "uuid", "maxLength": 36})
    }
}

impl TextValue for CommentText {
    fn schema() -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_COMMENT_LENGTH, (markers::RULE): "comment-text",
        })
    }
}

impl From<InvalidCommentText> for Fault {
    fn from(error: InvalidCommentText) -> Self {
        let code = match error {
            InvalidCommentText::Empty => FieldCode::TooShort,
            InvalidCommentText::TooLong => FieldCode::TooLong,
        };
        Self::new(code, error.to_string())
    }
}

impl TextValue for Explanation {
    fn schema() -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_EXPLANATION_LENGTH, (markers::RULE): "explanation",
        })
    }
}

impl From<InvalidExplanation> for Fault {
    fn from(error: InvalidExplanation) -> Self {
        let code = match error {
            InvalidExplanation::Empty => FieldCode::TooShort,
            InvalidExplanation::TooLong => FieldCode::TooLong,
        };
        Self::new(code, error.to_string())
    }
}

impl From<InvalidId> for Fault {
    fn from(_: InvalidId) -> Self {
        Self::new(FieldCode::InvalidFormat, "must be a UUID")
    }
}

impl TextValue for Boundary {
    fn schema() -> Schema {
        json_schema!({"type": "string", "maxLength": 40, (markers::RULE): "boundary"})
    }
}

impl TextValue for AuditAction {
    fn schema() -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
    }
}

impl From<UnknownAction> for Fault {
    fn from(error: UnknownAction) -> Self {
        Self::new(FieldCode::InvalidValue, error.to_string())
    }
}

impl TextValue for PersonName {
    fn schema() -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH, (markers::RULE): "person-name",
        })
    }
}

impl TextValue for ProfileInfo {
    fn schema() -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_INFO_LENGTH, (markers::RULE): "profile-info",
        })
    }
}

impl From<InvalidProfileText> for Fault {
    fn from(error: InvalidProfileText) -> Self {
        let code = match error {
            InvalidProfileText::Blank => FieldCode::TooShort,
            InvalidProfileText::TooLong(_) => FieldCode::TooLong,
            InvalidProfileText::ControlCharacter => FieldCode::InvalidFormat,
        };
        Self::new(code, error.to_string())
    }
}

/// A new password. Its schema names the rule that checks the password policy, except for the comparison with the email
/// address of the account, which is made later.
#[derive(Debug)]
pub(crate) struct NewPassword(pub(crate) PlainPassword);

/// A password to compare with the stored one. No policy applies, but a text that is longer than any password is refused
/// before it is hashed.
#[derive(Debug)]
pub(crate) struct TypedPassword(pub(crate) PlainPassword);

/// The maximum length of a typed password, in characters. No correct password is longer in any Unicode form.
const LONGEST_TYPED_PASSWORD: usize = 1_024;

/// A text that should be a token of this server. The use case checks it.
#[derive(Debug)]
pub(crate) struct Token(pub(crate) PlainToken);

/// The maximum length of a token, in characters. It equals the maximum size of a JSON body, so that a text of any
/// length leads to the error for an invalid token, not to the error for an invalid field.
const LONGEST_TOKEN: usize = 64 * 1024;

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(PlainPassword::new(&text)))
    }
}

impl<'de> Deserialize<'de> for TypedPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(PlainPassword::new(&text)))
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(PlainToken::new(text)))
    }
}

impl From<PasswordProblem> for Fault {
    fn from(problem: PasswordProblem) -> Self {
        Self::new(password_code(problem), problem.to_string())
    }
}

/// A member of a merge patch (RFC 7396) that can be cleared: an absent member keeps the stored value, `null` clears
/// it.
///
/// The field or its struct needs `#[serde(default)]`. A member that cannot be cleared is an `Option` instead. The
/// validation of the schema then refuses `null` as a value of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed<T>(pub(crate) Change<T>);

impl<T> Default for Changed<T> {
    fn default() -> Self {
        Self(Change::Keep)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Changed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<T>::deserialize(deserializer)?;
        Ok(Self(value.map_or(Change::Clear, Change::Set)))
    }
}

impl<T> Changed<T> {
    /// Converts the value of the change.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Change<U> {
        match self.0 {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(make(value)),
        }
    }

    /// Converts the value of the change, if possible.
    ///
    /// # Errors
    /// The error of the conversion.
    pub(crate) fn try_map<U, E>(self, make: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self.0 {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => Change::Set(make(value)?),
        })
    }
}

/// The sort keys of a query. The parameter has the keys in one text, separated by commas; the validation splits the
/// text. A `-` before a key means descending order.
#[derive(Debug, Clone)]
pub(crate) struct Sorts<K>(pub(crate) Vec<Sort<K>>);

impl<K> Default for Sorts<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: SortKey> Deserialize<'de> for Sorts<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse()).collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

fn sort_names<K: SortKey>() -> Vec<String> {
    let both_ways = |(name, key): &(&str, K)| {
        let descending = (!key.is_always_descending()).then(|| format!("-{name}"));
        std::iter::once((*name).to_owned()).chain(descending)
    };
    K::NAMED.iter().flat_map(both_ways).collect()
}

/// The text of an amount of the shop's currency in major units.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Amount(pub(crate) String);
