use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use domain::{
    accounts::{
        AccountMaintenance, CredentialQueries, Credentials, EmailAddress, InsertUserError, KnownDevice,
        KnownDeviceRepository, LinkKind, LinkToken, LinkTokenRepository, OpenLink, PersonalData,
        PersonalDataQueries, PersonalDataRepository, Profile, ProfileRepository, RefreshToken, Role, Session,
        SessionQueries, SessionRepository, SessionState, User, UserDetails, UserFilter, UserLocks,
        UserQueries, UserRepository, UserSort, UserSortKey,
    },
    audit::{
        AuditEntry, AuditFilter, AuditObject, AuditQueries, AuditRecord, AuditRepository, RecordedObject,
    },
    entropy::TokenDigest,
    id::{OutboxId, SessionId, UserId},
    notifications::NotificationSettings,
    outbox::{NewOutboxMessage, OutboxRepository},
    page::{Page, PageRequest, Position, SortValue, Start, Total},
    store::{Attempt, StoreError, UnitsOfWork},
    time::Instant,
};
use tokio::sync::OwnedMutexGuard;

use crate::doubles::Races;

/// All that is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) users: Vec<User>,
    pub(crate) links: Vec<LinkToken>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) devices: Vec<KnownDevice>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) refresh: Vec<RefreshToken>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) outbox: Vec<NewOutboxMessage>,
    /// Users who were erased.
    pub(crate) tombstones: Vec<UserId>,
}

type Meddler = Box<dyn FnMut(&mut Rows) + Send>;

/// Keeps accounts in memory, one unit of work after the other.
#[derive(Default)]
pub(crate) struct MemoryAccounts {
    rows: Arc<Mutex<Rows>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    meddler: Mutex<Option<Meddler>>,
    pub(crate) fails_on_commit: AtomicBool,
    pub(crate) races: Arc<Races>,
    pub(crate) session_reads: AtomicUsize,
    pub(crate) credential_reads: AtomicUsize,
    pub(crate) purges: AtomicUsize,
}

impl MemoryAccounts {
    /// What was committed.
    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Lets somebody else change the rows each time right before a unit of work begins.
    pub(crate) fn meddle(&self, meddler: impl FnMut(&mut Rows) + Send + 'static) {
        *self.meddler.lock().unwrap() = Some(Box::new(meddler));
    }

    pub(crate) fn has_open_unit(&self) -> bool {
        self.turn.try_lock().is_err()
    }
}

#[async_trait]
impl UnitsOfWork for MemoryAccounts {
    type Unit = Unit;

    async fn begin(&self, _attempt: Attempt) -> Result<Unit, StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        if let Some(meddler) = &mut *self.meddler.lock().unwrap() {
            meddler(&mut self.rows());
        }
        let draft = self.rows().clone();
        let fails_on_commit = self.fails_on_commit.load(Ordering::Relaxed);
        Ok(Unit {
            rows: self.rows.clone(),
            draft,
            fails_on_commit,
            races: self.races.clone(),
            held: Row::None,
            _turn: turn,
        })
    }
}

/// What a unit of work locks, in the order that all of them keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    None,
    User,
    Link,
    Session,
}

pub(crate) struct Unit {
    rows: Arc<Mutex<Rows>>,
    draft: Rows,
    fails_on_commit: bool,
    races: Arc<Races>,
    held: Row,
    _turn: OwnedMutexGuard<()>,
}

impl Unit {
    fn lock(&mut self, row: Row) {
        assert!(self.held <= row, "locks a {row:?} row while it holds a {:?} row", self.held);
        self.held = row;
    }
}

#[async_trait]
impl domain::store::Unit for Unit {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.races.run()?;
        if self.fails_on_commit {
            return Err(StoreError::failed("the disk is full"));
        }
        *self.rows.lock().unwrap() = self.draft;
        Ok(())
    }
}

