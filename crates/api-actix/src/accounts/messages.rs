//! The messages in responses of the accounts area.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::json;

/// A response with a message about what was done.
#[derive(JsonSchema)]
#[schemars(rename = "Confirmation")]
#[expect(dead_code, reason = "only its schema is used")]
struct MessageSchema {
    /// The message for the user.
    message: String,
}

/// Declares a type for each message, so that the OpenAPI document shows the message of each operation.
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
