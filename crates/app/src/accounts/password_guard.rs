use std::{net::IpAddr, sync::Arc};

use domain::{
    accounts::{EmailAddress, HashError, PasswordHasher},
    throttle::{SignInAttempt, SignInGuard, TooManyFailures},
};

/// What an attempt with a password showed about the password.
pub(super) enum Tried {
    /// The password was correct.
    Right,
    /// The password was wrong.
    Wrong,
    /// The attempt showed nothing: the password was not checked, or the use case failed for another reason. The attempt
    /// must not count as a failure.
    NotChecked,
}

/// An error of a use case that checks a password.
pub(super) trait PasswordRefusal: From<TooManyFailures> + From<HashError> {
    /// Returns what this error shows about the password.
    fn tried(&self) -> Tried;
}

/// Checks passwords, and slows down guessing.
#[derive(Clone)]
pub struct PasswordGuard {
    /// Hashes and verifies passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Counts wrong passwords.
    pub guard: Arc<dyn SignInGuard>,
}

impl PasswordGuard {
    /// Runs the future `trying`, which checks a password of the account. Returns an error without running `trying` when
    /// the account must wait after wrong passwords, or when the queue of the hasher is full.
    ///
    /// The attempt counts as a failure until its result is known, so that parallel attempts cannot bypass the limit.
    pub(super) async fn attempt<T, E: PasswordRefusal>(
        &self,
        email: &EmailAddress,
        client: Option<IpAddr>,
        trying: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.hasher.check_room()?;
        let attempt = SignInAttempt::new(email, client);
        self.guard.begin(&attempt).await?;
        let outcome = trying.await;
        match outcome.as_ref().map_or_else(E::tried, |_| Tried::Right) {
            Tried::Right => self.guard.was_owner(&attempt).await,
            Tried::Wrong => {}
            Tried::NotChecked => self.guard.take_back(&attempt).await,
        }
        outcome
    }

    /// Records that the client belongs to the owner of the account, so that wrong passwords from other clients do not
    /// delay the owner's next sign-in from this client.
    pub(super) async fn forgive(&self, email: &EmailAddress, client: Option<IpAddr>) {
        self.guard.was_owner(&SignInAttempt::new(email, client)).await;
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::HashError;

    use crate::accounts::{
        ChangePasswordError, LogInError, MailQuota,
        doubles::{ORIGIN, PASSWORD, World, ann, password, token_in},
    };

    /// Tries to sign in, and returns the calls of the sign-in guard during this attempt.
    async fn told_of(world: &World, typed: &str) -> Vec<&'static str> {
        world.guard.take_told();
        let outcome = world.sessions.log_in(&ann(), &password(typed), MailQuota::Left, ORIGIN).await;
        drop(outcome);
        world.guard.take_told()
    }

    #[tokio::test]
    async fn a_throttled_account_causes_no_hashing() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.passwords.take_count();
        world.guard.refuse();
        let refused = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(refused, Err(LogInError::Throttled(_))));
        assert_eq!(world.passwords.take_count(), 0);
        assert!(world.store.rows().await.sessions.is_empty());
    }

    #[tokio::test]
    async fn a_full_hasher_queue_refuses_before_any_lookup_and_counts_no_attempt() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.passwords.be_full();
        world.guard.take_told();
        world.store.take_calls();
        let refused = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(refused, Err(LogInError::Hash(HashError::Busy))));
        assert!(world.guard.take_told().is_empty());
        assert_eq!(world.store.take_calls(), [""; 0]);
    }

    #[tokio::test]
    async fn only_a_wrong_password_counts_as_a_failure() {
        let world = World::new().await;
        assert_eq!(
            told_of(&world, PASSWORD).await,
            ["begun"],
            "an attempt with an unknown address also counts as a failure"
        );
        world.registered(&ann()).await;
        assert_eq!(told_of(&world, "other harbour 8").await, ["begun"]);
        assert_eq!(
            told_of(&world, PASSWORD).await,
            ["begun", "owner"],
            "the password is right, though the account is inactive"
        );
        let token = token_in(&world.last_mail());
        world.signup.activate(&token, ORIGIN).await.unwrap();
        assert_eq!(told_of(&world, "other harbour 8").await, ["begun"]);
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "owner"]);
    }

    #[tokio::test]
    async fn unchecked_attempts_are_not_failures() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.fail_on_commit();
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "taken back"]);
        world.passwords.be_busy();
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "taken back"]);
    }

    #[tokio::test]
    async fn a_stolen_token_does_not_allow_faster_guessing() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        let (wrong, new) = (password("other harbour 8"), password("louder harbour 8"));
        world.guard.take_told();
        let refused = world.sessions.change_password(actor, &wrong, &new, ORIGIN).await;
        assert!(matches!(refused, Err(ChangePasswordError::Faults(_))));
        assert_eq!(world.guard.take_told(), ["begun"]);
        world.passwords.take_count();
        world.guard.refuse();
        let refused = world.sessions.change_password(actor, &wrong, &new, ORIGIN).await;
        assert!(matches!(refused, Err(ChangePasswordError::Throttled(_))));
        assert_eq!(world.passwords.take_count(), 0);
    }

    #[tokio::test]
    async fn setting_a_new_password_with_a_link_identifies_the_owner() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        let token = token_in(&world.last_mail());
        world.guard.take_told();
        world.sessions.reset_password(&token, password("louder harbour 8"), ORIGIN).await.unwrap();
        assert_eq!(world.guard.take_told(), ["owner"]);
        let again = world.sessions.reset_password(&token, password("louder harbour 8"), ORIGIN).await;
        assert!(again.is_err());
        assert!(world.guard.take_told().is_empty());
    }
}
