//! A test double that implements all ports. The ports of `domain::library` (the library of bought movies) are
//! implemented in the module `library`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use api_actix::{Component, Readiness};
use async_trait::async_trait;
use domain::{
    accounts::{
        AccessClaims, AccessError, AccessTokenError, AccountMaintenance, Actor, CredentialQueries,
        Credentials, EmailAddress, HashError, LinkKind, LinkToken, OwnDataStore, OwnDataUnit, PasswordHash,
        PasswordHasher, PersonalData, PersonalDataQueries, PlainPassword, ProfileStore, ProfileUnit,
        RefreshClaims, RefreshTokenError, Role, Session, SessionQueries, SessionState, SessionStore,
        SessionTokens, SessionUnit, SignUpStore, SignUpUnit, UserDetails, UserFilter, UserQueries, UserSort,
        UserStore, UserUnit, WrittenComment,
    },
    audit::{AuditFilter, AuditQueries, AuditRecord, AuditSeals, LogPlace, Seal, SealMaker, StoredEntry},
    cart::{CartEntry, CartQueries, CartStore, CartUnit},
    catalog::{
        CatalogStore, CatalogUnit, CountedName, FacetCounts, FacetQueries, KnownWord, ModerationStore,
        ModerationUnit, MovieDetail, MovieFilter, MovieProfile, MovieQueries, MovieSort, MovieSummary,
        NameKind, NameQueries, Named, RatingSummary, Search, SearchQueries, SearchTerm, SimilarCandidate,
        SimilarList, SimilarMovies, Suggestion,
    },
    engagement::{
        CommentQueries, CommentReportQueries, CommentView, EngagementStore, EngagementUnit,
        PopularityMaintenance, ReportedCommentView,
    },
    entropy::{KeyAge, PlainToken, Sealer, Signer, TokenDigest, TokenGenerator, UnsealError},
    id::{
        CommentId, Id, IdGenerator, MovieId, OrderId, PaymentId, RefundId, RefundRequestId,
        ReportedCommentId, SessionId, ShopId, UserId, WebhookEventId,
    },
    idempotency::{IdempotencyKey, IdempotencyKeys, KeptAnswer, KeyedRequest, KnownRequest},
    media::{AvatarImages, MediaKey, MediaStore, PictureError, PosterFile, PosterImages},
    money::{Currency, Money},
    notifications::{
        Notification, NotificationQueries, NotificationSettings, NotificationStore, NotificationUnit,
        UnreadCounts, UserPosition,
    },
    orders::{Order, OrderFilter, OrderQueries, OrderStore, OrderUnit, OrderView},
    page::{Page, PageRequest, Start, Total},
    payments::{
        AmountError, BookedPayment, CheckoutRequest, ClaimedEvent, DisputeFilter, DisputeQueries,
        DisputeView, DueDispute, EventPage, GatewayError, MoneyChecks, MoneyViolation, PaymentFilter,
        PaymentGateway, PaymentQueries, PaymentView, ProviderCheckout, ProviderDispute, ProviderEvent,
        ProviderRefund, Refund, RefundOrder, RefundQueries, RefundRequest, RefundRequestFilter,
        RefundRequestQueries, RefundRequestView, Sales, SalesPeriod, SalesQueries, WebhookError,
        WebhookEvent, WebhookEvents,
    },
    store::{Attempt, StoreError},
    throttle::{RateLimit, RateLimiter, SignInAttempt, SignInGuard, TooManyFailures, Verdict},
    time::{Backoff, Clock, Instant},
};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The access token of the only user who is signed in.
pub(crate) const USER: &str = "token-of-ann";
/// An expired access token.
pub(crate) const EXPIRED: &str = "token-of-yesterday";
/// A movie search with this minimum year panics.
pub(crate) const PANIC_YEAR: i32 = 1313;
/// A movie search with this minimum year waits until the test lets it end.
pub(crate) const SLOW_YEAR: i32 = 1414;

