//! The data that clients send to register and to activate an account, as JSON.

use domain::accounts::EmailAddress;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    extract::{Faults, Input, NewPassword, Text, Token, inputs},
    rules::Rules,
};

/// The email and password of a new account.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Registration", example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct RegisterBody {
    /// The email address that the activation link is sent to.
    pub(crate) email: Text<EmailAddress>,
    /// The password. It must contain a letter and a digit (or, if the strict policy is set, have at least 15
    /// characters of any kind), and must not be the email address or a common password.
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
    /// The value of `token` in the link.
    pub(crate) token: Token,
}

/// The email address of the account for which a link is requested.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "LinkRequest", example = json!({"email": "ann@example.com"}))]
pub(crate) struct LinkRequestBody {
    /// The address that was registered.
    pub(crate) email: Text<EmailAddress>,
}

inputs!(ActivateBody, LinkRequestBody);