#[async_trait]
impl UserRepository for Unit {
    async fn find_user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.draft.users.iter().find(|user| user.id == id).cloned())
    }
    async fn find_user_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.lock(Row::User);
        UserRepository::find_user(self, id).await
    }
    async fn find_user_by_email_for_update(
        &mut self,
        email: &EmailAddress,
    ) -> Result<Option<User>, StoreError> {
        self.lock(Row::User);
        Ok(self.draft.users.iter().find(|user| user.email == *email).cloned())
    }
    async fn find_users_for_update(&mut self, wanted: &UserLocks) -> Result<Vec<User>, StoreError> {
        self.lock(Row::User);
        let mut found = self.draft.users.clone();
        found.retain(|user| wanted.ids.contains(&user.id) || wanted.all_admins && user.role == Role::Admin);
        found.sort_by_key(|user| user.id);
        Ok(found)
    }
    async fn insert_user(&mut self, user: &User) -> Result<(), InsertUserError> {
        self.lock(Row::User);
        if self.draft.users.iter().any(|known| known.email == user.email) {
            return Err(InsertUserError::EmailTaken);
        }
        self.draft.users.push(user.clone());
        Ok(())
    }
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        let known = self.draft.users.iter_mut().find(|known| known.id == user.id).unwrap();
        *known = user.clone();
        Ok(())
    }
}

#[async_trait]
impl LinkTokenRepository for Unit {
    async fn put_link(&mut self, token: &LinkToken) -> Result<(), StoreError> {
        LinkTokenRepository::remove_link(self, token.kind, token.user_id).await?;
        self.draft.links.push(token.clone());
        Ok(())
    }
    async fn find_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError> {
        Ok(self.draft.links.iter().find(|link| link.kind == kind && link.digest == *digest).cloned())
    }
    async fn take_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError> {
        self.lock(Row::Link);
        let taken = LinkTokenRepository::find_link(self, kind, digest).await?;
        self.draft.links.retain(|link| Some(link) != taken.as_ref());
        Ok(taken)
    }
    async fn remove_link(&mut self, kind: LinkKind, user_id: UserId) -> Result<(), StoreError> {
        self.lock(Row::Link);
        self.draft.links.retain(|link| link.kind != kind || link.user_id != user_id);
        Ok(())
    }
}

#[async_trait]
impl ProfileRepository for Unit {
    async fn find_profile(&mut self, user_id: UserId) -> Result<Option<Profile>, StoreError> {
        assert!(self.held == Row::User, "reads a profile without the lock of its user");
        Ok(self.draft.profiles.iter().find(|profile| profile.user_id == user_id).cloned())
    }
    async fn put_profile(&mut self, profile: &Profile) -> Result<(), StoreError> {
        assert!(self.held == Row::User, "writes a profile without the lock of its user");
        self.draft.profiles.retain(|known| known.user_id != profile.user_id);
        self.draft.profiles.push(profile.clone());
        Ok(())
    }
}

#[async_trait]
impl KnownDeviceRepository for Unit {
    async fn touch_device(
        &mut self,
        user_id: UserId,
        device: &TokenDigest,
        at: Instant,
    ) -> Result<bool, StoreError> {
        assert!(self.held >= Row::User, "reads devices without the lock of their user");
        let mut known = self.draft.devices.iter_mut();
        let known = known.find(|known| known.user_id == user_id && known.device == *device);
        Ok(known.map(|known| known.last_seen_at = at).is_some())
    }
    async fn has_known_devices(&mut self, user_id: UserId) -> Result<bool, StoreError> {
        Ok(self.draft.devices.iter().any(|known| known.user_id == user_id))
    }
    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError> {
        assert!(self.held >= Row::User, "writes devices without the lock of their user");
        self.draft.devices.push(device.clone());
        Ok(())
    }
}

impl Rows {
    /// The live sign-ins of the user, the one used last first.
    fn live(&self, user_id: UserId, now: Instant) -> Vec<Session> {
        let live = |session: &&Session| session.user_id == user_id && session.is_live(now);
        let mut live: Vec<Session> = self.sessions.iter().filter(live).cloned().collect();
        live.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        live
    }
}

