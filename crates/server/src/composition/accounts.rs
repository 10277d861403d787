use std::sync::Arc;

use adapter_crypto::{JwtTokens, KeyRing, SecretTokens};
use adapter_media::PictureStudio;
use app::{
    accounts::{MailedLinks, OwnData, PasswordGuard, Profiles, SeenSessions, Sessions, SignUp, Users},
    paging::CursorCodec,
    record::Recorder,
};
use chrono::TimeDelta;
use domain::{
    entropy::TokenGenerator,
    id::IdGenerator,
    media::MediaStore,
    time::{Backoff, Clock},
};

use super::storage::Database;
use crate::config::Settings;

/// The ports that the use cases of accounts need.
pub(super) struct AccountPorts {
    pub(super) database: Arc<dyn Database>,
    pub(super) passwords: PasswordGuard,
    pub(super) media: Arc<dyn MediaStore>,
    pub(super) pictures: Arc<PictureStudio>,
    pub(super) recorder: Recorder,
    pub(super) cursors: CursorCodec,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backoff: Arc<dyn Backoff>,
    pub(super) ids: Arc<dyn IdGenerator>,
}

/// The use cases of accounts.
pub(super) struct AccountUseCases {
    pub(super) signup: Arc<SignUp>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) profiles: Arc<Profiles>,
    pub(super) users: Arc<Users>,
    pub(super) own_data: Arc<OwnData>,
}

impl AccountUseCases {
    pub(super) fn build(settings: &Settings, keys: &KeyRing, ports: AccountPorts) -> Self {
        let AccountPorts { database, passwords, media, pictures, recorder, cursors, clock, backoff, ids } =
            ports;
        let tokens: Arc<dyn TokenGenerator> = Arc::new(SecretTokens::new(keys));
        let links =
            MailedLinks { ids: Arc::clone(&ids), tokens: Arc::clone(&tokens), recorder: recorder.clone() };
        let seen_sessions = SeenSessions::default();
        let signup = SignUp {
            store: database.clone(),
            credentials: database.clone(),
            users: database.clone(),
            hasher: Arc::clone(&passwords.hasher),
            links: links.clone(),
            recorder: recorder.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            password_policy: settings.password_policy,
            reveals_email: settings.registration_reveals_email,
        };
        let sessions = Sessions {
            store: database.clone(),
            queries: database.clone(),
            credentials: database.clone(),
            maintenance: database.clone(),
            passwords: passwords.clone(),
            tokens,
            session_tokens: Arc::new(JwtTokens::new(keys)),
            links: links.clone(),
            recorder: recorder.clone(),
            seen_sessions: seen_sessions.clone(),
            cursors: cursors.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            access_ttl: TimeDelta::from_std(settings.access_token_ttl).unwrap_or_default(),
            refresh_ttl: TimeDelta::from_std(settings.refresh_token_ttl).unwrap_or_default(),
            password_policy: settings.password_policy,
            reveals_email: settings.registration_reveals_email,
        };
        let profiles = Profiles {
            store: database.clone(),
            queries: database.clone(),
            media,
            avatars: pictures,
            recorder: recorder.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids,
        };
        let users = Users {
            store: database.clone(),
            queries: database.clone(),
            links,
            recorder: recorder.clone(),
            seen_sessions: seen_sessions.clone(),
            cursors,
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
        };
        let own_data = OwnData {
            store: database.clone(),
            queries: database.clone(),
            credentials: database,
            passwords,
            recorder,
            seen_sessions,
            clock,
            backoff,
        };
        Self {
            signup: Arc::new(signup),
            sessions: Arc::new(sessions),
            profiles: Arc::new(profiles),
            users: Arc::new(users),
            own_data: Arc::new(own_data),
        }
    }
}
