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
    /// A unit of work about the catalogue.
    pub trait CatalogUnit: Unit + MovieRepository + AuditRepository + OutboxRepository;
}

/// Begins units of work about the catalogue.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Begins one without a signed-in user: for imports on the command line.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: CatalogUnit>> CatalogStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

gathered! {
    /// A unit of work of a moderator, about the catalogue and those who are told of changes.
    pub trait ModerationUnit: CatalogUnit + NameRepository + NotificationRepository;
}

/// Begins units of work of moderators.
#[async_trait]
pub trait ModerationStore: Send + Sync {
    /// Begins one for a moderator who changes the catalogue.
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

/// The identifiers that a movie has elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIds {
    /// The movie.
    pub movie: MovieIdentity,
    /// Its identifier at IMDb.
    pub imdb_id: Option<String>,
    /// Its identifier at TMDB.
    pub tmdb_id: Option<i64>,
}

/// What a movie has in common with another one although each may be of one movie only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovieConflicts {
    /// Title, year and running time.
    pub identity: bool,
    /// The identifier at IMDb or TMDB.
    pub external_id: bool,
}

/// What refers to a movie and decides whether it may be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MovieUses {
    /// Whether anybody ever bought it, also if the purchase was revoked.
    pub is_purchased: bool,
    /// Whether any order holds it.
    pub is_ordered: bool,
    /// The users who have it in their cart, in the order of their identifiers.
    pub cart_owners: Vec<UserId>,
}

