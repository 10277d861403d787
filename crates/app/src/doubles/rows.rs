//! The rows of [`TestStorage`] as values of the domain, which tests compare and change.

use std::fmt::Write;

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Binary, Integer, Nullable, Text},
};
use domain::{
    accounts::{
        CredentialQueries, HeldMovie, HeldPurchase, KnownDevice, LinkKind, LinkToken, PersonalDataQueries,
        Profile, RefreshToken, Session, User, UserLocks,
    },
    audit::{AuditEntry, AuditFilter, AuditObject, AuditQueries, AuditRecord},
    catalog::{Movie, MovieIdentity, MovieQueries},
    entropy::TokenDigest,
    id::{Id, MovieId, OutboxId, UserId},
    outbox::{ClaimedOutboxMessage, NewOutboxMessage},
    page::PageRequest,
    time::Instant,
};
use uuid::Uuid;

use super::{FlipSealer, storage::TestStorage};
use crate::outbox::Message;

/// The stored rows of the tables that tests compare.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) users: Vec<User>,
    /// The identifiers of erased users.
    pub(crate) tombstones: Vec<UserId>,
    pub(crate) links: Vec<LinkToken>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) devices: Vec<KnownDevice>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) refresh: Vec<RefreshToken>,
    /// The entries of the audit log. Their `ip` is only the network, because the IP address itself is not stored.
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) outbox: Vec<OutboxRow>,
    pub(crate) movies: Vec<Movie>,
    /// The names of genres, certifications, directors and stars, folded (without differences of case and accents).
    pub(crate) names: Vec<String>,
    /// The owners of the carts.
    pub(crate) carts: Vec<UserId>,
    pub(crate) cart_items: Vec<HeldMovie>,
    pub(crate) purchases: Vec<HeldPurchase>,
}

/// A message of the outbox with its state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutboxRow {
    pub(crate) id: OutboxId,
    pub(crate) dedupe_key: String,
    pub(crate) kind: String,
    pub(crate) user_id: Option<UserId>,
    pub(crate) payload: Vec<u8>,
    pub(crate) attempts: u32,
    pub(crate) created_at: Instant,
    /// When the message is due; while it is claimed, when its lease (the time limit of the claim) ends.
    pub(crate) not_before: Instant,
    pub(crate) done_at: Option<Instant>,
    pub(crate) is_dead: bool,
    pub(crate) error: Option<String>,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct MessageRow {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Text)]
    dedupe_key: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    user_id: Option<Vec<u8>>,
    #[diesel(sql_type = Binary)]
    payload: Vec<u8>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = BigInt)]
    not_before: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    sent_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    dead_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
}

const LINK_TABLES: [(LinkKind, &str); 2] =
    [(LinkKind::Activation, "activation_tokens"), (LinkKind::PasswordReset, "password_reset_tokens")];

fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap()
}

/// Formats bytes as an SQL literal.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("x'");
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text.push('\'');
    text
}

fn instant(micros: i64) -> Instant {
    Instant::from_timestamp_micros(micros).unwrap()
}

impl TestStorage {
    /// Runs a statement on the tables, for changes that no port offers.
    pub(crate) async fn execute(&self, sql: &str) {
        // A dropped unit of work is rolled back in the background. A new unit of work begins only after that rollback.
        // Therefore an empty unit of work is begun and committed first.
        self.unit().await.commit().await.unwrap();
        sql_query(sql).execute(&mut *self.tables.lock().unwrap()).unwrap();
    }

    /// Returns the identifiers that a statement selects as `id`.
    fn ids(&self, sql: &str) -> Vec<Uuid> {
        let rows: Vec<IdRow> = sql_query(sql).load(&mut *self.tables.lock().unwrap()).unwrap();
        rows.iter().map(|row| uuid(&row.id)).collect()
    }

    /// Returns the texts that a statement selects as `text`.
    fn texts(&self, sql: &str) -> Vec<String> {
        let rows: Vec<TextRow> = sql_query(sql).load(&mut *self.tables.lock().unwrap()).unwrap();
        rows.into_iter().map(|row| row.text).collect()
    }

    /// Writes a message to the outbox.
    pub(crate) async fn push_message(&self, message: &NewOutboxMessage) {
        let (id, at) = (hex(message.id.as_uuid().as_bytes()), message.available_at.timestamp_micros());
        self.execute(&format!(
            "INSERT INTO outbox (id, dedupe_key, kind, payload, available_at, created_at) \
             VALUES ({id}, '{}', '{}', {}, {at}, {at})",
            message.dedupe_key,
            message.kind,
            hex(&message.payload),
        ))
        .await;
    }

