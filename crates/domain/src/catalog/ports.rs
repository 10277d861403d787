use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    accounts::{AccessError, Actor, Authority, Role, SessionRepository, UserRepository, begin_as},
    audit::AuditRepository,
    catalog::{
        CountedName, FacetCounts, KnownWord, Movie, MovieDetail, MovieFilter, MovieIdentity, MovieProfile,
        MovieSort, MovieSummary, NameKind, Offer, ProposedName, Search, SearchTerm, SimilarCandidate,
        SimilarList, Suggestion,
    },
    id::{MovieId, UserId},
    money::Currency,
    notifications::NotificationRepository,
    outbox::OutboxRepository,
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work (one transaction) about the catalogue.
    pub trait CatalogUnit: Unit + MovieRepository + AuditRepository + OutboxRepository;
}

/// Begins units of work about the catalogue.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Begins a unit of work that no signed-in user requested, for imports on the command line, and for the background
    /// job that removes posters that no movie uses.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: CatalogUnit>> CatalogStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

gathered! {
    /// A unit of work (one transaction) of a moderator, about the catalogue and the users who are notified of changes.
    pub trait ModerationUnit: CatalogUnit + NameRepository + NotificationRepository;
}

/// Begins units of work of moderators.
#[async_trait]
pub trait ModerationStore: Send + Sync {
    /// Begins a unit of work for a moderator who changes the catalogue.
    async fn begin_as_moderator(
        &self,
        attempt: Attempt,
        moderator: &Actor,
    ) -> Result<Box<dyn ModerationUnit>, AccessError>;
}

#[async_trait]
impl<D> ModerationStore for D
where
    D: UnitsOfWork<Unit: ModerationUnit + UserRepository + SessionRepository>,
{
    async fn begin_as_moderator(
        &self,
        attempt: Attempt,
        moderator: &Actor,
    ) -> Result<Box<dyn ModerationUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::of(moderator, Role::Moderator)).await?))
    }
}

/// The external identifiers of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIds {
    /// The movie.
    pub movie: MovieIdentity,
    /// The identifier of the movie at IMDb.
    pub imdb_id: Option<String>,
    /// The identifier of the movie at TMDB.
    pub tmdb_id: Option<i64>,
}

/// Which values of a movie another movie already has, although they must be unique.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovieConflicts {
    /// Title, year and running time.
    pub identity: bool,
    /// The identifier at IMDb or TMDB.
    pub external_id: bool,
}

/// The references to a movie, which decide whether it may be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MovieUses {
    /// Whether the movie was ever bought, even if the purchase was revoked.
    pub is_purchased: bool,
    /// Whether any order contains the movie.
    pub is_ordered: bool,
    /// The users who have the movie in their cart, in the order of their identifiers.
    pub cart_owners: Vec<UserId>,
}

