use domain::{
    accounts::Origin,
    audit::{AuditAction, AuditObject},
    id::SessionId,
    store::{Attempt, StoreError, retried},
};

use super::Sessions;
use crate::record::NewAuditEntry;

impl Sessions {
    /// Ends the session of the refresh token, even if the token was rotated or has expired. Does nothing if the text
    /// is not a refresh token of this server, or if the session was already ended or does not exist.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_out(&self, token: &str, origin: &Origin) -> Result<(), StoreError> {
        let Ok(claims) = self.session_tokens.verify_refresh(token) else {
            return Ok(());
        };
        retried(&*self.backoff, |attempt| self.end_session(attempt, claims.session_id, origin)).await
    }

    async fn end_session(&self, attempt: Attempt, id: SessionId, origin: &Origin) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let session = unit.find_session_for_update(id).await?;
        let Some(session) = session.filter(|session| session.ended_at.is_none()) else {
            return Ok(());
        };
        let entry = NewAuditEntry::by(session.user_id, AuditAction::SignedOut).on(AuditObject::Session(id));
        self.end_family(&mut *unit, session, now).await?;
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        self.seen_sessions.forget(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::{
        AuthenticateError, RefreshError,
        doubles::{ORIGIN, World, ann},
    };

    #[tokio::test]
    async fn logging_out_ends_the_session_immediately_on_this_node() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        world.sessions.log_out(&pair.refresh, ORIGIN).await.unwrap();
        let access = world.sessions.authenticate(&pair.access).await;
        assert!(matches!(access, Err(AuthenticateError::Invalid)));
        assert!(matches!(world.sessions.refresh(&pair.refresh, ORIGIN).await, Err(RefreshError::Invalid)));
        assert!(world.store.rows().await.refresh.is_empty());
    }

    #[tokio::test]
    async fn a_text_that_is_no_refresh_token_is_accepted_and_ends_no_session() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        for text in ["", "made up", &pair.access] {
            world.sessions.log_out(text, ORIGIN).await.unwrap();
        }
        world.sessions.refresh(&pair.refresh, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_rotated_and_expired_token_ends_its_session_and_can_be_sent_again() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        let second = world.sessions.refresh(&first.refresh, ORIGIN).await.unwrap();
        world.seconds_pass(8 * 24 * 3600);
        for _ in 0..2 {
            world.sessions.log_out(&first.refresh, ORIGIN).await.unwrap();
        }
        assert!(world.store.rows().await.sessions[0].ended_at.is_some());
        assert!(matches!(world.sessions.refresh(&second.refresh, ORIGIN).await, Err(RefreshError::Invalid)));
    }

    #[tokio::test]
    async fn logging_out_ends_no_other_session() {
        let world = World::new().await;
        let laptop = world.signed_in(&ann()).await;
        let phone = world.log_in(&ann()).await;
        world.sessions.log_out(&laptop.refresh, ORIGIN).await.unwrap();
        world.sessions.authenticate(&phone.access).await.unwrap();
        world.sessions.refresh(&phone.refresh, ORIGIN).await.unwrap();
    }
}
