use domain::{
    accounts::{Origin, REFRESH_GRACE, RefreshClaims, RefreshToken, Session, SessionUnit},
    audit::{AuditAction, AuditObject, AuditState},
    entropy::{KeyAge, TokenDigest},
    id::SessionId,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{Sessions, tokens::TokenPair};
use crate::record::NewAuditEntry;

/// Why a refresh was refused.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not a refresh token, or is unknown, expired or reused, or its session has ended or its user is
    /// inactive.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Identifies a refresh token that this server has issued. Rate limits use it to count a refresh request before the
/// token is exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedToken {
    /// The session that the token claims to belong to.
    pub session_id: SessionId,
    /// The digest of the token.
    pub digest: TokenDigest,
}

impl Sessions {
    /// Exchanges a refresh token for its successor (the next refresh token) and a new access token (RFC 9700 section
    /// 4.14.2).
    ///
    /// Further calls with the same token within [`REFRESH_GRACE`] get the same successor. A later reuse ends the
    /// session, because the token may have been stolen. User and session are locked, so that concurrent calls see a
    /// single rotation.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<TokenPair, RefreshError> {
        let presented = self.session_tokens.verify_refresh(token).map_err(|_| RefreshError::Invalid)?;
        retried(&*self.backoff, |attempt| self.try_refresh(attempt, &presented, origin)).await
    }

    /// Returns the session and the digest of a refresh token, even if the token has expired or was used. `None` when
    /// this server did not issue the token.
    #[must_use]
    pub fn presented(&self, refresh: &str) -> Option<PresentedToken> {
        let claims = self.session_tokens.verify_refresh(refresh).ok()?;
        Some(PresentedToken { session_id: claims.session_id, digest: self.tokens.digest(&claims.token) })
    }

    async fn try_refresh(
        &self,
        attempt: Attempt,
        presented: &RefreshClaims,
        origin: &Origin,
    ) -> Result<TokenPair, RefreshError> {
        let now = self.clock.now();
        let digest = self.tokens.digest(&presented.token);
        let mut unit = self.store.begin(attempt).await?;
        // The user is locked before the session. A password reset, which ends every session, locks in the same order,
        // so the two cannot deadlock.
        let user = unit.find_user_for_update(presented.user_id).await?.ok_or(RefreshError::Invalid)?;
        let session =
            unit.find_session_for_update(presented.session_id).await?.ok_or(RefreshError::Invalid)?;
        let stored = unit.find_refresh_token(&digest).await?.ok_or(RefreshError::Invalid)?;
        if session.user_id != user.id
            || stored.session_id != session.id
            || !session.is_live(now)
            || !user.is_active()
            || now >= stored.expires_at
        {
            return Err(RefreshError::Invalid);
        }
        let (key, claims) = match stored.rotated_at {
            None => (KeyAge::CURRENT, self.rotate(&mut *unit, session, &stored, presented, now).await?),
            Some(at) if now.signed_duration_since(at) <= REFRESH_GRACE => {
                self.same_successor(&mut *unit, presented).await?
            }
            Some(_) => {
                // The entry has no actor: both the owner and a thief may have the token, and it is unknown which of
                // them sent it.
                let entry = NewAuditEntry::by(None, AuditAction::RefreshReused)
                    .on(AuditObject::User(user.id))
                    .to(AuditState::of([("ended_session", session.id.to_string())]));
                self.end_family(&mut *unit, session, now).await?;
                self.recorder.audit(&mut *unit, entry, origin, now).await?;
                unit.commit().await?;
                self.seen_sessions.forget(presented.session_id);
                tracing::warn!(event = "refresh_reuse", session_id = %presented.session_id, user_id = %user.id);
                return Err(RefreshError::Invalid);
            }
        };
        unit.commit().await?;
        Ok(self.sign_pair(user.role, &claims, key, now))
    }

    async fn rotate(
        &self,
        unit: &mut dyn SessionUnit,
        mut session: Session,
        stored: &RefreshToken,
        presented: &RefreshClaims,
        now: Instant,
    ) -> Result<RefreshClaims, StoreError> {
        let (successor, claims) = self.next_refresh(self.tokens.successor(&presented.token), &session, now);
        unit.mark_refresh_token_rotated(&stored.digest, now).await?;
        unit.insert_refresh_token(&successor).await?;
        session.last_used_at = now;
        unit.update_session(&session).await?;
        Ok(claims)
    }

    /// Returns the successor that an earlier refresh stored for the token, and the age of the server's key that created
    /// and signed this successor. The key may have been replaced since then.
    async fn same_successor(
        &self,
        unit: &mut dyn SessionUnit,
        presented: &RefreshClaims,
    ) -> Result<(KeyAge, RefreshClaims), RefreshError> {
        for (key, token) in self.tokens.successors(&presented.token) {
            let digest = self.tokens.digest(&token);
            if let Some(stored) = unit.find_refresh_token(&digest).await? {
                let claims = RefreshClaims {
                    user_id: stored.user_id,
                    session_id: stored.session_id,
                    token,
                    issued_at: stored.issued_at,
                    expires_at: stored.expires_at,
                };
                return Ok((key, claims));
            }
        }
        // The successor is missing only if the server no longer has the key that created it.
        Err(RefreshError::Invalid)
    }

    /// Ends the session and removes its refresh tokens.
    pub(super) async fn end_family(
        &self,
        unit: &mut dyn SessionUnit,
        mut session: Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        session.ended_at = Some(now);
        unit.update_session(&session).await?;
        unit.remove_refresh_tokens(session.id).await
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::{
        AuthenticateError, RefreshError, TokenPair,
        doubles::{ORIGIN, World, ann, email},
    };

    const DAY: i64 = 24 * 3600;

    async fn refused(world: &World, token: &str) {
        assert!(matches!(world.sessions.refresh(token, ORIGIN).await, Err(RefreshError::Invalid)), "{token}");
    }

    async fn next(world: &World, pair: &TokenPair) -> TokenPair {
        world.sessions.refresh(&pair.refresh, ORIGIN).await.unwrap()
    }

    #[tokio::test]
    async fn a_refresh_rotates_and_both_new_tokens_work() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        world.seconds_pass(60);
        let second = next(&world, &first).await;
        assert!(first.refresh != second.refresh && first.access != second.access);
        world.sessions.authenticate(&second.access).await.unwrap();
        next(&world, &second).await;
        let rows = world.store.rows().await;
        assert_eq!(rows.sessions.len(), 1);
        assert!(rows.sessions[0].last_used_at > rows.sessions[0].created_at);
        assert_eq!(rows.refresh.iter().filter(|token| token.rotated_at.is_none()).count(), 1);
    }

    #[tokio::test]
    async fn a_repeat_within_30_seconds_gets_the_same_successor_with_a_fresh_access_token() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        let second = next(&world, &first).await;
        world.seconds_pass(30);
        let repeated = next(&world, &first).await;
        assert_eq!(repeated.refresh, second.refresh);
        assert_ne!(repeated.access, second.access);
        assert_eq!(world.store.rows().await.refresh.len(), 2);
        next(&world, &second).await;
    }

    #[tokio::test]
    async fn a_repetition_after_a_key_rotation_gets_the_same_refresh_token() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        let second = next(&world, &first).await;
        for _ in 0..2 {
            world.tokens.change_key();
            assert_eq!(next(&world, &first).await.refresh, second.refresh);
        }
        assert_eq!(world.store.rows().await.refresh.len(), 2);
        let third = next(&world, &second).await;
        world.tokens.change_key();
        assert_eq!(next(&world, &second).await.refresh, third.refresh);
        next(&world, &third).await;
    }

    #[tokio::test]
    async fn a_reuse_after_30_seconds_ends_the_session_with_all_its_tokens_at_once() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        let second = next(&world, &first).await;
        let third = next(&world, &second).await;
        world.seconds_pass(31);
        world.sessions.authenticate(&third.access).await.unwrap();
        refused(&world, &first.refresh).await;
        for pair in [&first, &second, &third] {
            refused(&world, &pair.refresh).await;
        }
        let access = world.sessions.authenticate(&third.access).await;
        assert!(matches!(access, Err(AuthenticateError::Invalid)));
        assert!(world.store.rows().await.refresh.is_empty());
    }

    #[tokio::test]
    async fn a_reuse_ends_no_other_session() {
        let world = World::new().await;
        let stolen = world.signed_in(&ann()).await;
        let other = world.log_in(&ann()).await;
        next(&world, &stolen).await;
        world.seconds_pass(31);
        refused(&world, &stolen.refresh).await;
        next(&world, &other).await;
    }

    #[tokio::test]
    async fn access_tokens_and_made_up_tokens_are_refused() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let digest = world.store.rows().await.refresh[0].digest.as_str().trim_start_matches('#').to_owned();
        let unknown = pair.refresh.replace(&digest, "unknown");
        for text in ["", "made up", &pair.access, &unknown] {
            refused(&world, text).await;
        }
        next(&world, &pair).await;
    }

    #[tokio::test]
    async fn a_token_is_valid_only_for_its_user_and_session() {
        let world = World::new().await;
        let bob = world.signed_in(&email("bob@example.com")).await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let part = |pair: &TokenPair, index| pair.refresh.split(' ').nth(index).unwrap().to_owned();
        let of_bob = laptop.refresh.replace(&part(&laptop, 1), &part(&bob, 1));
        let of_phone = laptop.refresh.replace(&part(&laptop, 2), &part(&phone, 2));
        for text in [of_bob, of_phone] {
            refused(&world, &text).await;
        }
        next(&world, &laptop).await;
    }

    #[tokio::test]
    async fn fifty_refreshes_at_once_get_one_successor_and_end_nothing() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (sessions, token) = (world.sessions.clone(), pair.refresh.clone());
            calls.spawn(async move { sessions.refresh(&token, ORIGIN).await.unwrap() });
        }
        let pairs = calls.join_all().await;
        assert!(pairs.iter().all(|other| other.refresh == pairs[0].refresh));
        assert_eq!(world.store.rows().await.refresh.len(), 2);
        next(&world, &pairs[0]).await;
    }

    #[tokio::test]
    async fn an_expired_token_is_refused() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.seconds_pass(7 * DAY);
        refused(&world, &pair.refresh).await;
    }

    #[tokio::test]
    async fn a_session_ends_after_90_days_however_often_it_is_refreshed() {
        let world = World::new().await;
        let mut pair = world.signed_in(&ann()).await;
        for _ in 0..14 {
            world.seconds_pass(6 * DAY);
            pair = next(&world, &pair).await;
        }
        world.seconds_pass(6 * DAY);
        refused(&world, &pair.refresh).await;
        let rows = world.store.rows().await;
        assert!(rows.refresh.iter().all(|token| token.expires_at <= rows.sessions[0].expires_at));
    }

    #[tokio::test]
    async fn a_deactivated_user_and_an_ended_session_are_refused() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let before = world.store.rows().await;
        world.store.edit(|rows| rows.users[0].deactivate(domain::time::Instant::UNIX_EPOCH).unwrap()).await;
        refused(&world, &pair.refresh).await;
        world.store.edit(|rows| *rows = before.clone()).await;
        world.store.edit(|rows| rows.sessions[0].ended_at = Some(before.sessions[0].created_at)).await;
        refused(&world, &pair.refresh).await;
        world.store.edit(|rows| *rows = before.clone()).await;
        next(&world, &pair).await;
    }

    #[tokio::test]
    async fn a_failed_commit_rotates_nothing() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let before = world.store.rows().await;
        world.fail_on_commit();
        assert!(matches!(world.sessions.refresh(&pair.refresh, ORIGIN).await, Err(RefreshError::Store(_))));
        assert_eq!(world.store.rows().await, before);
    }
}