#[async_trait]
impl SessionRepository for Unit {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.lock(Row::Session);
        self.draft.sessions.push(session.clone());
        Ok(())
    }
    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let stored = self.draft.sessions.iter().find(|session| session.id == id).cloned();
        // The session of [`super::actor`].
        let user_id = UserId::from_uuid(id.as_uuid());
        Ok(stored.or_else(|| {
            Some(Session::begin(id, user_id, domain::accounts::Device::default(), Instant::default()))
        }))
    }
    async fn find_session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.lock(Row::Session);
        Ok(self.draft.sessions.iter().find(|session| session.id == id).cloned())
    }
    async fn update_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let known = self.draft.sessions.iter_mut().find(|known| known.id == session.id).unwrap();
        *known = session.clone();
        Ok(())
    }
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        assert!(self.draft.refresh.iter().all(|known| known.digest != token.digest), "digests are unique");
        self.draft.refresh.push(token.clone());
        Ok(())
    }
    async fn find_refresh_token(&mut self, digest: &TokenDigest) -> Result<Option<RefreshToken>, StoreError> {
        Ok(self.draft.refresh.iter().find(|token| token.digest == *digest).cloned())
    }
    async fn mark_refresh_token_rotated(
        &mut self,
        digest: &TokenDigest,
        at: Instant,
    ) -> Result<(), StoreError> {
        let token = self.draft.refresh.iter_mut().find(|token| token.digest == *digest).unwrap();
        token.rotated_at = Some(at);
        Ok(())
    }
    async fn remove_refresh_tokens(&mut self, session_id: SessionId) -> Result<(), StoreError> {
        self.draft.refresh.retain(|token| token.session_id != session_id);
        Ok(())
    }
    async fn find_live_sessions_for_update(
        &mut self,
        user_id: UserId,
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.lock(Row::Session);
        Ok(self.draft.live(user_id, now).into_iter().map(|session| session.id).collect())
    }
    async fn end_sessions(&mut self, ids: &[SessionId], at: Instant) -> Result<(), StoreError> {
        self.lock(Row::Session);
        for session in self.draft.sessions.iter_mut().filter(|session| ids.contains(&session.id)) {
            session.ended_at.get_or_insert(at);
        }
        self.draft.refresh.retain(|token| !ids.contains(&token.session_id));
        Ok(())
    }
    async fn end_all_sessions(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError> {
        self.lock(Row::Session);
        for session in self.draft.sessions.iter_mut().filter(|session| session.user_id == user_id) {
            session.ended_at.get_or_insert(at);
        }
        self.draft.refresh.retain(|token| token.user_id != user_id);
        Ok(())
    }
}

#[async_trait]
impl AuditRepository for Unit {
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.draft.audit.extend_from_slice(entries);
        Ok(())
    }
}

#[async_trait]
impl PersonalDataRepository for Unit {
    async fn erase_user(&mut self, user_id: UserId, _at: Instant) -> Result<(), StoreError> {
        assert!(self.held == Row::User, "erases a user without the lock");
        let rows = &mut self.draft;
        rows.users.retain(|user| user.id != user_id);
        rows.links.retain(|link| link.user_id != user_id);
        rows.profiles.retain(|profile| profile.user_id != user_id);
        rows.sessions.retain(|session| session.user_id != user_id);
        rows.devices.retain(|device| device.user_id != user_id);
        rows.refresh.retain(|token| token.user_id != user_id);
        rows.outbox.retain(|message| message.user_id != Some(user_id));
        rows.tombstones.push(user_id);
        Ok(())
    }
}

#[async_trait]
impl OutboxRepository for Unit {
    async fn push_message(&mut self, message: NewOutboxMessage) -> Result<(), StoreError> {
        if self.draft.outbox.iter().all(|known| known.dedupe_key != message.dedupe_key) {
            self.draft.outbox.push(message);
        }
        Ok(())
    }
    async fn remove_message(&mut self, id: OutboxId) -> Result<bool, StoreError> {
        let before = self.draft.outbox.len();
        self.draft.outbox.retain(|message| message.id != id);
        Ok(self.draft.outbox.len() < before)
    }
}

