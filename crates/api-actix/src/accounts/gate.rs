use std::sync::Arc;

use app::accounts::Accounts;
use async_trait::async_trait;
use domain::accounts::{EmailAddress, Origin, PlainPassword};

use crate::docs::{DocsCredentials, DocsGate};

/// Lets everybody who has an active account read the document.
pub(crate) struct AccountGate(pub(crate) Arc<Accounts>);

#[async_trait]
impl DocsGate for AccountGate {
    async fn admits(&self, credentials: DocsCredentials, origin: Origin) -> bool {
        match credentials {
            DocsCredentials::Bearer(token) => self.0.authenticate(&token).await.is_ok(),
            DocsCredentials::Basic { email, password } => {
                let Ok(email) = email.parse::<EmailAddress>() else { return false };
                // The audit log tells of it as of a sign-in: passwords can be guessed here too.
                self.0.check_password(&email, &PlainPassword::new(&password), &origin).await.is_ok()
            }
        }
    }
}
