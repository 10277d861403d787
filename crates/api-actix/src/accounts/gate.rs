use std::sync::Arc;

use app::accounts::Accounts;
use async_trait::async_trait;
use domain::accounts::{Device, EmailAddress, Origin, PlainPassword};

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
                let device = Device { user_agent: Some("documentation".to_owned()), ..origin.device };
                let origin = Origin { device, ..origin };
                match self.0.log_in(&email, &PlainPassword::new(&password), &origin).await {
                    // The password was what mattered; nobody holds the tokens of this sign-in. The audit log tells of it as
                    // of any other: passwords can be guessed here too.
                    Ok(pair) => self.0.log_out(&pair.refresh, &origin).await.is_ok(),
                    Err(_) => false,
                }
            }
        }
    }
}
