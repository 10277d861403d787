//! The catalogue: movies, and the genres, directors, stars and certifications of movies.

pub(crate) mod bodies;
pub(crate) mod facets;
mod movie_input;
pub(crate) mod names;
pub(crate) mod pages;
pub(crate) mod posters;
pub(crate) mod query;
pub(crate) mod suggestions;

use app::{
    catalog::{
        BrowseError, BrowseMovies, Catalog, ChangeMovieError, CreateMovieError, DeleteMovieError,
        MovieConflict,
    },
    paging::ListError,
};
use domain::{accounts::AccessError, catalog::MovieFilter, id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{MovieBody, MovieDetailBody, SimilarBody},
    movie_input::{DeletionQuery, MovieChangesBody, NewMovieBody},
    query::{FavoriteQuery, MovieQuery},
};
use crate::{
    extract::{Body, Caller, IfMatch, Moderator, Origin, Patch, PathId, PublicUrl, Query, UseCases, Visitor},
    page::{PageBody, SearchPageBody},
    problem::{Failure, FieldCode, FieldProblem, Kind, OrNotFound, Problem, Refusal, kinds},
    refusals,
    reply::{CatalogItem, CatalogSearchPage, ChangedItem, CreatedItem, NoContent, VersionedItem},
};

refusals! {
    MovieConflict {
        Exists => MOVIE_EXISTS,
        ExternalIdTaken => EXTERNAL_ID_TAKEN,
    }
    CreateMovieError {
        ;
        via Conflict: MovieConflict, via Access: AccessError, via Store: StoreError,
    }
    ChangeMovieError {
        NotFound => NOT_FOUND,
        ChangedSince => PRECONDITION_FAILED;
        via Conflict: MovieConflict, via Access: AccessError, via Store: StoreError,
    }
}

impl Refusal for DeleteMovieError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(&kinds::NOT_FOUND),
            Self::Purchased => Problem::new(&kinds::MOVIE_PURCHASED),
            Self::Ordered => Problem::new(&kinds::MOVIE_IN_ORDERS),
            Self::InCarts { carts } => Problem::new(&kinds::MOVIE_IN_CARTS).with_member("carts", carts),
            Self::Access(inner) => inner.problem(),
            Self::Store(inner) => inner.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([
            &kinds::NOT_FOUND,
            &kinds::MOVIE_PURCHASED,
            &kinds::MOVIE_IN_ORDERS,
            &kinds::MOVIE_IN_CARTS,
        ]);
        AccessError::kinds(into);
        StoreError::kinds(into);
    }
}

