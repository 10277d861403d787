//! Implements storage ports on [`TestStorage`], and repositories on [`TestUnit`]: each call is recorded, may be made to
//! fail, and is then passed to the database.
//!
//! To add a method, add one line. In a repository, `under` names the kind of row that the unit of work must have locked
//! before the call (a kind that comes later in [`Row`] suffices), and `locks` names the kind of row that the
//! method locks. In another port, `commit` marks a method that commits a transaction.

use async_trait::async_trait;
use domain::{
    accounts::{
        AccountMaintenance, CredentialQueries, Credentials, EmailAddress, InsertUserError, KnownDevice,
        KnownDeviceRepository, LinkKind, LinkToken, LinkTokenRepository, PersonalData, PersonalDataQueries,
        PersonalDataRepository, Profile, ProfileRepository, RefreshToken, Session, SessionQueries,
        SessionRepository, SessionState, User, UserDetails, UserFilter, UserLocks, UserQueries,
        UserRepository, UserSort, WrittenComment,
    },
    audit::{
        AuditEntry, AuditFilter, AuditQueries, AuditRecord, AuditRepository, AuditSeals, LogPlace, Seal,
        StoredEntry,
    },
    cart::{CartEntry, CartItem, CartQueries, CartRepository},
    catalog::{
        ExternalIds, Movie, MovieConflicts, MovieIdentity, MovieRepository, MovieUses, NameKind,
        NameRepository, Offer, OfferRepository, ProposedName,
    },
    entropy::TokenDigest,
    id::{CartId, CommentId, MovieId, NotificationId, OutboxId, PurchaseId, SessionId, UserId},
    notifications::{
        NewNotification, NotificationRepository, NotificationSettings, PushedNotification, ReadSelection,
    },
    outbox::{ClaimedOutboxMessage, NewOutboxMessage, OutboxQueue, OutboxRepository},
    page::{Page, PageRequest},
    purchases::{Entitlement, Purchase, PurchaseRepository},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use super::storage::{Row, TestStorage, TestUnit};

macro_rules! row {
    () => {
        Row::Nothing
    };
    ($row:ident) => {
        Row::$row
    };
}

macro_rules! repositories {
    ($($port:ident {$(
        $method:ident($($name:ident: $type:ty),*) -> $output:ty $(, under $needed:ident)? $(, locks $row:ident)?;
    )+})+) => {$(
        #[async_trait]
        impl $port for TestUnit {$(
            async fn $method(&mut self, $($name: $type),*) -> $output {
                let unit = self.enter(stringify!($method), row!($($needed)?), row!($($row)?)).await?;
                $port::$method(unit, $($name),*).await
            }
        )+}
    )+};
}

repositories! {
    UserRepository {
        find_user(id: UserId) -> Result<Option<User>, StoreError>;
        find_user_for_update(id: UserId) -> Result<Option<User>, StoreError>, locks User;
        find_user_by_email_for_update(email: &EmailAddress) -> Result<Option<User>, StoreError>, locks User;
        find_users_for_update(wanted: &UserLocks) -> Result<Vec<User>, StoreError>, locks User;
        insert_user(user: &User) -> Result<(), InsertUserError>, locks User;
        update_user(user: &User) -> Result<(), StoreError>, under User;
    }
    LinkTokenRepository {
        put_link(token: &LinkToken) -> Result<(), StoreError>, locks Link;
        find_link(kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError>;
        take_link(kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError>, locks Link;
        remove_link(kind: LinkKind, user_id: UserId) -> Result<(), StoreError>, locks Link;
    }
    ProfileRepository {
        find_profile(user_id: UserId) -> Result<Option<Profile>, StoreError>, under User;
        put_profile(profile: &Profile) -> Result<(), StoreError>, under User;
    }
    KnownDeviceRepository {
        touch_device(user_id: UserId, device: &TokenDigest, at: Instant) -> Result<bool, StoreError>, under User;
        has_known_devices(user_id: UserId) -> Result<bool, StoreError>;
        insert_device(device: &KnownDevice) -> Result<(), StoreError>, under User;
    }
    SessionRepository {
        find_session(id: SessionId) -> Result<Option<Session>, StoreError>;
        insert_session(session: &Session) -> Result<(), StoreError>, locks Session;
        find_session_for_update(id: SessionId) -> Result<Option<Session>, StoreError>, locks Session;
        find_live_sessions_for_update(user_id: UserId, now: Instant) -> Result<Vec<SessionId>, StoreError>, locks Session;
        update_session(session: &Session) -> Result<(), StoreError>, under Session;
        insert_refresh_token(token: &RefreshToken) -> Result<(), StoreError>;
        find_refresh_token(digest: &TokenDigest) -> Result<Option<RefreshToken>, StoreError>;
        mark_refresh_token_rotated(digest: &TokenDigest, at: Instant) -> Result<(), StoreError>;
        remove_refresh_tokens(session_id: SessionId) -> Result<(), StoreError>;
        end_sessions(ids: &[SessionId], at: Instant) -> Result<(), StoreError>, locks Session;
        end_all_sessions(user_id: UserId, at: Instant) -> Result<(), StoreError>, locks Session;
    }
    PersonalDataRepository {
        has_pending_order(user_id: UserId) -> Result<bool, StoreError>, under User;
        erase_user(user_id: UserId, at: Instant) -> Result<(), StoreError>, under User, locks Link;
    }
    AuditRepository {
        append_audit_entries(entries: &[AuditEntry]) -> Result<(), StoreError>;
    }
    OutboxRepository {
        push_message(message: NewOutboxMessage) -> Result<(), StoreError>;
        remove_message(id: OutboxId) -> Result<bool, StoreError>;
    }
    MovieRepository {
        resolve_names(kind: NameKind, names: &[ProposedName]) -> Result<Vec<Uuid>, StoreError>;
        find_movies_for_update(identities: &[MovieIdentity]) -> Result<Vec<Movie>, StoreError>, locks Movie;
        insert_movies(movies: &[Movie]) -> Result<Vec<MovieId>, StoreError>, locks Movie;
        find_movie_for_update(id: MovieId) -> Result<Option<Movie>, StoreError>, locks Movie;
        find_movie_conflicts(movie: &Movie) -> Result<MovieConflicts, StoreError>;
        find_external_ids(imdb_ids: &[String], tmdb_ids: &[i64]) -> Result<Vec<ExternalIds>, StoreError>;
        update_movie(movie: &Movie) -> Result<(), StoreError>, under Movie;
        find_movie_uses(id: MovieId) -> Result<MovieUses, StoreError>, under Movie;
        remove_movie_from_carts(id: MovieId) -> Result<Vec<UserId>, StoreError>, under Movie;
        delete_movie(id: MovieId) -> Result<(), StoreError>, under Movie;
        names_of(kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError>;
    }
    NameRepository {
        find_name_for_update(kind: NameKind, id: Uuid) -> Result<Option<String>, StoreError>, locks Movie;
        is_name_taken(kind: NameKind, id: Uuid, name: &str) -> Result<bool, StoreError>, under Movie;
        update_name(kind: NameKind, id: Uuid, name: &str) -> Result<(), StoreError>, under Movie;
        has_movies(kind: NameKind, id: Uuid) -> Result<bool, StoreError>, under Movie;
        delete_name(kind: NameKind, id: Uuid) -> Result<(), StoreError>, under Movie;
    }
    CartRepository {
        open_cart_for_update(user_id: UserId, proposed: CartId) -> Result<CartId, StoreError>, under User, locks Cart;
        cart_movies(cart_id: CartId) -> Result<Vec<MovieId>, StoreError>, under Cart;
        add_cart_item(cart_id: CartId, item: &CartItem) -> Result<bool, StoreError>, under Cart;
        remove_cart_item(user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>, under User, locks Cart;
        clear_cart(user_id: UserId) -> Result<(), StoreError>, under User, locks Cart;
    }
    OfferRepository {
        find_offer(id: MovieId) -> Result<Option<Offer>, StoreError>;
        find_offers(ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError>, locks Movie;
    }
    NotificationRepository {
        push_notification(new: &NewNotification) -> Result<Option<PushedNotification>, StoreError>;
        mark_notification_mailed(id: NotificationId, at: Instant) -> Result<(), StoreError>;
        withdraw_like_notification(comment_id: CommentId, actor: UserId) -> Result<(), StoreError>;
        remove_comment_notifications(comment_id: CommentId) -> Result<(), StoreError>;
        mark_notifications_read(receiver: UserId, selection: &ReadSelection, at: Instant) -> Result<(), StoreError>;
        notification_settings_for_update(user_id: UserId) -> Result<Option<NotificationSettings>, StoreError>;
        put_notification_settings(user_id: UserId, settings: NotificationSettings) -> Result<(), StoreError>;
    }
    PurchaseRepository {
        purchased_among(user_id: UserId, movies: &[MovieId]) -> Result<Vec<MovieId>, StoreError>;
        is_purchased(user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>;
        insert_purchase(purchase: &Purchase) -> Result<bool, StoreError>, under User;
        put_entitlement(id: PurchaseId, entitlement: Entitlement, now: Instant) -> Result<bool, StoreError>, under User;
    }
}

macro_rules! ports {
    ($($port:ident {$(
        $method:ident($($name:ident: $type:ty),*) -> $output:ty $(, $commit:ident)?;
    )+})+) => {$(
        #[async_trait]
        impl $port for TestStorage {$(
            async fn $method(&self, $($name: $type),*) -> $output {
                self.script.enter_port(stringify!($method)).await?;
                $(self.script.$commit()?;)?
                $port::$method(&self.database, $($name),*).await
            }
        )+}
    )+};
}

ports! {
    CredentialQueries {
        credentials(email: &EmailAddress) -> Result<Option<Credentials>, StoreError>;
        credentials_of(user_id: UserId) -> Result<Option<(EmailAddress, Credentials)>, StoreError>;
        find_link(kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError>;
    }
    SessionQueries {
        session_state(id: SessionId, now: Instant) -> Result<Option<SessionState>, StoreError>;
        live_sessions(user_id: UserId, now: Instant) -> Result<Vec<Session>, StoreError>;
    }
    UserQueries {
        user_page(filter: &UserFilter, sorts: &[UserSort], request: &PageRequest) -> Result<Page<UserDetails>, StoreError>;
        user_details(id: UserId) -> Result<Option<UserDetails>, StoreError>;
    }
    PersonalDataQueries {
        personal_data(user_id: UserId) -> Result<Option<PersonalData>, StoreError>;
        written_comments(user_id: UserId, behind: Option<(Instant, CommentId)>, most: u32) -> Result<Vec<WrittenComment>, StoreError>;
    }
    AccountMaintenance {
        purge_expired(now: Instant, links_before: Instant, limit: u32) -> Result<u64, StoreError>, commit;
    }
    AuditQueries {
        audit_page(filter: &AuditFilter, request: &PageRequest) -> Result<Page<AuditRecord>, StoreError>;
    }
    AuditSeals {
        add_seal(seal: &Seal) -> Result<bool, StoreError>, commit;
        last_seal() -> Result<Option<Seal>, StoreError>;
        seals_behind(number: u64, limit: u32) -> Result<Vec<Seal>, StoreError>;
        log_rows(after: Option<LogPlace>, until: LogPlace, limit: u32) -> Result<Vec<StoredEntry>, StoreError>;
        count_log_rows_behind(place: Option<LogPlace>) -> Result<u64, StoreError>;
    }
    CartQueries {
        cart_entries(user_id: UserId) -> Result<Vec<CartEntry>, StoreError>;
    }
    OutboxQueue {
        claim_message(now: Instant) -> Result<Option<ClaimedOutboxMessage>, StoreError>, commit;
        complete_message(id: OutboxId, now: Instant) -> Result<(), StoreError>, commit;
        fail_message(claimed: &ClaimedOutboxMessage, error: &str, retry_at: Option<Instant>) -> Result<(), StoreError>, commit;
        postpone_message(claimed: &ClaimedOutboxMessage, available_at: Instant) -> Result<(), StoreError>, commit;
        purge_messages(before: Instant, limit: u32) -> Result<u64, StoreError>, commit;
    }
}