    /// Overwrites the payload of the message at this position, counted from 1.
    pub(crate) async fn set_payload(&self, place: u32, payload: &[u8]) {
        self.execute(&format!("UPDATE outbox SET payload = {} WHERE rowid = {place}", hex(payload))).await;
    }

    /// Returns the rows of the outbox, oldest first.
    pub(crate) fn outbox(&self) -> Vec<OutboxRow> {
        let query = "SELECT id, dedupe_key, kind, user_id, payload, attempts, created_at, \
            max(available_at, coalesce(locked_until, 0)) AS not_before, sent_at, dead_at, last_error \
            FROM outbox ORDER BY rowid";
        let rows: Vec<MessageRow> = sql_query(query).load(&mut *self.tables.lock().unwrap()).unwrap();
        let message = |row: MessageRow| OutboxRow {
            id: Id::from_uuid(uuid(&row.id)),
            dedupe_key: row.dedupe_key,
            kind: row.kind,
            user_id: row.user_id.map(|id| Id::from_uuid(uuid(&id))),
            payload: row.payload,
            attempts: row.attempts.try_into().unwrap(),
            created_at: instant(row.created_at),
            not_before: instant(row.not_before),
            done_at: row.sent_at.map(instant),
            is_dead: row.dead_at.is_some(),
            error: row.last_error,
        };
        rows.into_iter().map(message).collect()
    }