/// Keeps movies and the names they share. Whatever changes a movie on sale MUST make totals and counts that are read
/// after the commit true again, on every node, and MUST change the movie in the search index in the same transaction.
#[async_trait]
pub trait MovieRepository: Send {
    /// The rows of these names, in the same order. MUST add what is not there under the proposed identifier, and MUST
    /// take names that differ in case or accents for the same row, also when other units add them at the same moment.
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError>;
    /// The movies that have these identities, in any order, locked until the unit ends: who changes them MUST see what the
    /// units before have made of them.
    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError>;
    /// Adds movies; gives the identifiers of those that were added. One whose identity is there already MUST be left out
    /// without an error.
    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError>;
    /// The movie, locked until the unit ends: who changes it MUST see what the units before have made of it.
    async fn find_movie_for_update(&mut self, id: MovieId) -> Result<Option<Movie>, StoreError>;
    /// What the movie has in common with another one. What another unit adds at the same moment may be missed: writing the
    /// movie MUST then fail with [`StoreError::Conflict`], so that the unit is begun again and sees it.
    async fn find_movie_conflicts(&mut self, movie: &Movie) -> Result<MovieConflicts, StoreError>;
    /// The movies that have one of these identifiers at IMDb or TMDB, in any order.
    async fn find_external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<ExternalIds>, StoreError>;
    /// Writes all of the movie but its identifier and creation time.
    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError>;
    /// What refers to the movie, which the unit has locked. When another unit adds to it before this one deletes the movie,
    /// the deletion MUST fail with [`StoreError::Conflict`].
    async fn find_movie_uses(&mut self, id: MovieId) -> Result<MovieUses, StoreError>;
    /// Takes the movie out of every cart.
    async fn remove_movie_from_carts(&mut self, id: MovieId) -> Result<(), StoreError>;
    /// Deletes the movie and what belongs to it alone.
    async fn delete_movie(&mut self, id: MovieId) -> Result<(), StoreError>;
    /// The names of these rows, in the same order; those that are not there are left out.
    async fn names_of(&mut self, kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError>;
}

/// Keeps genres, directors, stars and certifications one by one.
#[async_trait]
pub trait NameRepository: Send {
    /// The name, locked until the unit ends; `None` when it is of another kind or not there. MUST lock the movies that are
    /// searched by it before, so that whoever changes them and whoever changes the name see what the other has written.
    async fn find_name_for_update(&mut self, kind: NameKind, id: Uuid) -> Result<Option<String>, StoreError>;
    /// Whether another one of the kind has this name; MUST compare as
    /// [`resolve_names`](MovieRepository::resolve_names) does. What another unit adds at the same moment may be missed:
    /// writing the name MUST then fail with [`StoreError::Conflict`].
    async fn is_name_taken(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<bool, StoreError>;
    /// Writes a name that the unit has locked. MUST change the search index of its movies.
    async fn update_name(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<(), StoreError>;
    /// Whether a movie has the name, on sale or not.
    async fn has_movies(&mut self, kind: NameKind, id: Uuid) -> Result<bool, StoreError>;
    /// Deletes a name that no movie has. When another unit gives it to a movie at the same moment, MUST fail with
    /// [`StoreError::Conflict`].
    async fn delete_name(&mut self, kind: NameKind, id: Uuid) -> Result<(), StoreError>;
}

/// Tells what is on sale, to those who put movies in carts and buy them.
#[async_trait]
pub trait OfferRepository: Send {
    /// The movie's offer; `None` when there is no such movie.
    async fn find_offer(&mut self, id: MovieId) -> Result<Option<Offer>, StoreError>;
    /// The offers of those of these movies that there are, in any order. MUST keep others from deleting the movies until the
    /// unit ends.
    async fn find_offers(&mut self, ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError>;
}

/// Reads the catalogue outside a unit of work.
#[async_trait]
pub trait MovieQueries: Send + Sync {
    /// A page of the movies on sale that meet the filter. MUST order by the sorts in turn and then by the identifier
    /// (in the last sort's direction), nulls last either way, names by their folded key, alike on every database; a
    /// page behind a position MUST repeat and lose nothing while others add movies. However many movies there are, and whatever
    /// the filter and the sorts select, a page MUST cost a few times the first page of all movies; one statement, when the
    /// filter is known from an earlier page.
    ///
    /// By relevance it MUST order by [`rank`](super::rank) and then by popularity; a few statements more. Only the most popular
    /// matches, those with the most popular names and those whose name is the search have to be ranked; the others follow by
    /// popularity.
    async fn movie_page(
        &self,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError>;
    /// One movie, on sale or not; at most four statements.
    async fn movie_detail(
        &self,
        id: MovieId,
        viewer: Option<UserId>,
    ) -> Result<Option<MovieDetail>, StoreError>;
    /// Up to `limit` movies, on sale or not, behind `after`, in the order of their identifiers: for exports.
    async fn export_movies(&self, after: Option<MovieId>, limit: u32)
    -> Result<Vec<MovieDetail>, StoreError>;
    /// Whether there is no movie at all.
    async fn has_no_movies(&self) -> Result<bool, StoreError>;
}

/// Reads what the search index knows, outside a unit of work.
#[async_trait]
pub trait SearchQueries: Send + Sync {
    /// Whether each term stands in any movie, in order.
    async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError>;
    /// Words of the vocabulary; MUST have all that [`corrections`](super::corrections) accepts for the word, and may have more.
    async fn similar_words(&self, word: &str) -> Result<Vec<KnownWord>, StoreError>;
    /// Whether the search finds any movie on sale.
    async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError>;
    /// The movies on sale whose names match the search, and the people of movies on sale whose names do, in any order. MUST have
    /// the most popular ones, and movies whose name is the search.
    async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError>;
}

/// Keeps the search index complete. Any number of nodes may do so at once.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// When movies have changed since the last time: adds those to the index that an earlier version of the program left out or
    /// indexed by earlier rules, and makes the vocabulary equal to the words of the index, which corrections are found in. Says how
    /// many movies and words that changed.
    async fn refresh_search_index(&self) -> Result<u64, StoreError>;
}

/// Reads genres, directors, stars and certifications outside a unit of work.
#[async_trait]
pub trait NameQueries: Send + Sync {
    /// All of a kind that has few. MUST be ordered by the folded name; the counts MUST be true after each commit, on every
    /// node.
    async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError>;
    /// A page of those whose folded name contains all of the folded words. MUST be ordered and counted as
    /// [`all_names`](Self::all_names); a page behind a position MUST repeat and lose nothing while others are added.
    async fn name_page(
        &self,
        kind: NameKind,
        words: &[String],
        request: &PageRequest,
    ) -> Result<Page<CountedName>, StoreError>;
    /// One of the kind; `None` when it is of another kind or not there. MUST be counted as [`all_names`](Self::all_names).
    async fn find_name(&self, kind: NameKind, id: Uuid) -> Result<Option<CountedName>, StoreError>;
}

/// Counts movies by what their list could be narrowed by.
#[async_trait]
pub trait FacetQueries: Send + Sync {
    /// The movies on sale that meet the filter, by genre, certification, decade and price band of a shop with this currency. The
    /// counts of a group MUST ignore what the filter chooses in it
    /// ([`without_choice`](crate::catalog::FacetGroup::without_choice)), and MUST be true after each commit, on every node.
    async fn facet_counts(&self, filter: &MovieFilter, currency: Currency)
    -> Result<FacetCounts, StoreError>;
}

/// Keeps which movies are similar to a movie. They are found in the background; until then, when they are asked for.
#[async_trait]
pub trait SimilarMovies: Send + Sync {
    /// The movie, and others on sale that may be similar: with people or genres in common, or the beginning of the title.
    /// However many movies there are, MUST give a bounded number, and of the same genre the most popular ones. `None` when
    /// there is no such movie.
    async fn similarity_profiles(
        &self,
        id: MovieId,
    ) -> Result<Option<(MovieProfile, Vec<MovieProfile>)>, StoreError>;
    /// The list that is kept of a movie.
    async fn similar_list(&self, id: MovieId) -> Result<Option<SimilarList>, StoreError>;
    /// Keeps lists in place of those that were kept before. MUST leave out movies that are gone.
    async fn keep_similar_lists(&self, lists: &[SimilarList]) -> Result<(), StoreError>;
    /// Up to `limit` movies on sale behind this popularity and movie, the most popular first. A list is due that is missing,
    /// was found for another version of the movie, or before `since`.
    async fn similar_candidates(
        &self,
        after: Option<(f64, MovieId)>,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<SimilarCandidate>, StoreError>;
}