/// Stores movies, and the names of genres, people and certifications that movies share. After a change of a movie on
/// sale, totals and counts that are read after the commit MUST be correct on every node, and the movie MUST be updated
/// in the search index in the same transaction.
#[async_trait]
pub trait MovieRepository: Send {
    /// Returns the identifiers of these names, in the same order. MUST add missing names with the proposed identifier,
    /// and MUST use the same row for names that differ only in case or accents, also when other transactions add them
    /// concurrently.
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError>;
    /// The movies with these identities, in any order, locked until the transaction ends. MUST return the state after
    /// all commits of transactions that held the locks earlier.
    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError>;
    /// Adds movies and returns the identifiers of the added ones. A movie whose identity already exists MUST be skipped
    /// without an error.
    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError>;
    /// The movie, locked until the transaction ends. MUST return the state after all commits of transactions that held
    /// the lock earlier.
    async fn find_movie_for_update(&mut self, id: MovieId) -> Result<Option<Movie>, StoreError>;
    /// Which values of the movie another movie already has, although they must be unique. A value that another
    /// transaction adds concurrently may be missed; writing the movie MUST then fail with [`StoreError::Conflict`], so
    /// that the transaction is retried and finds the value.
    async fn find_movie_conflicts(&mut self, movie: &Movie) -> Result<MovieConflicts, StoreError>;
    /// The movies with one of these IMDb or TMDB identifiers, in any order.
    async fn find_external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<ExternalIds>, StoreError>;
    /// Writes all fields of the movie except its identifier and creation time.
    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError>;
    /// The references to the movie, which the transaction must have locked. When another transaction adds a reference
    /// before this transaction deletes the movie, the deletion MUST fail with [`StoreError::Conflict`].
    async fn find_movie_uses(&mut self, id: MovieId) -> Result<MovieUses, StoreError>;
    /// Removes the movie from every cart. Returns the owners of these carts, in the order of their identifiers.
    async fn remove_movie_from_carts(&mut self, id: MovieId) -> Result<Vec<UserId>, StoreError>;
    /// Deletes the movie and the rows that belong only to it.
    async fn delete_movie(&mut self, id: MovieId) -> Result<(), StoreError>;
    /// The names with these identifiers, in the same order; unknown identifiers are omitted.
    async fn names_of(&mut self, kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError>;
}

/// Stores genres, directors, stars and certifications one by one.
#[async_trait]
pub trait NameRepository: Send {
    /// The name, locked until the transaction ends; `None` when it does not exist or has another kind. MUST first lock
    /// the movies that have the name, so that changes of these movies and changes of the name see each other's results.
    async fn find_name_for_update(&mut self, kind: NameKind, id: Uuid) -> Result<Option<String>, StoreError>;
    /// Whether another row of the kind has this name; MUST compare as [`resolve_names`](MovieRepository::resolve_names)
    /// does. A name that another transaction adds concurrently may be missed; writing the name MUST then fail with
    /// [`StoreError::Conflict`].
    async fn is_name_taken(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<bool, StoreError>;
    /// Changes a name that the transaction has locked. MUST update the search index of its movies.
    async fn update_name(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<(), StoreError>;
    /// Whether any movie has the name, on sale or not.
    async fn has_movies(&mut self, kind: NameKind, id: Uuid) -> Result<bool, StoreError>;
    /// Deletes a name that no movie has. MUST fail with [`StoreError::Conflict`] when another transaction concurrently
    /// gives the name to a movie.
    async fn delete_name(&mut self, kind: NameKind, id: Uuid) -> Result<(), StoreError>;
}

/// Reads offers, for units of work that add movies to carts or order movies.
#[async_trait]
pub trait OfferRepository: Send {
    /// The movie's offer; `None` when there is no such movie.
    async fn find_offer(&mut self, id: MovieId) -> Result<Option<Offer>, StoreError>;
    /// The offers of these movies, in any order; missing movies are omitted. MUST prevent the deletion of the movies
    /// until the transaction ends.
    async fn find_offers(&mut self, ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError>;
}

/// Reads the catalogue outside a unit of work (transaction).
#[async_trait]
pub trait MovieQueries: Send + Sync {
    /// A page of the movies that match the filter. MUST sort by the sort keys and then by the identifier (in the
    /// direction of the last sort key), with missing values last in both directions, and names by their folded key,
    /// identically on every database. A page after a position MUST NOT repeat or lose items while movies are added. For
    /// any number of movies, any filter and any sort keys, a page MUST NOT cost more than a few times as much as the
    /// first page of all movies. A page MUST need only one statement when the total for its filter is known from an
    /// earlier page.
    ///
    /// A page that is sorted by relevance MUST be sorted by [`SearchRank`](super::SearchRank) and then by popularity;
    /// it may need a few more statements. Ranking is required only for the most popular matches, for the most popular
    /// movies whose name contains the words of the search, and for the movies whose complete name equals the searched
    /// text. The other matches follow, sorted by popularity.
    async fn movie_page(
        &self,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError>;
    /// One movie, on sale or not. MUST need at most four statements.
    async fn movie_detail(
        &self,
        id: MovieId,
        viewer: Option<UserId>,
    ) -> Result<Option<MovieDetail>, StoreError>;
    /// Up to `limit` movies after `after`, on sale or not, in the order of their identifiers, for exports.
    async fn export_movies(&self, after: Option<MovieId>, limit: u32)
    -> Result<Vec<MovieDetail>, StoreError>;
    /// Whether there is no movie at all.
    async fn has_no_movies(&self) -> Result<bool, StoreError>;
}

/// Reads the search index, outside a unit of work (transaction).
#[async_trait]
pub trait SearchQueries: Send + Sync {
    /// For each term, in the order of the terms, whether the words of at least one indexed movie match it.
    async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError>;
    /// Words that are similar to `word`, from the vocabulary, which contains the words of the search index. MUST
    /// include all words that [`corrections`](super::corrections) accepts for `word`, and may include more.
    async fn similar_words(&self, word: &str) -> Result<Vec<KnownWord>, StoreError>;
    /// Whether the search finds any movie on sale.
    async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError>;
    /// The movies on sale, and the people of movies on sale, whose names match the search, selected by
    /// [`best_suggestions`](super::best_suggestions). MUST consider the most popular movies and people, and movies
    /// whose complete name equals the searched text.
    async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError>;
}

/// Keeps the search index complete. Several nodes may call the method concurrently.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Does nothing if the catalogue has not changed since the last call, no matter which node made that call.
    /// Otherwise, indexes movies that an earlier version of the program did not index, or indexed by earlier rules.
    /// Then updates the vocabulary, from which corrections are chosen, so that it contains the words of the index.
    /// Returns how many movies and words were changed.
    async fn refresh_search_index(&self) -> Result<u64, StoreError>;
}

/// Reads genres, directors, stars and certifications outside a unit of work (transaction).
#[async_trait]
pub trait NameQueries: Send + Sync {
    /// All names of a kind, for kinds that have few names. MUST be sorted by the folded name. The counts MUST be
    /// correct after each commit, on every node.
    async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError>;
    /// A page of the names whose folded form contains all of the folded words. MUST be sorted and counted as in
    /// [`all_names`](Self::all_names). A page after a position MUST NOT repeat or lose items while names are added.
    async fn name_page(
        &self,
        kind: NameKind,
        words: &[String],
        request: &PageRequest,
    ) -> Result<Page<CountedName>, StoreError>;
    /// One name of the kind; `None` when it does not exist or has another kind. MUST be counted as in
    /// [`all_names`](Self::all_names).
    async fn find_name(&self, kind: NameKind, id: Uuid) -> Result<Option<CountedName>, StoreError>;
}

/// Counts how many movies each filter value would select.
#[async_trait]
pub trait FacetQueries: Send + Sync {
    /// The number of movies that match the filter, by genre, certification, decade and price band of a shop with this
    /// currency. The counts of a group MUST ignore the filter values of this group
    /// ([`without_choice`](crate::catalog::FacetGroup::without_choice)), and MUST be correct after each commit, on
    /// every node.
    async fn facet_counts(&self, filter: &MovieFilter, currency: Currency)
    -> Result<FacetCounts, StoreError>;
}

/// Stores which movies are similar to a movie. The lists are computed in the background. A list that is requested
/// before it has been computed is computed at that request.
#[async_trait]
pub trait SimilarMovies: Send + Sync {
    /// The movie, and other movies on sale that may be similar: with people or genres in common, or with the same
    /// beginning of the title. MUST return a bounded number for any size of the catalogue, and prefer the most popular
    /// movies of a genre. `None` when there is no such movie.
    async fn similarity_profiles(
        &self,
        id: MovieId,
    ) -> Result<Option<(MovieProfile, Vec<MovieProfile>)>, StoreError>;
    /// The stored list of a movie.
    async fn similar_list(&self, id: MovieId) -> Result<Option<SimilarList>, StoreError>;
    /// Stores lists, and replaces the previous list of each movie. MUST omit movies that were deleted.
    async fn keep_similar_lists(&self, lists: &[SimilarList]) -> Result<(), StoreError>;
    /// Up to `limit` movies on sale, the most popular first, after the popularity and movie in `after`. The list of a
    /// movie is due when it is missing, or was computed for another version of the movie or before `since`.
    async fn similar_candidates(
        &self,
        after: Option<(f64, MovieId)>,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<SimilarCandidate>, StoreError>;
}