    /// Decrypts and returns the outbox messages that are not processed yet, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let claimed = self.outbox().into_iter().filter(|row| row.done_at.is_none()).map(|row| {
            let OutboxRow { id, kind, payload, created_at, .. } = row;
            ClaimedOutboxMessage { id, kind, payload, attempts: 1, created_at }
        });
        claimed.map(|row| Message::unseal(&row, &FlipSealer).unwrap()).collect()
    }

    /// Returns the names of all committed genres, certifications, directors and stars, folded (without differences of
    /// case and accents).
    pub(crate) fn names(&self) -> Vec<String> {
        let all = ["genres", "certifications", "directors", "stars"]
            .map(|table| format!("SELECT name_key AS text FROM {table}"));
        self.texts(&all.join(" UNION ALL "))
    }

    /// Returns the identifiers of the committed movies, oldest first.
    pub(crate) fn movie_ids(&self) -> Vec<MovieId> {
        self.ids("SELECT id FROM movies ORDER BY rowid").into_iter().map(Id::from_uuid).collect()
    }

    /// Returns the committed rows.
    pub(crate) async fn rows(&self) -> Rows {
        let mut rows = Rows { outbox: self.outbox(), names: self.names(), ..Rows::default() };
        rows.tombstones = self.user_ids("users WHERE deleted_at IS NOT NULL", "id");
        rows.carts = self.user_ids("carts", "user_id");
        self.read_links(&mut rows).await;
        self.read_audit(&mut rows).await;
        let user_ids = self.user_ids("users WHERE deleted_at IS NULL", "id");
        for user_id in &user_ids {
            let data = self.database.personal_data(*user_id).await.unwrap().unwrap();
            rows.devices.extend(data.devices);
            rows.cart_items.extend(data.cart);
            rows.purchases.extend(data.purchases);
        }
        let exported = self.database.export_movies(None, 10_000).await.unwrap();
        let identities: Vec<_> = exported
            .into_iter()
            .map(|movie| MovieIdentity {
                name: movie.summary.name,
                year: movie.summary.year,
                duration_minutes: movie.summary.duration_minutes,
            })
            .collect();

        let mut unit = self.unit().await;
        let wanted = UserLocks { ids: user_ids.clone(), all_admins: false };
        rows.users = unit.find_users_for_update(&wanted).await.unwrap();
        rows.users.sort_by_key(|user| user_ids.iter().position(|id| *id == user.id));
        for user_id in self.user_ids("user_profiles", "user_id") {
            rows.profiles.extend(unit.find_profile(user_id).await.unwrap());
        }
        for id in self.ids("SELECT id FROM sessions ORDER BY rowid") {
            rows.sessions.extend(unit.find_session(Id::from_uuid(id)).await.unwrap());
        }
        for digest in self.texts("SELECT token AS text FROM refresh_tokens ORDER BY rowid") {
            let digest = TokenDigest::from_hex(digest);
            rows.refresh.extend(unit.find_refresh_token(&digest).await.unwrap());
        }
        if !identities.is_empty() {
            let movie_ids = self.movie_ids();
            rows.movies = unit.find_movies_for_update(&identities).await.unwrap();
            rows.movies.sort_by_key(|movie| movie_ids.iter().position(|id| *id == movie.id));
        }
        rows
    }

    fn user_ids(&self, table: &str, column: &str) -> Vec<UserId> {
        let ids = self.ids(&format!("SELECT {column} AS id FROM {table} ORDER BY rowid"));
        ids.into_iter().map(Id::from_uuid).collect()
    }

    async fn read_links(&self, rows: &mut Rows) {
        for (kind, table) in LINK_TABLES {
            for digest in self.texts(&format!("SELECT token AS text FROM {table} ORDER BY rowid")) {
                let digest = TokenDigest::from_hex(digest);
                rows.links.extend(self.database.find_link(kind, &digest).await.unwrap());
            }
        }
    }

    async fn read_audit(&self, rows: &mut Rows) {
        for page in 1.. {
            let request = PageRequest::numbered(page, 100).unwrap();
            let found = self.database.audit_page(&AuditFilter::default(), &request).await.unwrap();
            rows.audit.extend(found.items.into_iter().map(entry));
            if found.next.is_none() {
                break;
            }
        }
        rows.audit.reverse();
    }

    /// Changes rows in a separate unit of work. Stores the users, links, profiles and sessions that `change` adds or
    /// changes, the refresh tokens that it adds, and the movies that it changes. Erases the users and removes the links
    /// that `change` removes. All other changes are ignored.
    pub(crate) async fn edit(&self, change: impl FnOnce(&mut Rows)) {
        let before = self.rows().await;
        let mut after = before.clone();
        change(&mut after);
        let mut unit = self.unit().await;
        for user in &after.users {
            match before.users.iter().find(|known| known.id == user.id) {
                Some(known) if known == user => {}
                Some(_) => unit.update_user(user).await.unwrap(),
                None => unit.insert_user(user).await.unwrap(),
            }
        }
        for user in before.users.iter().filter(|known| after.users.iter().all(|user| user.id != known.id)) {
            unit.erase_user(user.id, user.created_at).await.unwrap();
        }
        for link in before.links.iter().filter(|link| !after.links.contains(link)) {
            unit.remove_link(link.kind, link.user_id).await.unwrap();
        }
        for link in after.links.iter().filter(|link| !before.links.contains(link)) {
            unit.put_link(link).await.unwrap();
        }
        for profile in after.profiles.iter().filter(|profile| !before.profiles.contains(profile)) {
            unit.put_profile(profile).await.unwrap();
        }
        for session in after.sessions.iter().filter(|session| !before.sessions.contains(session)) {
            if before.sessions.iter().any(|known| known.id == session.id) {
                unit.update_session(session).await.unwrap();
            } else {
                unit.insert_session(session).await.unwrap();
            }
        }
        for token in after.refresh.iter().filter(|token| !before.refresh.contains(token)) {
            unit.insert_refresh_token(token).await.unwrap();
        }
        for movie in after.movies.iter().filter(|movie| !before.movies.contains(movie)) {
            unit.update_movie(movie).await.unwrap();
        }
        unit.commit().await.unwrap();
    }
}

fn entry(record: AuditRecord) -> AuditEntry {
    let object = record.object.map(|object| match &*object.kind {
        "user" => AuditObject::User(Id::from_uuid(object.id)),
        "session" => AuditObject::Session(Id::from_uuid(object.id)),
        "movie" => AuditObject::Movie(Id::from_uuid(object.id)),
        "comment" => AuditObject::Comment(Id::from_uuid(object.id)),
        "payment" => AuditObject::Payment(Id::from_uuid(object.id)),
        "genre" => AuditObject::Genre(Id::from_uuid(object.id)),
        "star" => AuditObject::Star(Id::from_uuid(object.id)),
        "director" => AuditObject::Director(Id::from_uuid(object.id)),
        "certification" => AuditObject::Certification(Id::from_uuid(object.id)),
        other => panic!("an unknown object: {other}"),
    });
    let address = record.network.as_deref().and_then(|network| network.split('/').next());
    AuditEntry {
        id: record.id,
        at: record.at,
        action: record.action.parse().unwrap(),
        actor: record.actor,
        object,
        before: record.before,
        after: record.after,
        ip: address.map(|address| address.parse().unwrap()),
        request_id: record.request_id,
    }
}
