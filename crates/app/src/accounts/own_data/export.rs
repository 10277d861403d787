use domain::{
    accounts::{AccessError, Actor, Origin, PersonalData, WrittenComment},
    audit::{AuditAction, AuditObject},
    id::{CommentId, UserId},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::OwnData;
use crate::record::NewAuditEntry;

/// How many comments of an export are read at a time.
const COMMENTS_AT_A_TIME: u32 = 100;

impl OwnData {
    /// Returns all data of the actor except the comments (see [`written_comments`](Self::written_comments)), and the
    /// time of the export. The export is recorded in the audit log first, so that the data contains the entry of the
    /// export itself.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn export(
        &self,
        actor: Actor,
        origin: &Origin,
    ) -> Result<(PersonalData, Instant), AccessError> {
        let now = retried(&*self.backoff, |attempt| self.record_export(attempt, actor, origin)).await?;
        let data = self.queries.personal_data(actor.user_id).await?;
        Ok((data.ok_or(AccessError::SignedOut)?, now))
    }

    /// Returns the next comments of a user's export: the comments that follow the position `behind` (the time and
    /// identifier of a comment), or the first comments if `behind` is `None`. An empty result means that there are no
    /// more comments.
    ///
    /// Does not check access: the caller must have called [`export`](Self::export) for the same user.
    ///
    /// # Errors
    /// When the comments cannot be read.
    pub async fn written_comments(
        &self,
        user_id: UserId,
        behind: Option<(Instant, CommentId)>,
    ) -> Result<Vec<WrittenComment>, StoreError> {
        self.queries.written_comments(user_id, behind, COMMENTS_AT_A_TIME).await
    }

    async fn record_export(
        &self,
        attempt: Attempt,
        actor: Actor,
        origin: &Origin,
    ) -> Result<Instant, AccessError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let entry =
            NewAuditEntry::by(actor.user_id, AuditAction::DataExported).on(AuditObject::User(actor.user_id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::AccessError;

    use crate::accounts::doubles::{ORIGIN, World, ann, email};

    #[tokio::test]
    async fn the_export_contains_only_data_of_the_user_and_its_own_audit_entry() {
        let world = World::new().await;
        world.signed_in(&email("bob@example.com")).await;
        let pair = world.signed_in(&ann()).await;
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        let id = actor.user_id;
        let (data, at) = world.own_data.export(actor, ORIGIN).await.unwrap();
        assert_eq!((data.user.email, at), (ann(), world.user(&ann()).await.created_at));
        assert!(data.sessions.iter().all(|session| session.user_id == id));
        assert_eq!((data.sessions.len(), data.refresh_tokens.len()), (1, 1));
        let actions: Vec<_> = data.audit.iter().map(|record| record.action.as_str()).collect();
        assert_eq!(actions, ["registered", "activated", "signed_in", "data_exported"]);
    }

    #[tokio::test]
    async fn an_export_without_a_stored_audit_entry_or_without_a_user_fails() {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        world.fail_on_commit();
        assert!(matches!(
            world.own_data.export(world.actor(id).await, ORIGIN).await,
            Err(AccessError::Store(_))
        ));
        world.store.edit(|rows| rows.users.clear()).await;
        assert!(matches!(
            world.own_data.export(world.actor(id).await, ORIGIN).await,
            Err(AccessError::SignedOut)
        ));
    }
}
