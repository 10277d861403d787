use domain::{
    accounts::{AccessTokenError, Actor},
    store::StoreError,
};

use super::Sessions;

/// Why the access token of a request is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The token was not issued by this server or was altered, or its user or session is no longer active.
    #[error("the access token is not valid")]
    Invalid,
    /// The token has expired.
    #[error("the access token has expired")]
    Expired,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Returns the user and the session of the access token, and the user's current role. Each node caches the state of
    /// a session for up to 3 s. Ended sessions, deactivated users and changed roles therefore take effect on every node
    /// within 5 s, the limit that the API documents.
    ///
    /// # Errors
    /// See [`AuthenticateError`].
    pub async fn authenticate(&self, token: &str) -> Result<Actor, AuthenticateError> {
        let now = self.clock.now();
        let claims = self.session_tokens.verify_access(token, now).map_err(|error| match error {
            AccessTokenError::Invalid => AuthenticateError::Invalid,
            AccessTokenError::Expired => AuthenticateError::Expired,
        })?;
        let state = if let Some(state) = self.seen_sessions.get(claims.session_id, now) {
            state
        } else {
            let state = self.queries.session_state(claims.session_id, now).await?;
            let state = state.ok_or(AuthenticateError::Invalid)?;
            self.seen_sessions.remember(claims.session_id, now, state);
            state
        };
        if !state.is_live || state.user_id != claims.user_id {
            return Err(AuthenticateError::Invalid);
        }
        Ok(Actor { user_id: state.user_id, session_id: claims.session_id, role: state.role })
    }
}

#[cfg(test)]
mod tests {
    use domain::{accounts::Role, time::Instant};

    use super::*;
    use crate::accounts::doubles::{World, ann};

    fn reads(world: &World) -> usize {
        world.store.count_calls("session_state")
    }

    #[tokio::test]
    async fn the_store_is_queried_once_within_three_seconds() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        for _ in 0..3 {
            world.sessions.authenticate(&pair.access).await.unwrap();
            world.seconds_pass(1);
        }
        world.sessions.authenticate(&pair.access).await.unwrap();
        assert_eq!(reads(&world), 1);
        world.seconds_pass(1);
        world.sessions.authenticate(&pair.access).await.unwrap();
        assert_eq!(reads(&world), 2);
    }

    #[tokio::test]
    async fn a_state_read_before_the_clock_was_set_back_is_read_again() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        world.seconds_pass(-2);
        world.sessions.authenticate(&pair.access).await.unwrap();
        assert_eq!(reads(&world), 2);
    }

    #[tokio::test]
    async fn a_session_ended_on_another_node_is_refused_within_five_seconds() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        let at = world.store.rows().await.sessions[0].created_at;
        world.store.edit(|rows| rows.sessions[0].ended_at = Some(at)).await;
        world.seconds_pass(5);
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Invalid)));
    }

    #[tokio::test]
    async fn a_deactivated_user_is_refused() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.store.edit(|rows| rows.users[0].deactivate(Instant::UNIX_EPOCH).unwrap()).await;
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Invalid)));
    }

    #[tokio::test]
    async fn the_role_is_that_of_the_store_and_not_that_of_the_token() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        assert_eq!(world.sessions.authenticate(&pair.access).await.unwrap().role, Role::User);
        world.store.edit(|rows| rows.users[0].role = Role::Moderator).await;
        world.seconds_pass(5);
        assert_eq!(world.sessions.authenticate(&pair.access).await.unwrap().role, Role::Moderator);
    }

    #[tokio::test]
    async fn an_expired_token_gets_another_error_than_an_invalid_one() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        for text in ["", "made up", &pair.refresh] {
            assert!(matches!(world.sessions.authenticate(text).await, Err(AuthenticateError::Invalid)));
        }
        world.seconds_pass(17 * 60);
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Expired)));
        assert_eq!(reads(&world), 0);
    }

    #[tokio::test]
    async fn a_token_of_a_missing_session_or_another_user_is_refused() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let user = world.user(&ann()).await.id.to_string();
        let of_another = pair.access.replacen(&user, &uuid::Uuid::from_u128(999).to_string(), 1);
        let refused = world.sessions.authenticate(&of_another).await;
        assert!(matches!(refused, Err(AuthenticateError::Invalid)));
        world.store.execute("DELETE FROM sessions").await;
        world.seconds_pass(5);
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Invalid)));
    }
}
