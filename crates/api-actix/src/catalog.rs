//! The catalogue: movies and genres.

pub(crate) mod bodies;
mod query;

use app::{
    catalog::{BrowseError, BrowseMovies, Catalog},
    paging::ListError,
};
use domain::{catalog::NameKind, id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{GenreBody, MovieBody, MovieDetailBody},
    query::MovieQuery,
};
use crate::{
    extract::{PathId, Query, UseCases, Visitor},
    page::PageBody,
    problem::{Failure, FieldCode, FieldProblem, Kind, OrNotFound, Problem, Refusal, kinds},
    reply::{Entity, ListPage},
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
/// Filters of several kinds must all be met; of a repeated one, any. Deep pages are read by `cursor`.
#[api_v2_operation(operation_id = "listMovies", tags("catalog"))]
pub(crate) async fn list_movies(
    catalog: UseCases<Catalog>,
    Visitor(actor, Query(wanted)): Visitor<Query<MovieQuery>>,
) -> Result<ListPage<MovieBody>, Failure<BrowseError>> {
    let wanted = BrowseMovies { viewer: actor.map(|actor| actor.user_id), ..wanted };
    let listing = catalog.run(async move |catalog| catalog.browse(wanted).await).await?;
    Ok(ListPage { page: PageBody::of(listing, MovieBody::from), is_anonymous: actor.is_none() })
}

/// Show a movie.
///
/// One that was withdrawn from sale is shown to its buyers and to moderators alone.
#[api_v2_operation(operation_id = "getMovie", tags("catalog"))]
pub(crate) async fn show_movie(
    catalog: UseCases<Catalog>,
    Visitor(actor, PathId(id, _)): Visitor<PathId<MovieId>>,
) -> Result<Entity<MovieDetailBody>, Failure<OrNotFound<StoreError>>> {
    let movie = catalog.find(async move |catalog| catalog.show(id, actor).await).await?;
    Ok(Entity { version: movie.version, body: movie.into(), is_anonymous: actor.is_none() })
}

/// List the genres.
///
/// All of them in one page, by name, with the number of their movies on sale.
#[api_v2_operation(operation_id = "listGenres", tags("catalog"))]
pub(crate) async fn list_genres(
    catalog: UseCases<Catalog>,
    Visitor(actor, _): Visitor,
) -> Result<ListPage<GenreBody>, Failure<StoreError>> {
    let genres = catalog.run(async move |catalog| catalog.all_names(NameKind::Genre).await).await?;
    let page = PageBody::whole(genres.into_iter().map(GenreBody::from).collect());
    Ok(ListPage { page, is_anonymous: actor.is_none() })
}