impl Refusal for BrowseError {
    fn problem(&self) -> Problem {
        match self {
            Self::List(inner) => inner.problem(),
            Self::RelevanceWithoutSearch => {
                Problem::invalid(vec![FieldProblem::new("sort", FieldCode::InvalidValue, self.to_string())])
            }
            Self::AvailabilityForModerators => Problem::invalid(vec![FieldProblem::new(
                "is_available",
                FieldCode::Unknown,
                self.to_string(),
            )]),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        ListError::kinds(into);
        into.push(&kinds::VALIDATION_FAILED);
    }
}

/// List the movies on sale.
///
/// Movies that match all filters; if a filter is repeated, a movie must match one of its values. Moderators can also
/// list the movies that were withdrawn from sale, with `is_available=false`. Pages beyond item 10,000 can be read only
/// with `cursor`.
#[api_v2_operation(operation_id = "listMovies", tags("catalog"))]
pub(crate) async fn list_movies(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Visitor(actor, Query(wanted)): Visitor<Query<MovieQuery>>,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    found_page(catalog, BrowseMovies { viewer: actor, ..wanted }, &public_url).await
}

async fn found_page(
    catalog: UseCases<Catalog>,
    wanted: BrowseMovies,
    public_url: &str,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    let found = catalog.run(async move |catalog| catalog.browse(wanted).await).await?;
    let page = PageBody::of(found.listing, |movie| MovieBody::new(movie, public_url));
    Ok(CatalogSearchPage(SearchPageBody { page, corrected_query: found.corrected_query }))
}

/// List the caller's favourites.
///
/// The caller's favourites that are on sale and match all filters. The filters and the search are the same as in the
/// catalogue.
#[api_v2_operation(operation_id = "listFavorites", tags("engagement"))]
pub(crate) async fn list_favorites(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Caller(actor, Query(wanted)): Caller<Query<FavoriteQuery>>,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    let filter = MovieFilter { favorites_of: Some(actor.user_id), ..wanted.filter };
    found_page(catalog, BrowseMovies { filter, viewer: Some(actor), ..wanted }, &public_url).await
}

/// Show a movie.
///
/// A movie that was withdrawn from sale is visible only to its buyers and to moderators.
#[api_v2_operation(operation_id = "getMovie", tags("catalog"))]
pub(crate) async fn show_movie(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Visitor(actor, PathId(id, _)): Visitor<PathId<MovieId>>,
) -> Result<VersionedItem<MovieDetailBody>, Failure<OrNotFound<StoreError>>> {
    let movie = catalog.find(async move |catalog| catalog.show(id, actor).await).await?;
    Ok(VersionedItem { version: movie.version, body: MovieDetailBody::new(movie, &public_url) })
}

/// Create a movie.
///
/// Genres, people and the certification are created if they do not exist yet.
#[api_v2_operation(operation_id = "createMovie", tags("catalog"))]
pub(crate) async fn create_movie(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    Moderator(actor, Body(facts)): Moderator<Body<NewMovieBody>>,
) -> Result<CreatedItem<MovieDetailBody>, Failure<CreateMovieError>> {
    let movie = catalog.run(async move |catalog| catalog.create_movie(actor, facts, &origin).await).await?;
    let (id, version) = (movie.summary.id.as_uuid(), movie.version);
    Ok(CreatedItem { body: MovieDetailBody::new(movie, &public_url), id, version })
}

/// Change a movie.
///
/// Omitted fields keep their values. `is_available` withdraws the movie from sale, or puts it on sale again.
#[api_v2_operation(operation_id = "changeMovie", tags("catalog"))]
pub(crate) async fn change_movie(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    IfMatch(expected): IfMatch,
    Moderator(actor, PathId(id, Patch(changes))): Moderator<PathId<MovieId, Patch<MovieChangesBody>>>,
) -> Result<ChangedItem<MovieDetailBody>, Failure<ChangeMovieError>> {
    let movie = catalog
        .run(async move |catalog| catalog.change_movie(actor, id, &expected, changes, &origin).await)
        .await?;
    Ok(ChangedItem { version: movie.version, body: MovieDetailBody::new(movie, &public_url) })
}

/// Delete a movie.
///
/// A movie that was ever bought or ordered cannot be deleted; withdraw it from sale instead. A movie that is in carts
/// is deleted only with `force=true`: it is removed from the carts, and their owners are notified.
#[api_v2_operation(operation_id = "deleteMovie", tags("catalog"))]
pub(crate) async fn delete_movie(
    catalog: UseCases<Catalog>,
    Origin(origin): Origin,
    Moderator(actor, PathId(id, Query(query))): Moderator<PathId<MovieId, Query<DeletionQuery>>>,
) -> Result<NoContent, Failure<DeleteMovieError>> {
    catalog.run(async move |catalog| catalog.delete_movie(actor, id, query.force, &origin).await).await?;
    Ok(NoContent)
}

/// List similar movies.
///
/// Up to 20 movies on sale with people, genres or words in common, the most similar first, without the movies that the
/// caller has bought.
#[api_v2_operation(operation_id = "listSimilarMovies", tags("catalog"))]
pub(crate) async fn list_similar(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Visitor(actor, PathId(id, _)): Visitor<PathId<MovieId>>,
) -> Result<CatalogItem<SimilarBody>, Failure<OrNotFound<StoreError>>> {
    let movies = catalog.find(async move |catalog| catalog.similar(id, actor).await).await?;
    let items = movies.into_iter().map(|movie| MovieBody::new(movie, &public_url)).collect();
    Ok(CatalogItem(SimilarBody { items }))
}