/// The test double of all ports.
pub(crate) struct Doubles {
    /// The number of ids that were generated.
    made: AtomicU64,
    /// The number of slow searches that have begun.
    begun: watch::Sender<usize>,
    /// Each permit lets one slow search end.
    let_go: Semaphore,
}

impl Default for Doubles {
    fn default() -> Self {
        Self { made: AtomicU64::default(), begun: watch::Sender::new(0), let_go: Semaphore::new(0) }
    }
}

impl Doubles {
    /// Waits until this many slow searches have begun.
    pub(crate) async fn begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }

    /// Lets one slow search end.
    pub(crate) fn let_go(&self) {
        self.let_go.add_permits(1);
    }
}

/// The error of a store that cannot be reached.
pub(super) fn away() -> StoreError {
    StoreError::unavailable("connection refused by db.internal:5432")
}

impl Clock for Doubles {
    fn now(&self) -> Instant {
        Instant::UNIX_EPOCH
    }
}

#[async_trait]
impl Backoff for Doubles {
    async fn wait(&self, _: Duration) {}
}

#[async_trait]
impl RateLimiter for Doubles {
    async fn take(&self, _: &RateLimit, _: &str) -> Verdict {
        Verdict { is_allowed: true, quotas: Vec::new() }
    }
    async fn take_once(&self, limit: &RateLimit, subject: &str, _: &str) -> Verdict {
        self.take(limit, subject).await
    }

    async fn give_back(&self, _: &RateLimit, _: &str) {}
}

#[async_trait]
impl SignInGuard for Doubles {
    async fn begin(&self, _: &SignInAttempt) -> Result<(), TooManyFailures> {
        Ok(())
    }

    async fn was_owner(&self, _: &SignInAttempt) {}

    async fn take_back(&self, _: &SignInAttempt) {}
}

impl IdGenerator for Doubles {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(0x0190_a1b2_0000_7000, self.made.fetch_add(1, Ordering::Relaxed))
    }
}

impl TokenGenerator for Doubles {
    fn generate(&self) -> PlainToken {
        PlainToken::new(self.uuid().to_string())
    }
    fn successor(&self, token: &PlainToken) -> PlainToken {
        token.clone()
    }
    fn successors(&self, token: &PlainToken) -> Vec<(KeyAge, PlainToken)> {
        vec![(KeyAge::CURRENT, token.clone())]
    }
    fn digest(&self, token: &PlainToken) -> TokenDigest {
        TokenDigest::from_hex(token.expose().to_owned())
    }
}

impl Sealer for Doubles {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }
    fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        Ok(Zeroizing::new(sealed.to_vec()))
    }
}

impl Signer for Doubles {
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        [u8::try_from(parts.concat().len() % 251).unwrap(); 32]
    }
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.sign(parts) == tag
    }
}

#[async_trait]
impl MediaStore for Doubles {
    async fn put(&self, _: &MediaKey, _: Vec<u8>) -> Result<(), StoreError> {
        Err(away())
    }
    async fn get(&self, _: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        Err(away())
    }
    async fn delete(&self, _: &MediaKey) -> Result<(), StoreError> {
        Err(away())
    }
}

#[async_trait]
impl AvatarImages for Doubles {
    async fn make(&self, _: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        Err(PictureError::Busy)
    }
}

#[async_trait]
impl PosterImages for Doubles {
    async fn make_poster(&self, _: Vec<u8>) -> Result<Vec<PosterFile>, PictureError> {
        Err(PictureError::Busy)
    }
}

impl SessionTokens for Doubles {
    fn sign_access(&self, _claims: &AccessClaims) -> String {
        USER.to_owned()
    }
    fn verify_access(&self, token: &str, now: Instant) -> Result<AccessClaims, AccessTokenError> {
        match token {
            USER => Ok(AccessClaims {
                user_id: Id::from_uuid(Uuid::from_u128(1)),
                session_id: Id::from_uuid(Uuid::from_u128(2)),
                role: Role::User,
                id: Id::from_uuid(Uuid::from_u128(3)),
                issued_at: now,
                expires_at: now,
            }),
            EXPIRED => Err(AccessTokenError::Expired),
            _ => Err(AccessTokenError::Invalid),
        }
    }
    fn sign_refresh(&self, _claims: &RefreshClaims, _key: KeyAge) -> String {
        "refresh".to_owned()
    }
    fn verify_refresh(&self, _token: &str) -> Result<RefreshClaims, RefreshTokenError> {
        Err(RefreshTokenError)
    }
}

