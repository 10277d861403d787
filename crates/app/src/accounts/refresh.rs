use domain::{
    accounts::{AccountUnit, REFRESH_GRACE, RefreshClaims, RefreshToken, Session},
    store::StoreError,
    time::Instant,
};

use super::{Accounts, TokenPair};

/// A refresh was refused.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown, expired, ended, reused or of another kind.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Exchanges a refresh token for its successor and a fresh access token (R10, R11; RFC 9700 section 4.14.2).
    ///
    /// A repeat within [`REFRESH_GRACE`] gets the same successor again. A later reuse ends the whole sign-in, since one of
    /// the two holders stole it. The rows of user and sign-in are locked throughout, so any number of parallel calls see one rotation.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub async fn refresh(&self, token: &str) -> Result<TokenPair, RefreshError> {
        let presented = self.ports.session_tokens.verify_refresh(token).map_err(|_| RefreshError::Invalid)?;
        let now = self.now();
        let digest = self.ports.tokens.digest(&presented.token);
        let mut unit = self.ports.store.begin().await?;
        // The user is locked before the session, as a reset of the password does, which ends every session.
        let user = unit.users().find_for_update(presented.user_id).await?.ok_or(RefreshError::Invalid)?;
        let session =
            unit.sessions().find_for_update(presented.session_id).await?.ok_or(RefreshError::Invalid)?;
        let stored = unit.sessions().find_refresh(&digest).await?.ok_or(RefreshError::Invalid)?;
        if session.user_id != user.id
            || stored.session_id != session.id
            || !session.is_live(now)
            || !user.is_active
            || now >= stored.expires_at
        {
            return Err(RefreshError::Invalid);
        }
        let claims = match stored.rotated_at {
            None => self.rotate(&mut *unit, session, &stored, &presented, now).await?,
            Some(at) if now.signed_duration_since(at) <= REFRESH_GRACE => {
                self.same_successor(&mut *unit, &presented).await?
            }
            Some(_) => {
                self.end_family(&mut *unit, session, now).await?;
                unit.commit().await?;
                self.seen_sessions.forget(presented.session_id);
                tracing::warn!(event = "refresh_reuse", session_id = %presented.session_id, user_id = %user.id);
                return Err(RefreshError::Invalid);
            }
        };
        unit.commit().await?;
        Ok(self.sign_pair(user.role, &claims, now))
    }

    async fn rotate(
        &self,
        unit: &mut dyn AccountUnit,
        mut session: Session,
        stored: &RefreshToken,
        presented: &RefreshClaims,
        now: Instant,
    ) -> Result<RefreshClaims, StoreError> {
        let (successor, claims) =
            self.next_refresh(self.ports.tokens.successor(&presented.token), &session, now);
        unit.sessions().mark_rotated(&stored.digest, now).await?;
        unit.sessions().insert_refresh(&successor).await?;
        session.last_used_at = now;
        unit.sessions().update(&session).await?;
        Ok(claims)
    }

    async fn same_successor(
        &self,
        unit: &mut dyn AccountUnit,
        presented: &RefreshClaims,
    ) -> Result<RefreshClaims, RefreshError> {
        let token = self.ports.tokens.successor(&presented.token);
        let digest = self.ports.tokens.digest(&token);
        // It is missing only when the server's secret was changed within the grace.
        let stored = unit.sessions().find_refresh(&digest).await?.ok_or(RefreshError::Invalid)?;
        Ok(RefreshClaims {
            user_id: stored.user_id,
            session_id: stored.session_id,
            token,
            issued_at: stored.issued_at,
            expires_at: stored.expires_at,
        })
    }

    /// Ends the sign-in and forgets all of its refresh tokens.
    pub(super) async fn end_family(
        &self,
        unit: &mut dyn AccountUnit,
        mut session: Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        session.ended_at = Some(now);
        unit.sessions().update(&session).await?;
        unit.sessions().remove_refresh(session.id).await
    }
}
