//! The catalogue: movies, and the genres, directors, stars and certifications of movies.

pub(crate) mod bodies;
pub(crate) mod facets;
pub(crate) mod names;
pub(crate) mod query;
pub(crate) mod suggestions;

use app::{
    catalog::{BrowseError, BrowseMovies, Catalog},
    paging::ListError,
};
use domain::{catalog::MovieFilter, id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{MovieBody, MovieDetailBody, SimilarBody},
    query::{FavoriteQuery, MovieQuery},
};
use crate::{
    extract::{Caller, PathId, Query, UseCases, Visitor},
    page::{PageBody, SearchPageBody},
    problem::{Failure, FieldCode, FieldProblem, Kind, OrNotFound, Problem, Refusal, kinds},
    reply::{CatalogItem, CatalogSearchPage, VersionedItem},
};

impl Refusal for BrowseError {
    fn problem(&self) -> Problem {
        match self {
            Self::List(inner) => inner.problem(),
            Self::RelevanceWithoutSearch => {
                Problem::invalid(vec![FieldProblem::new("sort", FieldCode::InvalidValue, self.to_string())])
            }
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        ListError::kinds(into);
        into.push(&kinds::VALIDATION_FAILED);
    }
}

/// List the movies on sale.
///
/// Movies that meet all filters; of a repeated filter, any of its values. Deep pages are read by `cursor`.
#[api_v2_operation(operation_id = "listMovies", tags("catalog"))]
pub(crate) async fn list_movies(
    catalog: UseCases<Catalog>,
    Visitor(actor, Query(wanted)): Visitor<Query<MovieQuery>>,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    let wanted = BrowseMovies { viewer: actor.map(|actor| actor.user_id), ..wanted };
    found_page(catalog, wanted).await
}

async fn found_page(
    catalog: UseCases<Catalog>,
    wanted: BrowseMovies,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    let found = catalog.run(async move |catalog| catalog.browse(wanted).await).await?;
    let page = PageBody::of(found.listing, MovieBody::from);
    Ok(CatalogSearchPage(SearchPageBody { page, corrected_query: found.corrected_query }))
}

/// List the caller's favourites.
///
/// Those on sale that meet all filters, with the filters, search and sorts of the catalogue.
#[api_v2_operation(operation_id = "listFavorites", tags("engagement"))]
pub(crate) async fn list_favorites(
    catalog: UseCases<Catalog>,
    Caller(actor, Query(wanted)): Caller<Query<FavoriteQuery>>,
) -> Result<CatalogSearchPage<MovieBody>, Failure<BrowseError>> {
    let filter = MovieFilter { favorites_of: Some(actor.user_id), ..wanted.filter };
    let wanted = BrowseMovies { filter, viewer: Some(actor.user_id), ..wanted };
    found_page(catalog, wanted).await
}

/// Show a movie.
///
/// A movie that was withdrawn from sale is visible only to its buyers and to moderators.
#[api_v2_operation(operation_id = "getMovie", tags("catalog"))]
pub(crate) async fn show_movie(
    catalog: UseCases<Catalog>,
    Visitor(actor, PathId(id, _)): Visitor<PathId<MovieId>>,
) -> Result<VersionedItem<MovieDetailBody>, Failure<OrNotFound<StoreError>>> {
    let movie = catalog.find(async move |catalog| catalog.show(id, actor).await).await?;
    Ok(VersionedItem { version: movie.version, body: movie.into() })
}

/// List similar movies.
///
/// Up to 20 movies on sale with people, genres or words in common, the most similar first; without those that the caller bought.
#[api_v2_operation(operation_id = "listSimilarMovies", tags("catalog"))]
pub(crate) async fn list_similar(
    catalog: UseCases<Catalog>,
    Visitor(actor, PathId(id, _)): Visitor<PathId<MovieId>>,
) -> Result<CatalogItem<SimilarBody>, Failure<OrNotFound<StoreError>>> {
    let movies = catalog.find(async move |catalog| catalog.similar(id, actor).await).await?;
    Ok(CatalogItem(SimilarBody { items: movies.into_iter().map(MovieBody::from).collect() }))
}
