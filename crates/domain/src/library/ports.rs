use async_trait::async_trait;

use super::{Language, Progress, RunningTime};
use crate::{
    accounts::{AccessError, Actor, Authority, SessionRepository, UserRepository, begin_as},
    catalog::{MovieFilter, MovieSort, MovieSummary},
    id::{MovieId, PurchaseId, UserId},
    media::MediaKey,
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

/// A movie in the library of its buyer.
#[derive(Debug, Clone, PartialEq)]
pub struct LibraryItem {
    /// The movie, with the buyer's relation to it.
    pub movie: MovieSummary,
    /// When the movie was bought.
    pub purchased_at: Instant,
    /// Whether the movie currently cannot be watched because its payment is disputed.
    pub is_suspended: bool,
}

/// A movie that its buyer has begun to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedMovie {
    /// The movie.
    pub item: LibraryItem,
    /// How far the buyer has watched the movie.
    pub progress: Progress,
}

/// The file of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovieFile {
    /// The movie.
    pub movie_id: MovieId,
    /// The name of the stored file.
    pub key: MediaKey,
    /// The length of the file in bytes.
    pub length: i64,
    /// When the file was attached.
    pub attached_at: Instant,
}

/// The subtitles of a movie in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovieSubtitles {
    /// The movie.
    pub movie_id: MovieId,
    /// The language.
    pub language: Language,
    /// The name of the stored file.
    pub key: MediaKey,
    /// When the subtitles were attached.
    pub attached_at: Instant,
}

/// The data that a buyer needs to watch a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoughtMovie {
    /// The active purchase.
    pub purchase_id: PurchaseId,
    /// Whether the purchase is suspended because its payment is disputed.
    pub is_suspended: bool,
    /// The running time.
    pub running_time: RunningTime,
    /// Whether the movie has a file.
    pub has_file: bool,
    /// The languages of the movie's subtitles, sorted by tag.
    pub subtitles: Vec<Language>,
    /// How far the buyer has watched the movie; `None` before the first report.
    pub progress: Option<Progress>,
}

/// The files that can be played with a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayableMovie {
    /// The name of the stored film, when there is one.
    pub file: Option<MediaKey>,
    /// The subtitles in each language.
    pub subtitles: Vec<(Language, MediaKey)>,
}

gathered! {
    /// A unit of work (one transaction) about the library.
    pub trait LibraryUnit: Unit + ProgressRepository + MovieMediaRepository;
}

/// Begins units of work about libraries.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Begins a unit of work for a user who changes their own progress.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn LibraryUnit>, AccessError>;
    /// Begins a unit of work for the operator of the server, who attaches files to movies.
    async fn begin_as_operator(&self, attempt: Attempt) -> Result<Box<dyn LibraryUnit>, StoreError>;
}

#[async_trait]
impl<D> LibraryStore for D
where
    D: UnitsOfWork<Unit: LibraryUnit + UserRepository + SessionRepository>,
{
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn LibraryUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_as_operator(&self, attempt: Attempt) -> Result<Box<dyn LibraryUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

/// Stores how far users have watched the movies that they bought.
#[async_trait]
pub trait ProgressRepository: Send {
    /// The running time of a movie that the user has an active purchase of; `None` without an active purchase.
    async fn bought_running_time(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Option<RunningTime>, StoreError>;
    /// The user's progress in the movie. Callers have locked the user.
    async fn find_progress(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Option<Progress>, StoreError>;
    /// Stores the progress, and replaces the previous one. Callers have locked the user.
    async fn put_progress(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        progress: &Progress,
    ) -> Result<(), StoreError>;
}

/// Stores which files belong to which movie.
#[async_trait]
pub trait MovieMediaRepository: Send {
    /// Locks the movie until the transaction ends; `false` when there is no such movie.
    async fn lock_movie_media(&mut self, movie_id: MovieId) -> Result<bool, StoreError>;
    /// Sets the file of the movie, and returns the name of the previous file. Callers have locked the movie.
    async fn put_movie_file(&mut self, file: &MovieFile) -> Result<Option<MediaKey>, StoreError>;
    /// Sets the subtitles of the movie in one language, and returns the name of the previous file. Callers have locked
    /// the movie.
    async fn put_movie_subtitles(
        &mut self,
        subtitles: &MovieSubtitles,
    ) -> Result<Option<MediaKey>, StoreError>;
}

/// Reads libraries outside a unit of work (transaction).
#[async_trait]
pub trait LibraryQueries: Send + Sync {
    /// A page of the movies that match the filter and that the owner has an active purchase of. MUST include movies
    /// that were withdrawn from sale, and MUST NOT include purchases of other users. Filters, sort keys and pages MUST
    /// work like those of [`MovieQueries::movie_page`](crate::catalog::MovieQueries::movie_page).
    async fn library_page(
        &self,
        owner: UserId,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
    ) -> Result<Page<LibraryItem>, StoreError>;
    /// A page of the movies that the owner has bought and begun to watch, the most recently watched first. MUST
    /// contain exactly the movies whose progress satisfies [`is_in_progress`](Progress::is_in_progress).
    async fn started_page(
        &self,
        owner: UserId,
        request: &PageRequest,
    ) -> Result<Page<StartedMovie>, StoreError>;
    /// The data that the owner needs to watch the movie; `None` without an active purchase.
    async fn bought_movie(&self, owner: UserId, movie_id: MovieId)
    -> Result<Option<BoughtMovie>, StoreError>;
    /// The files that can be played with the purchase. MUST be `None` when the purchase was revoked or is suspended,
    /// and when the buyer is deactivated or deleted.
    async fn playable_movie(&self, purchase_id: PurchaseId) -> Result<Option<PlayableMovie>, StoreError>;
    /// Returns those of the given purchases for which [`playable_movie`](Self::playable_movie) is not `None`. MUST need
    /// only one statement.
    async fn playable_among(&self, purchases: &[PurchaseId]) -> Result<Vec<PurchaseId>, StoreError>;
}
