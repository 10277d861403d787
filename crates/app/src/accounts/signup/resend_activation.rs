use domain::{
    accounts::{EmailAddress, User},
    id::OutboxId,
    store::{Attempt, StoreError, retried},
};

use super::SignUp;

impl SignUp {
    /// Requests a new activation link.
    ///
    /// Only writes a request to the outbox, so that neither the response nor the time that it takes reveals whether the
    /// address is known. The outbox calls [`SignUp::send_requested_activation`] later.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resend_activation(&self, email: EmailAddress) -> Result<(), StoreError> {
        retried(&*self.backoff, |attempt| self.try_request_activation(attempt, email.clone())).await
    }

    async fn try_request_activation(&self, attempt: Attempt, email: EmailAddress) -> Result<(), StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        self.links.request_activation(&mut *unit, email, self.clock.now()).await?;
        unit.commit().await
    }

    /// Mails the requested activation link, if the account of the address is awaiting activation. `request`
    /// identifies the outbox message with the request. The message is removed in the same transaction, so that the
    /// request is processed only once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_requested_activation(
        &self,
        request: OutboxId,
        email: &EmailAddress,
    ) -> Result<(), StoreError> {
        retried(&*self.backoff, |attempt| self.try_send_activation(attempt, request, email)).await
    }

    async fn try_send_activation(
        &self,
        attempt: Attempt,
        request: OutboxId,
        email: &EmailAddress,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let user = unit.find_user_by_email_for_update(email).await?.filter(User::is_awaiting_activation);
        if unit.remove_message(request).await? {
            if let Some(user) = user {
                self.links.mail_activation(&mut *unit, &user, now).await?;
            }
            unit.commit().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        accounts::doubles::{ORIGIN, World, ann, email, token_in},
        outbox::Message,
    };

    #[tokio::test]
    async fn known_and_unknown_addresses_result_in_exactly_one_request() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let before = world.store.rows().await;
        let stranger = email("bob@example.com");
        for address in [ann(), stranger.clone()] {
            world.signup.resend_activation(address).await.unwrap();
        }
        assert_eq!(
            world.messages()[1..],
            [Message::ActivationRequested { email: ann() }, Message::ActivationRequested { email: stranger }]
        );
        let rows = world.store.rows().await;
        assert_eq!((&rows.users, &rows.links), (&before.users, &before.links));
    }

    #[tokio::test]
    async fn an_inactive_account_gets_a_new_link_for_another_24_hours() {
        let world = World::new().await;
        let old = world.registered(&ann()).await;
        world.seconds_pass(25 * 3600);
        world.signup.send_requested_activation(world.wish().await, &ann()).await.unwrap();
        let new = token_in(&world.last_mail());
        assert!(world.signup.activate(&old, ORIGIN).await.is_err());
        world.seconds_pass(23 * 3600);
        world.signup.activate(&new, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn the_new_link_is_mailed_to_the_registered_spelling() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let other = email("ANN@example.com");
        world.signup.send_requested_activation(world.wish().await, &other).await.unwrap();
        let mail = world.last_mail();
        assert_eq!(mail.to.as_str(), "ann@example.com");
        world.signup.activate(&token_in(&mail), ORIGIN).await.unwrap();
        assert_eq!(world.user(&ann()).await.email.as_str(), "ann@example.com");
        assert!(world.user(&ann()).await.password.is_usable());
    }

    #[tokio::test]
    async fn a_request_that_is_handled_twice_mails_one_link() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let wish = world.wish().await;
        world.signup.send_requested_activation(wish, &ann()).await.unwrap();
        let link = token_in(&world.last_mail());
        world.signup.send_requested_activation(wish, &ann()).await.unwrap();
        assert_eq!(world.mails().len(), 2);
        world.signup.activate(&link, ORIGIN).await.unwrap();
        world.sessions.send_requested_password_reset(wish, &ann()).await.unwrap();
        assert_eq!(world.mails().len(), 2);
    }

    #[tokio::test]
    async fn a_request_is_removed_when_handled_even_for_an_unknown_address() {
        let world = World::new().await;
        world.registered(&ann()).await;
        world.active(&email("bob@example.com")).await;
        for address in [ann(), email("bob@example.com"), email("nobody@example.com")] {
            world.signup.send_requested_activation(world.wish().await, &address).await.unwrap();
            world.sessions.send_requested_password_reset(world.wish().await, &address).await.unwrap();
        }
        assert_eq!((world.messages().len(), world.mails().len()), (4, 4));
    }

    #[tokio::test]
    async fn active_and_unknown_accounts_get_no_mail() {
        let world = World::new().await;
        world.active(&ann()).await;
        let before = world.store.rows().await;
        for address in [ann(), email("bob@example.com")] {
            world.signup.send_requested_activation(world.wish().await, &address).await.unwrap();
        }
        assert_eq!(world.store.rows().await, before);
    }
}
