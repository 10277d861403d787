use std::net::IpAddr;

use domain::{
    accounts::{EmailAddress, HashError},
    throttle::{SignInAttempt, TooManyFailures},
};

use super::Accounts;

/// What trying a password came to.
pub(super) enum Tried {
    /// It was the account's.
    Right,
    /// It was not.
    Wrong,
    /// Nobody could look.
    NotLookedAt,
}

/// A refusal that knows what became of the password.
pub(super) trait PasswordRefusal: From<TooManyFailures> + From<HashError> {
    /// What became of it.
    fn tried(&self) -> Tried;
}

impl Accounts {
    /// Tries a password of the account, unless it has to wait after too many wrong ones, or too many wait to be hashed:
    /// then nothing is hashed or looked up. The attempt counts as a failure until it is known to be none, so that many at once are no way around.
    pub(super) async fn try_password<T, E: PasswordRefusal>(
        &self,
        email: &EmailAddress,
        client: Option<IpAddr>,
        trying: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.ports.passwords.check_room()?;
        let attempt = SignInAttempt::new(email, client);
        self.ports.guard.begin(&attempt).await?;
        let outcome = trying.await;
        match outcome.as_ref().map_or_else(E::tried, |_| Tried::Right) {
            Tried::Right => self.ports.guard.was_owner(&attempt).await,
            Tried::Wrong => {}
            Tried::NotLookedAt => self.ports.guard.take_back(&attempt).await,
        }
        outcome
    }

    /// Lets the owner of the account in at once from here, whoever else tries passwords.
    pub(super) async fn forgive_failures(&self, email: &EmailAddress, client: Option<IpAddr>) {
        self.ports.guard.was_owner(&SignInAttempt::new(email, client)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use domain::accounts::HashError;

    use crate::accounts::{
        ChangePasswordError, LogInError, MailQuota,
        doubles::{ORIGIN, PASSWORD, World, ann, password, token_in},
    };

    async fn told_of(world: &World, typed: &str) -> Vec<&'static str> {
        world.guard.take_told();
        let outcome = world.accounts.log_in(&ann(), &password(typed), MailQuota::Left, ORIGIN).await;
        drop(outcome);
        world.guard.take_told()
    }

    #[tokio::test]
    async fn an_account_that_has_to_wait_costs_no_hash() {
        let world = World::new();
        world.active(&ann()).await;
        world.passwords.take_count();
        world.guard.refuse();
        let refused = world.accounts.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(refused, Err(LogInError::Throttled(_))));
        assert_eq!(world.passwords.take_count(), 0);
        assert!(world.store.rows().sessions.is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_costs_no_lookup_and_no_attempt() {
        let world = World::new();
        world.active(&ann()).await;
        world.passwords.be_full();
        world.guard.take_told();
        let before = world.store.credential_reads.load(Ordering::Relaxed);
        let refused = world.accounts.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(refused, Err(LogInError::Hash(HashError::Busy))));
        assert!(world.guard.take_told().is_empty());
        assert_eq!(world.store.credential_reads.load(Ordering::Relaxed), before);
    }

    #[tokio::test]
    async fn only_a_wrong_password_stays_a_failure() {
        let world = World::new();
        assert_eq!(told_of(&world, PASSWORD).await, ["begun"], "of an unknown address too");
        world.registered(&ann()).await;
        assert_eq!(told_of(&world, "other harbour 8").await, ["begun"]);
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "owner"], "inactive, but the owner");
        let token = token_in(&world.last_mail());
        world.accounts.activate(&token, ORIGIN).await.unwrap();
        assert_eq!(told_of(&world, "other harbour 8").await, ["begun"]);
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "owner"]);
    }

    #[tokio::test]
    async fn what_could_not_be_looked_at_is_no_failure() {
        let world = World::new();
        world.active(&ann()).await;
        world.fail_on_commit();
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "taken back"]);
        world.passwords.be_busy();
        assert_eq!(told_of(&world, PASSWORD).await, ["begun", "taken back"]);
    }

    #[tokio::test]
    async fn a_stolen_token_is_no_way_to_guess_faster() {
        let world = World::new();
        let pair = world.signed_in(&ann()).await;
        let actor = world.accounts.authenticate(&pair.access).await.unwrap();
        let (wrong, new) = (password("other harbour 8"), password("louder harbour 8"));
        world.guard.take_told();
        let refused = world.accounts.change_password(actor, &wrong, &new, ORIGIN).await;
        assert!(matches!(refused, Err(ChangePasswordError::Faults(_))));
        assert_eq!(world.guard.take_told(), ["begun"]);
        world.passwords.take_count();
        world.guard.refuse();
        let refused = world.accounts.change_password(actor, &wrong, &new, ORIGIN).await;
        assert!(matches!(refused, Err(ChangePasswordError::Throttled(_))));
        assert_eq!(world.passwords.take_count(), 0);
    }

    #[tokio::test]
    async fn who_sets_the_password_anew_is_the_owner() {
        let world = World::new();
        world.active(&ann()).await;
        world.accounts.send_requested_password_reset(world.wish(), &ann()).await.unwrap();
        let token = token_in(&world.last_mail());
        world.guard.take_told();
        world.accounts.reset_password(&token, password("louder harbour 8"), ORIGIN).await.unwrap();
        assert_eq!(world.guard.take_told(), ["owner"]);
        let again = world.accounts.reset_password(&token, password("louder harbour 8"), ORIGIN).await;
        assert!(again.is_err());
        assert!(world.guard.take_told().is_empty());
    }
}
