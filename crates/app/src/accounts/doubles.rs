//! The use cases of accounts on a test database, and test doubles of the other ports.

mod guard;
mod media;
mod secrets;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

pub(crate) use crate::doubles::rows::Rows;
use chrono::TimeDelta;
use domain::{
    accounts::{Actor, Device, EmailAddress, Origin, PasswordPolicy, PlainPassword, Role, Session, User},
    entropy::PlainToken,
    id::{Id, OutboxId, UserId},
    mail::Mail,
    time::Clock,
};
pub(crate) use guard::RecordingGuard;
pub(crate) use media::MemoryMedia;
pub(crate) use secrets::{PlainHasher, ReadableTokens};
use uuid::Uuid;

use super::{
    MailQuota, MailedLinks, OwnData, PasswordGuard, Profiles, SeenSessions, Sessions, SignUp, TokenPair,
    Users,
};
use crate::{
    doubles::{CountingIds, FlipSealer, MovableClock, NoWait, SumSigner, storage::TestStorage},
    outbox::Message,
    paging::CursorCodec,
    record::Recorder,
};

pub(crate) const PASSWORD: &str = "quiet harbour 7";

pub(crate) fn email(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

pub(crate) fn ann() -> EmailAddress {
    email("ann@example.com")
}

pub(crate) fn password(text: &str) -> PlainPassword {
    PlainPassword::new(text)
}

/// A request origin for tests in which the origin does not matter.
pub(crate) const ORIGIN: &Origin =
    &Origin { device: Device { user_agent: None, ip: None }, request_id: None };

/// The use cases of accounts, with a test database and test doubles that a test can inspect.
pub(crate) struct World {
    pub(crate) signup: Arc<SignUp>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) users: Users,
    pub(crate) own_data: OwnData,
    pub(crate) store: Arc<TestStorage>,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) passwords: Arc<PlainHasher>,
    pub(crate) guard: Arc<RecordingGuard>,
    pub(crate) tokens: Arc<ReadableTokens>,
    pub(crate) media: Arc<MemoryMedia>,
    /// The number of audit entries that the test has already read.
    pub(crate) known_entries: AtomicUsize,
}

impl World {
    /// A world in which the registration of a taken email address is refused.
    pub(crate) async fn new() -> Self {
        Self::with(true).await
    }

    /// A world in which the registration of a taken email address gets the same result as any other registration.
    pub(crate) async fn discreet() -> Self {
        Self::with(false).await
    }

    async fn with(reveals_email: bool) -> Self {
        let store = TestStorage::new().await;
        let clock = Arc::new(MovableClock::default());
        let passwords = Arc::new(PlainHasher::beside(&store));
        let guard = Arc::new(RecordingGuard::default());
        let media = Arc::new(MemoryMedia::beside(&store));
        let tokens = Arc::new(ReadableTokens::default());
        let ids = Arc::new(CountingIds::default());
        let backoff = Arc::new(NoWait);
        let cursors = CursorCodec::new(Arc::new(SumSigner));
        let recorder = Recorder {
            ids: ids.clone(),
            sealer: Arc::new(FlipSealer),
            frontend_url: "https://cinema.example".to_owned(),
        };
        let links = MailedLinks { ids: ids.clone(), tokens: tokens.clone(), recorder: recorder.clone() };
        let password_guard = PasswordGuard { hasher: passwords.clone(), guard: guard.clone() };
        let seen_sessions = SeenSessions::default();
        let signup = SignUp {
            store: store.clone(),
            credentials: store.clone(),
            users: store.clone(),
            hasher: passwords.clone(),
            links: links.clone(),
            recorder: recorder.clone(),
            clock: clock.clone(),
            backoff: backoff.clone(),
            ids: ids.clone(),
            password_policy: PasswordPolicy::Standard,
            reveals_email,
        };
        let sessions = Sessions {
            store: store.clone(),
            queries: store.clone(),
            credentials: store.clone(),
            maintenance: store.clone(),
            passwords: password_guard.clone(),
            tokens: tokens.clone(),
            session_tokens: tokens.clone(),
            links: links.clone(),
            recorder: recorder.clone(),
            seen_sessions: seen_sessions.clone(),
            cursors: cursors.clone(),
            clock: clock.clone(),
            backoff: backoff.clone(),
            ids: ids.clone(),
            access_ttl: TimeDelta::minutes(15),
            refresh_ttl: TimeDelta::days(7),
            password_policy: PasswordPolicy::Standard,
            reveals_email,
        };
        let profiles = Profiles {
            store: store.clone(),
            queries: store.clone(),
            media: media.clone(),
            avatars: media.clone(),
            recorder: recorder.clone(),
            clock: clock.clone(),
            backoff: backoff.clone(),
            ids,
        };
        let users = Users {
            store: store.clone(),
            queries: store.clone(),
            links,
            recorder: recorder.clone(),
            seen_sessions: seen_sessions.clone(),
            cursors: cursors.clone(),
            clock: clock.clone(),
            backoff: backoff.clone(),
        };
        let own_data = OwnData {
            store: store.clone(),
            queries: store.clone(),
            credentials: store.clone(),
            passwords: password_guard,
            recorder,
            seen_sessions,
            clock: clock.clone(),
            backoff,
        };
        Self {
            signup: Arc::new(signup),
            sessions: Arc::new(sessions),
            profiles: Arc::new(profiles),
            users,
            own_data,
            store,
            clock,
            passwords,
            guard,
            tokens,
            media,
            known_entries: AtomicUsize::new(0),
        }
    }

