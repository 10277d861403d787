use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    audit::AuditRepository,
    catalog::{
        CountedName, Movie, MovieDetail, MovieFilter, MovieIdentity, MovieSort, MovieSummary, NameKind,
        Offer, ProposedName,
    },
    id::{MovieId, UserId},
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
};

gathered! {
    /// A unit of work about the catalogue.
    pub trait CatalogUnit: Unit + MovieRepository + AuditRepository;
}

/// Begins units of work about the catalogue.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Begins one.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: CatalogUnit>> CatalogStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

/// Keeps movies and the names they share. Whatever changes a movie on sale MUST make totals and counts that are read
/// after the commit true again, on every node.
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
    /// Writes all of the movie but its identifier and creation time.
    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError>;
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
