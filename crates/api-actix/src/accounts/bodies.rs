//! What goes in and out of the accounts.

use std::borrow::Cow;

use app::accounts::TokenPair;
use domain::{
    accounts::{EmailAddress, InvalidEmailAddress, PlainPassword},
    entropy::PlainToken,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::{
    extract::{
        Fields, FromBody,
        fields::ruled,
        values::{self, Fault},
    },
    problem::{FieldCode, shared::password_code},
    state::Api,
};

fn email(fields: &mut Fields) -> Option<EmailAddress> {
    fields.required(
        "email",
        ruled(
            |text: String| text.parse::<EmailAddress>(),
            |error| {
                let code = match error {
                    InvalidEmailAddress::TooLong => FieldCode::TooLong,
                    InvalidEmailAddress::Malformed => FieldCode::InvalidFormat,
                };
                Fault::new(code, error.to_string())
            },
        ),
    )
}

fn token(fields: &mut Fields, name: &str) -> Option<PlainToken> {
    fields.required(name, values::text).map(PlainToken::new)
}

fn new_password(fields: &mut Fields, api: &Api, email: Option<&EmailAddress>) -> Option<PlainPassword> {
    let policy = api.state.accounts.password_policy();
    fields.required(
        "password",
        ruled(
            |text: String| {
                let password = PlainPassword::new(&text);
                policy.check(&password, email).map(|()| password)
            },
            |problem| Fault::new(password_code(problem), problem.to_string()),
        ),
    )
}

/// Who wants an account.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Registration", deny_unknown_fields, example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct RegisterBody {
    /// Where the activation link is sent to.
    #[schemars(with = "String", email, length(max = 254))]
    pub(crate) email: EmailAddress,
    /// With a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the email, and none
    /// of the common ones.
    #[schemars(with = "String", length(min = 8, max = 128), extend("format" = "password"))]
    pub(crate) password: PlainPassword,
}

impl FromBody for RegisterBody {
    fn read(fields: &mut Fields, api: &Api) -> Option<Self> {
        let email = email(fields);
        let password = new_password(fields, api, email.as_ref());
        Some(Self { email: email?, password: password? })
    }
}

/// The token of an activation link.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Activation", deny_unknown_fields, example = json!({"token": "q0pV2dkSgT1uZ3p8yJH2m0iM4bGv6c9XwYtRrLkEeAs"}))]
pub(crate) struct ActivateBody {
    /// As it stands in the link.
    #[schemars(with = "String")]
    pub(crate) token: PlainToken,
}

impl FromBody for ActivateBody {
    fn read(fields: &mut Fields, _api: &Api) -> Option<Self> {
        Some(Self { token: token(fields, "token")? })
    }
}

/// Where to send a link to.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "EmailOnly", deny_unknown_fields, example = json!({"email": "ann@example.com"}))]
pub(crate) struct EmailBody {
    /// The address that was registered.
    #[schemars(with = "String", email, length(max = 254))]
    pub(crate) email: EmailAddress,
}

impl FromBody for EmailBody {
    fn read(fields: &mut Fields, _api: &Api) -> Option<Self> {
        Some(Self { email: email(fields)? })
    }
}

/// The token of a reset link, and the password to set.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "PasswordReset", deny_unknown_fields, example = json!({"token": "q0pV2dkSgT1uZ3p8yJH2m0iM4bGv6c9XwYtRrLkEeAs", "password": "correct horse 2"}))]
pub(crate) struct ResetPasswordBody {
    /// As it stands in the link.
    #[schemars(with = "String")]
    pub(crate) token: PlainToken,
    /// With a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the email, and none
    /// of the common ones.
    #[schemars(with = "String", length(min = 8, max = 128), extend("format" = "password"))]
    pub(crate) password: PlainPassword,
}

impl FromBody for ResetPasswordBody {
    fn read(fields: &mut Fields, api: &Api) -> Option<Self> {
        let token = token(fields, "token");
        let password = new_password(fields, api, None);
        Some(Self { token: token?, password: password? })
    }
}

/// No right password is longer, however it is typed; a longer text is refused before anybody hashes it (quality B1).
const LONGEST_TYPED_PASSWORD: usize = 1_024;

/// Who signs in.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Credentials", deny_unknown_fields, example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct LoginBody {
    /// The address of the account.
    #[schemars(with = "String", email, length(max = 254))]
    pub(crate) email: EmailAddress,
    /// Its password.
    #[schemars(with = "String", length(max = 1024), extend("format" = "password"))]
    pub(crate) password: PlainPassword,
}

impl FromBody for LoginBody {
    fn read(fields: &mut Fields, _api: &Api) -> Option<Self> {
        let email = email(fields);
        let password = typed_password(fields, "password");
        Some(Self { email: email?, password: password? })
    }
}

/// A password that is to be checked, whatever it is.
pub(crate) fn typed_password(fields: &mut Fields, name: &str) -> Option<PlainPassword> {
    let password = fields.required(
        name,
        ruled(
            |text: String| (text.chars().count() <= LONGEST_TYPED_PASSWORD).then_some(text).ok_or(()),
            |()| Fault::new(FieldCode::TooLong, format!("has at most {LONGEST_TYPED_PASSWORD} characters")),
        ),
    );
    password.map(|text| PlainPassword::new(&text))
}

/// A refresh token.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "RefreshToken", deny_unknown_fields, example = json!({"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}))]
pub(crate) struct RefreshBody {
    /// As it was handed out.
    #[schemars(with = "String")]
    pub(crate) refresh: PlainToken,
}

impl FromBody for RefreshBody {
    fn read(fields: &mut Fields, _api: &Api) -> Option<Self> {
        Some(Self { refresh: token(fields, "refresh")? })
    }
}

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