#[async_trait]
impl PasswordHasher for Doubles {
    fn check_room(&self) -> Result<(), HashError> {
        Ok(())
    }
    async fn hash(&self, _password: &PlainPassword) -> Result<PasswordHash, HashError> {
        Ok(PasswordHash::unusable())
    }
    async fn verify(
        &self,
        _hash: Option<&PasswordHash>,
        _password: &PlainPassword,
    ) -> Result<bool, HashError> {
        Ok(false)
    }
    fn needs_rehash(&self, _hash: &PasswordHash) -> bool {
        false
    }
}

#[async_trait]
impl SignUpStore for Doubles {
    async fn begin(&self, _attempt: Attempt) -> Result<Box<dyn SignUpUnit>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl SessionStore for Doubles {
    async fn begin(&self, _attempt: Attempt) -> Result<Box<dyn SessionUnit>, StoreError> {
        Err(away())
    }
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn SessionUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl ProfileStore for Doubles {
    async fn begin(&self, _attempt: Attempt) -> Result<Box<dyn ProfileUnit>, StoreError> {
        Err(away())
    }
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn ProfileUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl UserStore for Doubles {
    async fn begin_as_admin(
        &self,
        _attempt: Attempt,
        _admin: &Actor,
        _user_id: UserId,
    ) -> Result<Box<dyn UserUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl OwnDataStore for Doubles {
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn OwnDataUnit>, AccessError> {
        Err(away().into())
    }
    async fn begin_deletion(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn OwnDataUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl AuditSeals for Doubles {
    async fn add_seal(&self, _seal: &Seal) -> Result<bool, StoreError> {
        Err(away())
    }
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        Err(away())
    }
    async fn seals_behind(&self, _number: u64, _limit: u32) -> Result<Vec<Seal>, StoreError> {
        Err(away())
    }
    async fn log_rows(
        &self,
        _after: Option<LogPlace>,
        _until: LogPlace,
        _limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        Err(away())
    }
    async fn count_log_rows_behind(&self, _place: Option<LogPlace>) -> Result<u64, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl CredentialQueries for Doubles {
    async fn credentials(&self, _email: &EmailAddress) -> Result<Option<Credentials>, StoreError> {
        Ok(None)
    }
    async fn credentials_of(
        &self,
        _user_id: UserId,
    ) -> Result<Option<(EmailAddress, Credentials)>, StoreError> {
        Ok(None)
    }
    async fn find_link(
        &self,
        _kind: LinkKind,
        _digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl SessionQueries for Doubles {
    async fn live_sessions(&self, _user_id: UserId, _now: Instant) -> Result<Vec<Session>, StoreError> {
        Ok(Vec::new())
    }
    async fn session_state(&self, _id: SessionId, _now: Instant) -> Result<Option<SessionState>, StoreError> {
        Ok(Some(SessionState { user_id: Id::from_uuid(Uuid::from_u128(1)), role: Role::User, is_live: true }))
    }
}

#[async_trait]
impl UserQueries for Doubles {
    async fn user_page(
        &self,
        _filter: &UserFilter,
        _sorts: &[UserSort],
        _request: &PageRequest,
    ) -> Result<Page<UserDetails>, StoreError> {
        Err(away())
    }
    async fn user_details(&self, _id: UserId) -> Result<Option<UserDetails>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl PersonalDataQueries for Doubles {
    async fn personal_data(&self, _user_id: UserId) -> Result<Option<PersonalData>, StoreError> {
        Ok(None)
    }

    async fn written_comments(
        &self,
        _user_id: UserId,
        _behind: Option<(Instant, CommentId)>,
        _most: u32,
    ) -> Result<Vec<WrittenComment>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl AuditQueries for Doubles {
    async fn audit_page(
        &self,
        _filter: &AuditFilter,
        _request: &PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl AccountMaintenance for Doubles {
    async fn purge_expired(&self, _now: Instant, _before: Instant, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl CatalogStore for Doubles {
    async fn begin(&self, _attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl ModerationStore for Doubles {
    async fn begin_as_moderator(
        &self,
        _attempt: Attempt,
        _moderator: &Actor,
    ) -> Result<Box<dyn ModerationUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl EngagementStore for Doubles {
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError> {
        Err(away().into())
    }

    async fn begin_as_moderator(
        &self,
        _attempt: Attempt,
        _moderator: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl CommentQueries for Doubles {
    async fn movie_comments(
        &self,
        _movie_id: MovieId,
        _request: &PageRequest,
        _viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError> {
        Ok(None)
    }

    async fn comment_replies(
        &self,
        _comment_id: CommentId,
        _request: &PageRequest,
        _viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError> {
        Ok(None)
    }

    async fn comment(&self, _id: CommentId, _viewer: UserId) -> Result<Option<CommentView>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl CommentReportQueries for Doubles {
    async fn reported_comments(
        &self,
        _is_open: Option<bool>,
        _request: &PageRequest,
    ) -> Result<Page<ReportedCommentView>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }

    async fn reported_comment(
        &self,
        _id: ReportedCommentId,
    ) -> Result<Option<ReportedCommentView>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl PopularityMaintenance for Doubles {
    async fn refresh_popularity(&self, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn movie(number: u128) -> MovieSummary {
    MovieSummary {
        id: Id::from_uuid(Uuid::from_u128(number)),
        name: format!("Movie {number}"),
        year: 1979,
        duration_minutes: 162,
        imdb: 8.1,
        votes: 150_000,
        price: Money::from_minor(999, "USD".parse().unwrap()),
        certification: Named { id: Id::from_uuid(Uuid::from_u128(7)), name: "PG".into() },
        genres: vec![],
        poster: None,
        rating: RatingSummary { average: None, count: 0 },
        likes: 0,
        dislikes: 0,
        me: None,
    }
}

#[async_trait]
impl MovieQueries for Doubles {
    async fn movie_page(
        &self,
        filter: &MovieFilter,
        _sorts: &[MovieSort],
        request: &PageRequest,
        _viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError> {
        assert_ne!(filter.year.min, Some(PANIC_YEAR), "a bug whose message contains a secret");
        if filter.year.min == Some(SLOW_YEAR) {
            self.begun.send_modify(|begun| *begun += 1);
            self.let_go.acquire().await.unwrap().forget();
        }
        let total = matches!(request.start(), Start::Number(_)).then(|| Total::from_capped_count(5));
        let items = (1..=u128::from(request.size().min(5))).map(movie).collect();
        Ok(Page { items, next: None, total })
    }
    async fn movie_detail(
        &self,
        id: MovieId,
        _viewer: Option<UserId>,
    ) -> Result<Option<MovieDetail>, StoreError> {
        Ok((id.as_uuid() == Uuid::from_u128(1)).then(|| MovieDetail {
            summary: movie(1),
            meta_score: None,
            gross: None,
            description: "A drama.".into(),
            directors: vec![],
            stars: vec![],
            trailer_url: None,
            imdb_id: None,
            tmdb_id: None,
            sort_name: None,
            comments_count: 0,
            is_available: true,
            version: 3,
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        }))
    }
    async fn export_movies(
        &self,
        _after: Option<MovieId>,
        _limit: u32,
    ) -> Result<Vec<MovieDetail>, StoreError> {
        Ok(vec![])
    }
    async fn has_no_movies(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[async_trait]
impl NameQueries for Doubles {
    async fn all_names(&self, _kind: NameKind) -> Result<Vec<CountedName>, StoreError> {
        Ok(vec![])
    }
    async fn name_page(
        &self,
        _kind: NameKind,
        _words: &[String],
        _request: &PageRequest,
    ) -> Result<Page<CountedName>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn find_name(&self, _kind: NameKind, _id: Uuid) -> Result<Option<CountedName>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl SearchQueries for Doubles {
    async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError> {
        Ok(vec![true; terms.len()])
    }
    async fn similar_words(&self, _word: &str) -> Result<Vec<KnownWord>, StoreError> {
        Ok(vec![])
    }
    async fn finds_movies(&self, _search: &Search) -> Result<bool, StoreError> {
        Ok(true)
    }
    async fn suggestions(&self, _search: &Search) -> Result<Vec<Suggestion>, StoreError> {
        Ok(vec![])
    }
}

#[async_trait]
impl FacetQueries for Doubles {
    async fn facet_counts(&self, _: &MovieFilter, _: Currency) -> Result<FacetCounts, StoreError> {
        Ok(FacetCounts::default())
    }
}

#[async_trait]
impl SimilarMovies for Doubles {
    async fn similarity_profiles(
        &self,
        _: MovieId,
    ) -> Result<Option<(MovieProfile, Vec<MovieProfile>)>, StoreError> {
        Ok(None)
    }
    async fn similar_list(&self, _: MovieId) -> Result<Option<SimilarList>, StoreError> {
        Ok(None)
    }
    async fn keep_similar_lists(&self, _: &[SimilarList]) -> Result<(), StoreError> {
        Err(away())
    }
    async fn similar_candidates(
        &self,
        _: Option<(f64, MovieId)>,
        _: Instant,
        _: u32,
    ) -> Result<Vec<SimilarCandidate>, StoreError> {
        Ok(vec![])
    }
}

#[async_trait]
impl CartStore for Doubles {
    async fn begin_own(&self, _attempt: Attempt, _owner: &Actor) -> Result<Box<dyn CartUnit>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl CartQueries for Doubles {
    async fn cart_entries(&self, _user_id: UserId) -> Result<Vec<CartEntry>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl NotificationStore for Doubles {
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn NotificationUnit>, AccessError> {
        Err(away().into())
    }
    async fn begin_notifications(&self, _attempt: Attempt) -> Result<Box<dyn NotificationUnit>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl OrderStore for Doubles {
    async fn begin_own(&self, _attempt: Attempt, _owner: &Actor) -> Result<Box<dyn OrderUnit>, AccessError> {
        Err(away().into())
    }
    async fn begin_order(
        &self,
        _attempt: Attempt,
        _id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, StoreError> {
        Err(away())
    }
    async fn begin_without_order(&self, _attempt: Attempt) -> Result<Box<dyn OrderUnit>, StoreError> {
        Err(away())
    }
    async fn begin_order_as_admin(
        &self,
        _attempt: Attempt,
        _admin: &Actor,
        _id: OrderId,
    ) -> Result<Option<(Box<dyn OrderUnit>, Order)>, AccessError> {
        Err(away().into())
    }
}

#[async_trait]
impl NotificationQueries for Doubles {
    async fn notification_page(
        &self,
        _user_id: UserId,
        _unread_only: bool,
        request: &PageRequest,
    ) -> Result<Page<Notification>, StoreError> {
        let total = matches!(request.start(), Start::Number(_)).then(|| Total::from_capped_count(0));
        Ok(Page { items: Vec::new(), next: None, total })
    }
    async fn unread_counts(&self, _user_id: UserId) -> Result<UnreadCounts, StoreError> {
        Ok(UnreadCounts::default())
    }
    async fn notification_settings(&self, _user_id: UserId) -> Result<NotificationSettings, StoreError> {
        Ok(NotificationSettings::default())
    }
    async fn notification_positions(&self, _user_ids: &[UserId]) -> Result<Vec<UserPosition>, StoreError> {
        Ok(Vec::new())
    }
    async fn notifications_behind(
        &self,
        _behind: UserPosition,
        _limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        Ok(Vec::new())
    }
    /// Returns no sessions, so that live streams end soon.
    async fn live_sessions_among(
        &self,
        _ids: &[SessionId],
        _now: Instant,
    ) -> Result<Vec<SessionId>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl OrderQueries for Doubles {
    async fn order_page(
        &self,
        _filter: &OrderFilter,
        _request: &PageRequest,
    ) -> Result<Page<OrderView>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn order_view(&self, _id: OrderId) -> Result<Option<OrderView>, StoreError> {
        Ok(None)
    }
    async fn orders_of(&self, _user_id: UserId) -> Result<Vec<OrderView>, StoreError> {
        Ok(Vec::new())
    }
    async fn expired_orders(
        &self,
        _now: Instant,
        _after: Option<(Instant, OrderId)>,
        _limit: u32,
    ) -> Result<Vec<(Instant, OrderId)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl PaymentQueries for Doubles {
    async fn payment_page(
        &self,
        _filter: &PaymentFilter,
        _request: &PageRequest,
    ) -> Result<Page<PaymentView>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn payment_view(&self, _id: PaymentId) -> Result<Option<PaymentView>, StoreError> {
        Ok(None)
    }
    async fn payments_of(&self, _user_id: UserId) -> Result<Vec<PaymentView>, StoreError> {
        Ok(Vec::new())
    }
    async fn order_of_payment(&self, _id: PaymentId) -> Result<Option<OrderId>, StoreError> {
        Ok(None)
    }
    async fn payment_of_checkout(
        &self,
        _provider: &str,
        _checkout_id: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError> {
        Ok(None)
    }
    async fn shop_id(&self) -> Result<Option<ShopId>, StoreError> {
        Ok(None)
    }

    async fn payments_to_check(
        &self,
        _now: Instant,
        _limit: u32,
    ) -> Result<Vec<(PaymentId, OrderId)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl RefundQueries for Doubles {
    async fn refund_page(&self, _id: PaymentId, _request: &PageRequest) -> Result<Page<Refund>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn refund(&self, _id: RefundId) -> Result<Option<Refund>, StoreError> {
        Ok(None)
    }
    async fn payment_of_charge(
        &self,
        _provider: &str,
        _charge: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError> {
        Ok(None)
    }
    async fn refunds_to_check(
        &self,
        _now: Instant,
        _limit: u32,
    ) -> Result<Vec<(RefundId, PaymentId, OrderId)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SalesQueries for Doubles {
    async fn sales(&self, _period: SalesPeriod, _currency: Currency) -> Result<Sales, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl MoneyChecks for Doubles {
    async fn money_violations(&self, _now: Instant) -> Result<Vec<MoneyViolation>, StoreError> {
        Err(away())
    }
    async fn booked_payments(
        &self,
        _provider: &str,
        _since: Instant,
        _after: Option<PaymentId>,
        _limit: u32,
    ) -> Result<Vec<BookedPayment>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl DisputeQueries for Doubles {
    async fn dispute_page(
        &self,
        _filter: &DisputeFilter,
        _request: &PageRequest,
    ) -> Result<Page<DisputeView>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn disputes_to_check(&self, _now: Instant, _limit: u32) -> Result<Vec<DueDispute>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl RefundRequestQueries for Doubles {
    async fn refund_request_page(
        &self,
        _filter: &RefundRequestFilter,
        _request: &PageRequest,
    ) -> Result<Page<RefundRequestView>, StoreError> {
        Ok(Page { items: vec![], next: None, total: None })
    }
    async fn refund_request(&self, _id: RefundRequestId) -> Result<Option<RefundRequestView>, StoreError> {
        Ok(None)
    }
    async fn refund_requests_of(&self, _user_id: UserId) -> Result<Vec<RefundRequest>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl WebhookEvents for Doubles {
    async fn store_event(&self, _event: &WebhookEvent) -> Result<bool, StoreError> {
        Err(away())
    }
    async fn claim_event(&self, _now: Instant) -> Result<Option<ClaimedEvent>, StoreError> {
        Ok(None)
    }
    async fn complete_event(&self, _id: WebhookEventId, _now: Instant) -> Result<(), StoreError> {
        Err(away())
    }
    async fn fail_event(
        &self,
        _claimed: &ClaimedEvent,
        _error: &str,
        _retry_at: Instant,
    ) -> Result<(), StoreError> {
        Err(away())
    }
    async fn events_read_until(&self, _provider: &str) -> Result<Option<Instant>, StoreError> {
        Ok(None)
    }
    async fn note_events_read(&self, _provider: &str, _until: Instant) -> Result<(), StoreError> {
        Err(away())
    }
}

#[async_trait]
impl IdempotencyKeys for Doubles {
    async fn find_request(
        &self,
        _key: &IdempotencyKey,
        _now: Instant,
    ) -> Result<Option<KnownRequest>, StoreError> {
        Ok(None)
    }
    async fn keep_answer(&self, _request: &KeyedRequest, _answer: &KeptAnswer) -> Result<(), StoreError> {
        Err(away())
    }
    async fn purge_requests(&self, _before: Instant, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn provider_away() -> GatewayError {
    GatewayError::NotReached("connection refused by payments.internal:443".into())
}

#[async_trait]
impl PaymentGateway for Doubles {
    fn provider(&self) -> &'static str {
        "sandbox"
    }
    fn check_amount(&self, _amount: Money) -> Result<(), AmountError> {
        Ok(())
    }
    async fn open_checkout(&self, _request: &CheckoutRequest) -> Result<ProviderCheckout, GatewayError> {
        Err(provider_away())
    }
    async fn look_up_checkout(
        &self,
        _request: &CheckoutRequest,
    ) -> Result<Option<ProviderCheckout>, GatewayError> {
        Err(provider_away())
    }
    async fn checkout(&self, _id: &str) -> Result<Option<ProviderCheckout>, GatewayError> {
        Err(provider_away())
    }
    async fn expire_checkout(&self, _id: &str) -> Result<ProviderCheckout, GatewayError> {
        Err(provider_away())
    }
    async fn refund(&self, _order: &RefundOrder) -> Result<ProviderRefund, GatewayError> {
        Err(provider_away())
    }
    async fn refunds(&self, _charge: &str) -> Result<Vec<ProviderRefund>, GatewayError> {
        Err(provider_away())
    }
    async fn dispute(&self, _id: &str) -> Result<Option<ProviderDispute>, GatewayError> {
        Err(provider_away())
    }
    async fn disputes(&self, _charge: &str) -> Result<Vec<ProviderDispute>, GatewayError> {
        Err(provider_away())
    }
    async fn checkouts_since(
        &self,
        _since: Instant,
        _after: Option<&str>,
    ) -> Result<(Vec<ProviderCheckout>, bool), GatewayError> {
        Err(provider_away())
    }
    async fn events_since(&self, _since: Instant, _after: Option<&str>) -> Result<EventPage, GatewayError> {
        Err(provider_away())
    }
    fn check_signature_header(&self, _signature: Option<&str>, _now: Instant) -> Result<(), WebhookError> {
        Err(WebhookError::Signature)
    }
    fn read_webhook(
        &self,
        _signature: Option<&str>,
        _body: &[u8],
        _now: Instant,
    ) -> Result<ProviderEvent, WebhookError> {
        Err(WebhookError::Signature)
    }
}

#[async_trait]
impl Readiness for Doubles {
    async fn components(&self) -> Vec<Component> {
        vec![Component {
            name: "database".into(),
            ok: false,
            required: true,
            detail: Some("not reachable".into()),
        }]
    }

    fn is_draining(&self) -> bool {
        false
    }
}

impl SealMaker for Doubles {
    fn digest(&self, _parts: &[&[u8]]) -> String {
        String::new()
    }
    fn tag(&self, _digest: &str) -> String {
        String::new()
    }
    fn is_tag(&self, _tag: &str, _digest: &str) -> bool {
        false
    }
}
