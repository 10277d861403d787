use domain::{
    accounts::{AccessError, Actor, MAX_SESSIONS, Origin, SessionUnit},
    audit::{AuditAction, AuditObject, AuditState},
    id::{SessionId, UserId},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Sessions;
use crate::record::NewAuditEntry;

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// The actor has no such active session.
    #[error("no such session")]
    NotFound,
    /// The actor may not end the session.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Ends an active session of the actor, possibly the current one.
    ///
    /// # Errors
    /// See [`EndSessionError`].
    pub async fn end(&self, actor: Actor, id: SessionId, origin: &Origin) -> Result<(), EndSessionError> {
        retried(&*self.backoff, |attempt| self.try_end(attempt, actor, id, origin)).await?;
        self.seen_sessions.forget(id);
        Ok(())
    }

    async fn try_end(
        &self,
        attempt: Attempt,
        actor: Actor,
        id: SessionId,
        origin: &Origin,
    ) -> Result<(), EndSessionError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let session = unit.find_session_for_update(id).await?;
        let session = session.filter(|session| session.user_id == actor.user_id && session.is_live(now));
        let session = session.ok_or(EndSessionError::NotFound)?;
        self.end_family(&mut *unit, session, now).await?;
        self.record_ended(&mut *unit, actor.user_id, &[id], None, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Ends every session of the actor except the current one.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn end_others(&self, actor: Actor, origin: &Origin) -> Result<(), AccessError> {
        retried(&*self.backoff, |attempt| self.try_end_others(attempt, actor, origin)).await?;
        self.seen_sessions.forget_user(actor.user_id);
        Ok(())
    }

    async fn try_end_others(
        &self,
        attempt: Attempt,
        actor: Actor,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        let now = self.clock.now();
        // `begin_own` locks the user, so that no session of the user begins until this transaction ends.
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let mut others = unit.find_live_sessions_for_update(actor.user_id, now).await?;
        others.retain(|id| *id != actor.session_id);
        unit.end_sessions(&others, now).await?;
        self.record_ended(&mut *unit, actor.user_id, &others, None, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Ends the least recently used sessions of the locked user, so that one more session does not exceed
    /// [`MAX_SESSIONS`]. Returns the ended sessions.
    pub(super) async fn make_room(
        &self,
        unit: &mut dyn SessionUnit,
        user_id: UserId,
        origin: &Origin,
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut ended = unit.find_live_sessions_for_update(user_id, now).await?;
        ended.drain(..ended.len().min(MAX_SESSIONS.saturating_sub(1)));
        if !ended.is_empty() {
            unit.end_sessions(&ended, now).await?;
            self.record_ended(unit, user_id, &ended, Some("too_many_sessions"), origin, now).await?;
        }
        Ok(ended)
    }

    async fn record_ended(
        &self,
        unit: &mut dyn SessionUnit,
        user_id: UserId,
        ended: &[SessionId],
        reason: Option<&str>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), StoreError> {
        for id in ended {
            let mut entry =
                NewAuditEntry::by(user_id, AuditAction::SessionEnded).on(AuditObject::Session(*id));
            if let Some(reason) = reason {
                entry = entry.to(AuditState::of([("reason", reason)]));
            }
            self.recorder.audit(unit, entry, origin, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        accounts::{
            AuthenticateError, MailQuota, RefreshError, TokenPair,
            doubles::{ORIGIN, PASSWORD, Rows, World, ann, email, password},
        },
        paging::PageSelection,
    };

    async fn actor(world: &World, pair: &TokenPair) -> Actor {
        world.sessions.authenticate(&pair.access).await.unwrap()
    }

    async fn is_live(world: &World, pair: &TokenPair) -> bool {
        match world.sessions.authenticate(&pair.access).await {
            Ok(_) => true,
            Err(AuthenticateError::Invalid) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn listed(world: &World) -> Vec<SessionId> {
        let page = PageSelection::Numbered { page: 1, size: 100 };
        let sessions = world.sessions.list(world.user(&ann()).await.id, page).await.unwrap().items;
        sessions.iter().map(|session| session.id).collect()
    }

    async fn ended(world: &World) -> Vec<(Option<AuditObject>, Option<AuditState>)> {
        let rows = world.store.rows().await;
        let entries = rows.audit.iter().filter(|entry| entry.action == AuditAction::SessionEnded);
        entries.map(|entry| (entry.object, entry.after.clone())).collect()
    }

    #[tokio::test]
    async fn the_list_has_the_active_sessions_of_the_user_most_recently_used_first() {
        let world = World::new().await;
        let first = world.signed_in(&ann()).await;
        let mut pairs = vec![first];
        for _ in 0..3 {
            world.seconds_pass(1);
            pairs.push(world.log_in(&ann()).await);
        }
        world.signed_in(&email("bob@example.com")).await;
        let mut ids = Vec::new();
        for pair in &pairs {
            ids.push(actor(&world, pair).await.session_id);
        }
        world.sessions.end(actor(&world, &pairs[1]).await, ids[1], ORIGIN).await.unwrap();
        let use_later = |rows: &mut Rows| {
            let later = rows.sessions[3].created_at.checked_add_signed(TimeDelta::seconds(1));
            rows.sessions[0].last_used_at = later.unwrap();
        };
        world.store.edit(use_later).await;
        assert_eq!(listed(&world).await, [ids[0], ids[3], ids[2]]);
    }

    #[tokio::test]
    async fn own_sessions_including_the_current_one_can_be_ended_immediately() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let (caller, other) = (actor(&world, &laptop).await, actor(&world, &phone).await);
        world.sessions.end(caller, other.session_id, ORIGIN).await.unwrap();
        assert!(!is_live(&world, &phone).await && is_live(&world, &laptop).await);
        world.sessions.end(caller, caller.session_id, ORIGIN).await.unwrap();
        assert!(!is_live(&world, &laptop).await);
        let session = |id| (Some(AuditObject::Session(id)), None);
        assert_eq!(ended(&world).await, [session(other.session_id), session(caller.session_id)]);
        assert!(world.store.rows().await.refresh.is_empty());
    }

    #[tokio::test]
    async fn unknown_ended_expired_and_foreign_sessions_are_not_found() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let bob = world.signed_in(&email("bob@example.com")).await;
        let caller = actor(&world, &laptop).await;
        let (gone, bobs) = (actor(&world, &phone).await.session_id, actor(&world, &bob).await.session_id);
        world.sessions.end(caller, gone, ORIGIN).await.unwrap();
        for id in [gone, bobs, SessionId::from_uuid(uuid::Uuid::from_u128(999))] {
            let refused = world.sessions.end(caller, id, ORIGIN).await;
            assert!(matches!(refused, Err(EndSessionError::NotFound)));
        }
        world.seconds_pass(90 * 24 * 3600);
        let expired = world.sessions.end(caller, caller.session_id, ORIGIN).await;
        assert!(matches!(expired, Err(EndSessionError::NotFound)));
        assert_eq!(ended(&world).await.len(), 1);
    }

    #[tokio::test]
    async fn ending_the_others_keeps_the_current_session_and_other_users() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let bob = world.signed_in(&email("bob@example.com")).await;
        assert!(is_live(&world, &phone).await && is_live(&world, &bob).await);
        let caller = actor(&world, &laptop).await;
        for _ in 0..2 {
            world.sessions.end_others(caller, ORIGIN).await.unwrap();
        }
        assert!(
            !is_live(&world, &phone).await && is_live(&world, &laptop).await && is_live(&world, &bob).await
        );
        assert_eq!(
            ended(&world).await.len(),
            1,
            "the second call ends no session, so it writes no audit entry"
        );
        assert_eq!(listed(&world).await, [caller.session_id]);
    }

    #[tokio::test]
    async fn a_failed_commit_ends_nothing() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let caller = actor(&world, &laptop).await;
        world.fail_on_commit();
        let failed = world.sessions.end(caller, caller.session_id, ORIGIN).await;
        assert!(matches!(failed, Err(EndSessionError::Store(_))));
        assert!(world.sessions.end_others(caller, ORIGIN).await.is_err());
        assert!(is_live(&world, &laptop).await && is_live(&world, &phone).await);
    }

    #[tokio::test]
    async fn the_21st_sign_in_ends_the_least_recently_used_session() {
        let world = World::new().await;
        let mut pairs = vec![world.signed_in(&ann()).await];
        for _ in 1..MAX_SESSIONS {
            world.seconds_pass(1);
            pairs.push(world.log_in(&ann()).await);
        }
        world.seconds_pass(1);
        let oldest = actor(&world, &pairs[1]).await.session_id;
        // The first session was used again, so the second one is the least recently used.
        let used_at = world.store.rows().await.sessions.last().unwrap().created_at;
        world.store.edit(|rows| rows.sessions[0].last_used_at = used_at).await;
        world.log_in(&ann()).await;
        assert!(!is_live(&world, &pairs[1]).await);
        assert!(matches!(
            world.sessions.refresh(&pairs[1].refresh, ORIGIN).await,
            Err(RefreshError::Invalid)
        ));
        pairs.remove(1);
        for pair in &pairs {
            assert!(is_live(&world, pair).await);
        }
        assert_eq!(listed(&world).await.len(), MAX_SESSIONS);
        let reason = AuditState::of([("reason", "too_many_sessions")]);
        assert_eq!(ended(&world).await, [(Some(AuditObject::Session(oldest)), Some(reason))]);
    }

    #[tokio::test]
    async fn thirty_concurrent_sign_ins_leave_twenty_sessions() {
        let world = World::new().await;
        world.active(&ann()).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let sessions = world.sessions.clone();
            calls.spawn(async move {
                sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await.unwrap()
            });
        }
        calls.join_all().await;
        assert_eq!(listed(&world).await.len(), MAX_SESSIONS);
        assert_eq!(world.store.rows().await.refresh.len(), MAX_SESSIONS);
    }
}