    /// Registers the email address with [`PASSWORD`]; returns the token of the activation link in the mail.
    pub(crate) async fn registered(&self, email: &EmailAddress) -> PlainToken {
        self.signup.register(email.clone(), password(PASSWORD), MailQuota::Left, ORIGIN).await.unwrap();
        token_in(&self.last_mail())
    }

    /// Creates an active account with [`PASSWORD`].
    pub(crate) async fn active(&self, email: &EmailAddress) {
        let token = self.registered(email).await;
        self.signup.activate(&token, ORIGIN).await.unwrap();
    }

    /// Creates an active account and signs it in.
    pub(crate) async fn signed_in(&self, email: &EmailAddress) -> TokenPair {
        self.active(email).await;
        self.log_in(email).await
    }

    pub(crate) async fn log_in(&self, email: &EmailAddress) -> TokenPair {
        self.sessions.log_in(email, &password(PASSWORD), MailQuota::Left, ORIGIN).await.unwrap()
    }

    pub(crate) async fn user(&self, email: &EmailAddress) -> User {
        self.store.unit().await.find_user_by_email_for_update(email).await.unwrap().unwrap()
    }

    /// Returns the user as an actor, with a session that has the same UUID as the user. Creates this session if it does
    /// not exist and the user exists.
    pub(crate) async fn actor(&self, id: UserId) -> Actor {
        let session_id = Id::from_uuid(id.as_uuid());
        let mut unit = self.store.unit().await;
        let user = unit.find_user_for_update(id).await.unwrap();
        if user.is_some() && unit.find_session(session_id).await.unwrap().is_none() {
            let session = Session::begin(session_id, id, Device::default(), self.clock.now());
            unit.insert_session(&session).await.unwrap();
            unit.commit().await.unwrap();
        }
        Actor { user_id: id, session_id, role: user.map_or(Role::User, |user| user.role) }
    }

    /// The outbox messages that are not processed yet, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.store.messages()
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        let mail = |message| if let Message::Mail(mail) = message { Some(mail) } else { None };
        self.messages().into_iter().filter_map(mail).collect()
    }

    pub(crate) fn last_mail(&self) -> Mail {
        self.mails().pop().unwrap()
    }

    /// Stores an outbox message that requests a mailed link, and returns its identifier. The message always requests
    /// an activation link for [`ann`]. Tests of other links and addresses use it too, because only its identifier
    /// matters to them.
    pub(crate) async fn wish(&self) -> OutboxId {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
        let id = Id::from_uuid(Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()));
        let wish = Message::ActivationRequested { email: ann() };
        let message = wish.seal(id, format!("wish:{id}"), &FlipSealer, self.clock.now());
        self.store.push_message(&message).await;
        id
    }

    pub(crate) fn fail_on_commit(&self) {
        self.store.fail_commits();
    }

    pub(crate) fn seconds_pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

/// The token in the link of a mail.
pub(crate) fn token_in(mail: &Mail) -> PlainToken {
    let (_, rest) = mail.text.split_once("token=").unwrap();
    PlainToken::new(rest.split_whitespace().next().unwrap().to_owned())
}
