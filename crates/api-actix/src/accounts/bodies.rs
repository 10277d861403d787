//! What goes in and out of the accounts.

use std::borrow::Cow;

use app::accounts::TokenPair;
use domain::accounts::EmailAddress;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use crate::{
    extract::{Faults, Input, NewPassword, Text, Token, TypedPassword, inputs},
    rules::Rules,
};

/// Who wants an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Registration", example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct RegisterBody {
    /// Where the activation link is sent to.
    pub(crate) email: Text<EmailAddress>,
    /// With a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the email, and none
    /// of the common ones.
    pub(crate) password: NewPassword,
}

impl Input for RegisterBody {
    type Checked = Self;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<Self> {
        faults.keep("password", rules.passwords.check(&self.password.0, Some(&self.email.0)))?;
        Some(self)
    }
}

/// The token of an activation link.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Activation", example = json!({"token": "q0pV2dkSgT1uZ3p8yJH2m0iM4bGv6c9XwYtRrLkEeAs"}))]
pub(crate) struct ActivateBody {
    /// As it stands in the link.
    pub(crate) token: Token,
}

/// Where to send a link to.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "EmailOnly", example = json!({"email": "ann@example.com"}))]
pub(crate) struct EmailBody {
    /// The address that was registered.
    pub(crate) email: Text<EmailAddress>,
}

/// The token of a reset link, and the password to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PasswordReset", example = json!({"token": "q0pV2dkSgT1uZ3p8yJH2m0iM4bGv6c9XwYtRrLkEeAs", "password": "correct horse 2"}))]
pub(crate) struct ResetPasswordBody {
    /// As it stands in the link.
    pub(crate) token: Token,
    /// With a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the email, and none
    /// of the common ones.
    pub(crate) password: NewPassword,
}

/// Who signs in.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Credentials", example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct LoginBody {
    /// The address of the account.
    pub(crate) email: Text<EmailAddress>,
    /// Its password.
    pub(crate) password: TypedPassword,
}

/// A refresh token.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RefreshToken", example = json!({"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}))]
pub(crate) struct RefreshBody {
    /// As it was handed out.
    pub(crate) refresh: Token,
}

inputs!(ActivateBody, EmailBody, ResetPasswordBody, LoginBody, RefreshBody);

/// What was done, for people.
#[derive(JsonSchema)]
#[schemars(rename = "Message")]
#[expect(dead_code, reason = "only its schema is used")]
struct MessageSchema {
    /// A sentence.
    message: String,
}

/// Makes the sentences that answers say, each a type, so that the document shows the very one that an operation answers.
macro_rules! messages {
    ($($name:ident: $text:literal;)*) => {$(
        #[doc = $text]
        #[derive(Debug)]
        pub(crate) struct $name;

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                json!({"message": $text}).serialize(serializer)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                MessageSchema::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut schema = MessageSchema::json_schema(generator);
                schema.insert("examples".into(), json!([{"message": $text}]));
                schema
            }
        }
    )*};
}

messages! {
    Registered: "Registration successful. Check email for activation.";
    Activated: "Account activated.";
    ActivationResent: "If the email exists, a new activation token was sent.";
    ResetRequested: "If the email exists, a link to set a new password was sent.";
    PasswordReset: "Password changed. Log in with the new one.";
    LoggedOut: "Logged out.";
}

/// What a signed-in client holds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenPair", example = json!({"access": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}))]
pub(crate) struct TokenPairBody {
    /// To be sent as `Authorization: Bearer`; it holds for 15 minutes.
    access: String,
    /// To be exchanged for a new pair; it holds for 7 days and is used once.
    refresh: String,
}

impl From<TokenPair> for TokenPairBody {
    fn from(pair: TokenPair) -> Self {
        Self { access: pair.access, refresh: pair.refresh }
    }
}
