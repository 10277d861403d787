use domain::{
    accounts::{Origin, PersonalData},
    audit::{AuditAction, AuditObject},
    id::UserId,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{Accounts, audit::Deed};

/// What is stored of a user cannot be given out.
#[derive(Debug, thiserror::Error)]
pub enum ExportDataError {
    /// The account was deleted meanwhile.
    #[error("there is no such user any more")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// All that is stored of the user, and the moment it was read (quality B13). That it was given out is written down
    /// first, so that the copy tells of itself.
    ///
    /// # Errors
    /// See [`ExportDataError`].
    pub async fn export_data(
        &self,
        user_id: UserId,
        origin: &Origin,
    ) -> Result<(PersonalData, Instant), ExportDataError> {
        let now =
            retried(&*self.ports.backoff, |attempt| self.record_export(attempt, user_id, origin)).await?;
        let data = self.ports.personal_data.personal_data(user_id).await?.ok_or(ExportDataError::Gone)?;
        Ok((data, now))
    }

    async fn record_export(
        &self,
        attempt: Attempt,
        user_id: UserId,
        origin: &Origin,
    ) -> Result<Instant, ExportDataError> {
        let now = self.now();
        let mut unit = self.ports.store.begin(attempt).await?;
        let user = unit.find_user(user_id).await?.ok_or(ExportDataError::Gone)?;
        let deed = Deed::by(user.id, AuditAction::DataExported).on(AuditObject::User(user.id));
        self.record(&mut *unit, deed, origin, now).await?;
        unit.commit().await?;
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::doubles::{ORIGIN, World, ann, email};

    #[tokio::test]
    async fn the_copy_is_of_the_user_alone_and_tells_of_itself() {
        let world = World::new();
        world.signed_in(&email("bob@example.com")).await;
        world.signed_in(&ann()).await;
        let id = world.user(&ann()).id;
        let (data, at) = world.accounts.export_data(id, ORIGIN).await.unwrap();
        assert_eq!((data.user.email, at), (ann(), world.user(&ann()).created_at));
        assert!(data.sessions.iter().all(|session| session.user_id == id));
        assert_eq!((data.sessions.len(), data.refresh_tokens.len()), (1, 1));
        let actions: Vec<_> = data.audit.iter().map(|record| record.action.as_str()).collect();
        assert_eq!(actions, ["registered", "activated", "signed_in", "data_exported"]);
    }

    #[tokio::test]
    async fn nothing_is_given_out_that_is_not_written_down() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        world.fail_on_commit();
        assert!(matches!(world.accounts.export_data(id, ORIGIN).await, Err(ExportDataError::Store(_))));
        world.store.rows().users.clear();
        assert!(matches!(world.accounts.export_data(id, ORIGIN).await, Err(ExportDataError::Gone)));
    }
}
