use domain::store::StoreError;

use super::Accounts;

impl Accounts {
    /// Ends the sign-in that the refresh token belongs to, rotated or not (R12). Whatever else the text is, nothing happens.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_out(&self, token: &str) -> Result<(), StoreError> {
        let Ok(claims) = self.ports.session_tokens.verify_refresh(token) else {
            return Ok(());
        };
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let session = unit.sessions().find_for_update(claims.session_id).await?;
        let Some(session) = session.filter(|session| session.ended_at.is_none()) else {
            return Ok(());
        };
        self.end_family(&mut *unit, session, now).await?;
        unit.commit().await?;
        self.seen_sessions.forget(claims.session_id);
        Ok(())
    }
}
