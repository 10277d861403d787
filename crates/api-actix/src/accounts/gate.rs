use std::sync::Arc;

use app::accounts::{Accounts, LogInError};
use async_trait::async_trait;
use domain::accounts::{EmailAddress, Origin, PlainPassword};

use crate::{
    docs::{DocsCredentials, DocsGate},
    problem::{Problem, Refusal},
};

/// Lets everybody who has an active account read the document.
pub(crate) struct AccountGate(pub(crate) Arc<Accounts>);

#[async_trait]
impl DocsGate for AccountGate {
    async fn admits(&self, credentials: DocsCredentials, origin: Origin) -> Result<bool, Problem> {
        match credentials {
            DocsCredentials::Bearer(token) => Ok(self.0.authenticate(&token).await.is_ok()),
            DocsCredentials::Basic { email, password } => {
                let Ok(email) = email.parse::<EmailAddress>() else { return Ok(false) };
                // The audit log tells of it as of a sign-in: passwords can be guessed here too.
                match self.0.check_password(&email, &PlainPassword::new(&password), &origin).await {
                    Ok(()) => Ok(true),
                    Err(LogInError::InvalidCredentials | LogInError::AccountInactive) => Ok(false),
                    Err(failed) => Err(failed.problem()),
                }
            }
        }
    }
}
