use domain::{accounts::EmailAddress, store::StoreError};

use super::Accounts;
use crate::outbox::Message;

impl Accounts {
    /// Asks for a new activation link (R6).
    ///
    /// Writes down the wish and nothing else, whether or not the address is known: neither answer nor time tells. The
    /// outbox does the rest, see [`Accounts::send_requested_activation`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resend_activation(&self, email: EmailAddress) -> Result<(), StoreError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let key = format!("activation_requested:{}", self.ports.ids.uuid());
        self.push(&mut *unit, key, &Message::ActivationRequested(email), now).await?;
        unit.commit().await
    }

    /// Sends the new activation link that was asked for, if the address has an account that waits for it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_requested_activation(&self, email: &EmailAddress) -> Result<(), StoreError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let Some(user) = unit.users().find_by_email_for_update(email).await?.filter(|user| !user.is_active)
        else {
            return Ok(());
        };
        self.mail_activation(&mut *unit, &user, now).await?;
        unit.commit().await
    }
}