#[async_trait]
impl CredentialQueries for MemoryAccounts {
    async fn credentials(&self, email: &EmailAddress) -> Result<Option<Credentials>, StoreError> {
        self.credential_reads.fetch_add(1, Ordering::Relaxed);
        let rows = self.rows();
        let user = rows.users.iter().find(|user| user.email == *email);
        Ok(user.map(|user| Credentials {
            is_awaiting_activation: user.is_awaiting_activation(),
            user_id: user.id,
            password: user.password.clone(),
            version: user.version,
        }))
    }
    async fn credentials_of(
        &self,
        user_id: UserId,
    ) -> Result<Option<(EmailAddress, Credentials)>, StoreError> {
        let email = self.rows().users.iter().find(|user| user.id == user_id).map(|user| user.email.clone());
        let Some(email) = email else { return Ok(None) };
        Ok(self.credentials(&email).await?.map(|credentials| (email, credentials)))
    }
    async fn find_link(&self, kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError> {
        Ok(self.rows().links.iter().find(|link| link.kind == kind && link.digest == *digest).cloned())
    }
}

#[async_trait]
impl SessionQueries for MemoryAccounts {
    async fn live_sessions(&self, user_id: UserId, now: Instant) -> Result<Vec<Session>, StoreError> {
        Ok(self.rows().live(user_id, now))
    }
    async fn session_state(&self, id: SessionId, now: Instant) -> Result<Option<SessionState>, StoreError> {
        self.session_reads.fetch_add(1, Ordering::Relaxed);
        let rows = self.rows();
        Ok(rows.sessions.iter().find(|session| session.id == id).and_then(|session| {
            let user = rows.users.iter().find(|user| user.id == session.user_id)?;
            let is_live = user.is_active() && session.is_live(now);
            Some(SessionState { user_id: user.id, role: user.role, is_live })
        }))
    }
}

impl Rows {
    fn details(&self, user: &User) -> UserDetails {
        let profile = self.profiles.iter().find(|profile| profile.user_id == user.id);
        UserDetails::of(user, profile.cloned())
    }
}

/// Sorts by the first key alone, which is enough here.
#[async_trait]
impl UserQueries for MemoryAccounts {
    async fn user_page(
        &self,
        filter: &UserFilter,
        sorts: &[UserSort],
        request: &PageRequest,
    ) -> Result<Page<UserDetails>, StoreError> {
        let rows = self.rows();
        let value = |user: &User| match sorts[0].key {
            UserSortKey::CreatedAt => (user.created_at.timestamp_micros(), String::new()),
            UserSortKey::Email => (0, user.email.key().to_owned()),
        };
        let mut users: Vec<&User> = rows.users.iter().collect();
        users.retain(|user| filter.role.is_none_or(|role| role == user.role));
        users.retain(|user| filter.is_active.is_none_or(|is_active| is_active == user.is_active()));
        let parts = filter.parts_of_key();
        let fits = |user: &&User| parts.iter().any(|part| user.email.key().contains(part));
        users.retain(|user| parts.is_empty() || fits(user));
        users.sort_by_key(|user| (value(user), user.id));
        if sorts[0].descending {
            users.reverse();
        }
        let total = matches!(request.start(), Start::Number(_))
            .then(|| Total::from_capped_count(users.len().try_into().unwrap()));
        let skipped = match request.start() {
            Start::Number(_) => request.offset().try_into().unwrap(),
            Start::After(at) => {
                users.iter().take_while(|user| user.id.as_uuid() != at.id).count().saturating_add(1)
            }
        };
        let rest: Vec<&User> = users.into_iter().skip(skipped).collect();
        let size = usize::try_from(request.size()).unwrap();
        let next = rest.get(size.saturating_sub(1)).filter(|_| rest.len() > size).map(|user| Position {
            values: vec![SortValue::Text(user.id.to_string())],
            id: user.id.as_uuid(),
        });
        let items = rest.into_iter().take(size).map(|user| rows.details(user)).collect();
        Ok(Page { items, next, total })
    }
    async fn user_details(&self, id: UserId) -> Result<Option<UserDetails>, StoreError> {
        let rows = self.rows();
        Ok(rows.users.iter().find(|user| user.id == id).map(|user| rows.details(user)))
    }
}

fn recorded(entry: &AuditEntry) -> AuditRecord {
    AuditRecord {
        id: entry.id,
        at: entry.at,
        action: entry.action.as_str().to_owned(),
        actor: entry.actor,
        object: entry.object.map(|object| RecordedObject { kind: object.kind().to_owned(), id: object.id() }),
        before: entry.before.clone(),
        after: entry.after.clone(),
        network: entry.network(),
        request_id: entry.request_id.clone(),
    }
}

#[async_trait]
impl PersonalDataQueries for MemoryAccounts {
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError> {
        let Some(user) = UserQueries::user_details(self, user_id).await? else { return Ok(None) };
        let rows = self.rows();
        let names = |entry: &&AuditEntry| {
            entry.actor == Some(user_id) || entry.object == Some(AuditObject::User(user_id))
        };
        let links = rows.links.iter().filter(|link| link.user_id == user_id);
        let waiting = rows.outbox.iter().filter(|message| message.user_id == Some(user_id)).count();
        Ok(Some(PersonalData {
            user,
            sessions: rows.sessions.iter().filter(|one| one.user_id == user_id).cloned().collect(),
            refresh_tokens: rows.refresh.iter().filter(|one| one.user_id == user_id).cloned().collect(),
            devices: rows.devices.iter().filter(|one| one.user_id == user_id).cloned().collect(),
            links: links.map(|link| OpenLink { kind: link.kind, expires_at: link.expires_at }).collect(),
            cart: Vec::new(),
            purchases: Vec::new(),
            opinions: domain::accounts::Opinions::default(),
            orders: Vec::new(),
            audit: rows.audit.iter().filter(names).map(recorded).collect(),
            pending_mails: waiting.try_into().unwrap(),
            notifications: Vec::new(),
            notification_settings: NotificationSettings::default(),
            notified_acts: Vec::new(),
            stream_tickets: Vec::new(),
        }))
    }
}

/// Filters by action alone, which is enough here; entries are newer the later they were written.
#[async_trait]
impl AuditQueries for MemoryAccounts {
    async fn audit_page(
        &self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let rows = self.rows();
        let fits = |entry: &&AuditEntry| filter.action.is_none_or(|action| action == entry.action);
        let records: Vec<AuditRecord> = rows.audit.iter().rev().filter(fits).map(recorded).collect();
        let (skipped, total) = match request.start() {
            Start::Number(_) => {
                let total = Total::from_capped_count(records.len().try_into().unwrap());
                (request.offset().try_into().unwrap(), Some(total))
            }
            Start::After(at) => {
                let before = records.iter().take_while(|record| record.id.as_uuid() != at.id).count();
                (before.saturating_add(1), None)
            }
        };
        let size = usize::try_from(request.size()).unwrap();
        let items: Vec<_> = records.iter().skip(skipped).take(size).cloned().collect();
        let has_more = records.len() > skipped.saturating_add(size);
        let next = items.last().filter(|_| has_more).map(|record| Position {
            values: vec![SortValue::Integer(record.at.timestamp_micros())],
            id: record.id.as_uuid(),
        });
        Ok(Page { items, next, total })
    }
}

#[async_trait]
impl AccountMaintenance for MemoryAccounts {
    async fn purge_expired(
        &self,
        now: Instant,
        links_before: Instant,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.purges.fetch_add(1, Ordering::Relaxed);
        let mut rows = self.rows();
        let links = purge(&mut rows.links, limit, |link| link.expires_at < links_before);
        let refresh = purge(&mut rows.refresh, limit, |token| token.expires_at < now);
        let sessions = purge(&mut rows.sessions, limit, |session| {
            session.expires_at < links_before || session.ended_at.is_some_and(|at| at < links_before)
        });
        Ok([links, refresh, sessions].into_iter().sum())
    }
}

fn purge<T>(rows: &mut Vec<T>, limit: u32, is_over: impl Fn(&T) -> bool) -> u64 {
    let mut removed = 0;
    rows.retain(|row| {
        let goes = removed < u64::from(limit) && is_over(row);
        removed = removed.saturating_add(u64::from(goes));
        !goes
    });
    removed
}
