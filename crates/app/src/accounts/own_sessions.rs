use domain::{
    accounts::{AccessError, AccountUnit, Actor, KnownDevice, MAX_SESSIONS, Origin, Session, User},
    audit::{AuditAction, AuditObject, AuditState},
    entropy::PlainToken,
    id::{SessionId, UserId},
    page::{Page, Position, SortValue},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{Accounts, audit::Deed};
use crate::paging::{ListError, Listing, PageSelection};

/// A sign-in was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// There is no such live sign-in of this user.
    #[error("no such sign-in")]
    NotFound,
    /// The actor may not end it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// A page of the live sign-ins of the user, the one used last first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn sessions(
        &self,
        user_id: UserId,
        page: PageSelection,
    ) -> Result<Listing<Session>, ListError> {
        // Never parsed: it only has to be the same text for the same list.
        let context = format!("sessions {user_id}");
        let request = self.ports.cursors.request(&context, page)?;
        let live = self.ports.queries.live_sessions(user_id, self.now()).await?;
        let used = |session: &Session| SortValue::Integer(session.last_used_at.timestamp_micros());
        let place = |session: &Session| Position { values: vec![used(session)], id: session.id.as_uuid() };
        let page = Page::of_whole(live, &request, place, |session, place| {
            let Some(SortValue::Integer(last_used_at)) = place.values.first() else { return false };
            (session.last_used_at.timestamp_micros(), session.id.as_uuid()) < (*last_used_at, place.id)
        });
        Ok(self.ports.cursors.listing(&context, &request, page))
    }

    /// Ends a live sign-in of the caller's own; it may be the calling one.
    ///
    /// # Errors
    /// See [`EndSessionError`].
    pub async fn end_own_session(
        &self,
        actor: Actor,
        id: SessionId,
        origin: &Origin,
    ) -> Result<(), EndSessionError> {
        retried(&*self.ports.backoff, |attempt| self.try_end_own_session(attempt, actor, id, origin)).await?;
        self.seen_sessions.forget(id);
        Ok(())
    }

    async fn try_end_own_session(
        &self,
        attempt: Attempt,
        actor: Actor,
        id: SessionId,
        origin: &Origin,
    ) -> Result<(), EndSessionError> {
        let now = self.now();
        let mut unit = self.ports.store.begin_own(attempt, &actor).await?;
        let session = unit.find_session_for_update(id).await?;
        let session = session.filter(|session| session.user_id == actor.user_id && session.is_live(now));
        let session = session.ok_or(EndSessionError::NotFound)?;
        self.end_family(&mut *unit, session, now).await?;
        self.record_ended(&mut *unit, actor.user_id, &[id], None, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Ends every session of the actor's but the calling one.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn end_other_sessions(&self, actor: Actor, origin: &Origin) -> Result<(), AccessError> {
        retried(&*self.ports.backoff, |attempt| self.try_end_other_sessions(attempt, actor, origin)).await?;
        self.seen_sessions.forget_user(actor.user_id);
        Ok(())
    }

    async fn try_end_other_sessions(
        &self,
        attempt: Attempt,
        actor: Actor,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        let now = self.now();
        // The user is locked, so that no session begins meanwhile.
        let mut unit = self.ports.store.begin_own(attempt, &actor).await?;
        let mut others = unit.find_live_sessions_for_update(actor.user_id, now).await?;
        others.retain(|id| *id != actor.session_id);
        unit.end_sessions(&others, now).await?;
        self.record_ended(&mut *unit, actor.user_id, &others, None, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Makes room for one more sign-in of the user, who is locked: ends those used longest ago, and says which.
    pub(super) async fn make_room(
        &self,
        unit: &mut dyn AccountUnit,
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

    /// Remembers the device of a new sign-in; tells the owner when it is a new one and not the first of all.
    pub(super) async fn note_device(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        session: &Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        // With the user in it, so that the digests of two users do not tell that they use the same device.
        let fingerprint = format!("{} {}", user.id, session.device.fingerprint());
        let device = self.ports.tokens.digest(&PlainToken::new(fingerprint));
        if unit.touch_device(user.id, &device, now).await? {
            return Ok(());
        }
        let is_first = !unit.has_known_devices(user.id).await?;
        let known = KnownDevice { user_id: user.id, device, first_seen_at: now, last_seen_at: now };
        unit.insert_device(&known).await?;
        if is_first { Ok(()) } else { self.tell_new_device(unit, user, session, now).await }
    }

    async fn record_ended(
        &self,
        unit: &mut dyn AccountUnit,
        user_id: UserId,
        ended: &[SessionId],
        reason: Option<&str>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), StoreError> {
        for id in ended {
            let mut deed = Deed::by(user_id, AuditAction::SessionEnded).on(AuditObject::Session(*id));
            if let Some(reason) = reason {
                deed = deed.to(AuditState::of([("reason", reason)]));
            }
            self.record(unit, deed, origin, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::accounts::{
        AuthenticateError, MailQuota, RefreshError, TokenPair,
        doubles::{ORIGIN, PASSWORD, World, ann, email, password},
    };

    async fn actor(world: &World, pair: &TokenPair) -> Actor {
        world.accounts.authenticate(&pair.access).await.unwrap()
    }

    async fn is_live(world: &World, pair: &TokenPair) -> bool {
        match world.accounts.authenticate(&pair.access).await {
            Ok(_) => true,
            Err(AuthenticateError::Invalid) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn listed(world: &World) -> Vec<SessionId> {
        let page = PageSelection::Numbered { page: 1, size: 100 };
        let sessions = world.accounts.sessions(world.user(&ann()).id, page).await.unwrap().items;
        sessions.iter().map(|session| session.id).collect()
    }

    fn ended(world: &World) -> Vec<(Option<AuditObject>, Option<AuditState>)> {
        let rows = world.store.rows();
        let entries = rows.audit.iter().filter(|entry| entry.action == AuditAction::SessionEnded);
        entries.map(|entry| (entry.object, entry.after.clone())).collect()
    }

    #[tokio::test]
    async fn the_list_has_the_live_ones_of_the_user_the_last_used_first() {
        let world = World::new();
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
        world.accounts.end_own_session(actor(&world, &pairs[1]).await, ids[1], ORIGIN).await.unwrap();
        {
            let mut rows = world.store.rows();
            let later = rows.sessions[3].created_at.checked_add_signed(TimeDelta::seconds(1));
            rows.sessions[0].last_used_at = later.unwrap();
        }
        assert_eq!(listed(&world).await, [ids[0], ids[3], ids[2]]);
    }

    #[tokio::test]
    async fn a_sign_in_of_ones_own_ends_at_once_the_calling_one_too() {
        let world = World::new();
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let (caller, other) = (actor(&world, &laptop).await, actor(&world, &phone).await);
        world.accounts.end_own_session(caller, other.session_id, ORIGIN).await.unwrap();
        assert!(!is_live(&world, &phone).await && is_live(&world, &laptop).await);
        world.accounts.end_own_session(caller, caller.session_id, ORIGIN).await.unwrap();
        assert!(!is_live(&world, &laptop).await);
        let session = |id| (Some(AuditObject::Session(id)), None);
        assert_eq!(ended(&world), [session(other.session_id), session(caller.session_id)]);
        assert!(world.store.rows().refresh.is_empty());
    }

    #[tokio::test]
    async fn unknown_ended_expired_and_others_sign_ins_are_not_there() {
        let world = World::new();
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let bob = world.signed_in(&email("bob@example.com")).await;
        let caller = actor(&world, &laptop).await;
        let (gone, bobs) = (actor(&world, &phone).await.session_id, actor(&world, &bob).await.session_id);
        world.accounts.end_own_session(caller, gone, ORIGIN).await.unwrap();
        for id in [gone, bobs, SessionId::from_uuid(uuid::Uuid::from_u128(999))] {
            let refused = world.accounts.end_own_session(caller, id, ORIGIN).await;
            assert!(matches!(refused, Err(EndSessionError::NotFound)));
        }
        world.seconds_pass(90 * 24 * 3600);
        let expired = world.accounts.end_own_session(caller, caller.session_id, ORIGIN).await;
        assert!(matches!(expired, Err(EndSessionError::NotFound)));
        assert_eq!(ended(&world).len(), 1);
    }

    #[tokio::test]
    async fn ending_the_others_leaves_the_calling_one_and_other_users() {
        let world = World::new();
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let bob = world.signed_in(&email("bob@example.com")).await;
        assert!(is_live(&world, &phone).await && is_live(&world, &bob).await);
        let caller = actor(&world, &laptop).await;
        for _ in 0..2 {
            world.accounts.end_other_sessions(caller, ORIGIN).await.unwrap();
        }
        assert!(
            !is_live(&world, &phone).await && is_live(&world, &laptop).await && is_live(&world, &bob).await
        );
        assert_eq!(ended(&world).len(), 1, "ending nobody is not written down");
        assert_eq!(listed(&world).await, [caller.session_id]);
    }

    #[tokio::test]
    async fn a_failed_commit_ends_nothing() {
        let world = World::new();
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let caller = actor(&world, &laptop).await;
        world.fail_on_commit();
        let failed = world.accounts.end_own_session(caller, caller.session_id, ORIGIN).await;
        assert!(matches!(failed, Err(EndSessionError::Store(_))));
        assert!(world.accounts.end_other_sessions(caller, ORIGIN).await.is_err());
        assert!(is_live(&world, &laptop).await && is_live(&world, &phone).await);
    }

    #[tokio::test]
    async fn the_21st_sign_in_ends_the_one_used_longest_ago() {
        let world = World::new();
        let mut pairs = vec![world.signed_in(&ann()).await];
        for _ in 1..MAX_SESSIONS {
            world.seconds_pass(1);
            pairs.push(world.log_in(&ann()).await);
        }
        world.seconds_pass(1);
        let oldest = actor(&world, &pairs[1]).await.session_id;
        // The first one was used again, so the second is it.
        let used_at = world.store.rows().sessions.last().unwrap().created_at;
        world.store.rows().sessions[0].last_used_at = used_at;
        world.log_in(&ann()).await;
        assert!(!is_live(&world, &pairs[1]).await);
        assert!(matches!(
            world.accounts.refresh(&pairs[1].refresh, ORIGIN).await,
            Err(RefreshError::Invalid)
        ));
        pairs.remove(1);
        for pair in &pairs {
            assert!(is_live(&world, pair).await);
        }
        assert_eq!(listed(&world).await.len(), MAX_SESSIONS);
        let reason = AuditState::of([("reason", "too_many_sessions")]);
        assert_eq!(ended(&world), [(Some(AuditObject::Session(oldest)), Some(reason))]);
    }

    #[tokio::test]
    async fn thirty_sign_ins_at_once_leave_twenty() {
        let world = World::new();
        world.active(&ann()).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let accounts = world.accounts.clone();
            calls.spawn(async move {
                accounts.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await.unwrap()
            });
        }
        calls.join_all().await;
        assert_eq!(listed(&world).await.len(), MAX_SESSIONS);
        assert_eq!(world.store.rows().refresh.len(), MAX_SESSIONS);
    }
}
