//! Movies and what they are sorted by (api.md, section 5).

pub(crate) mod bodies;
mod query;

use actix_web::web;
use app::{
    catalog::{BrowseError, BrowseMovies},
    paging::ListError,
};
use domain::{id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{GenreBody, MovieBody, MovieDetailBody},
    query::MovieQuery,
};
use crate::{
    extract::{PathId, Query, Visitor},
    page::PageBody,
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    refusals,
    reply::{Entity, ListPage},
    state::Api,
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

/// A movie cannot be shown.
#[derive(Debug)]
pub(crate) enum ShowError {
    NotFound,
    Store(StoreError),
}

refusals! {
    ShowError {
        NotFound => NOT_FOUND;
        via Store: StoreError,
    }
}

/// List the movies on sale.
///
/// Filters of several kinds must all be met; of a repeated one, any. Deep pages are read by `cursor`.
#[api_v2_operation(operation_id = "listMovies", tags("catalog"))]
pub(crate) async fn list_movies(
    api: web::Data<Api>,
    visitor: Visitor<Query<MovieQuery>>,
) -> Result<ListPage<MovieBody>, Failure<BrowseError>> {
    let Visitor { actor, rest: Query(wanted) } = visitor;
    let wanted = BrowseMovies { viewer: actor.map(|actor| actor.user_id), ..wanted };
    let catalog = api.catalog();
    let listing = api.run(async move { catalog.browse(wanted).await }).await?;
    Ok(ListPage { page: PageBody::of(listing, MovieBody::from), is_anonymous: actor.is_none() })
}

/// Show a movie.
///
/// One that was withdrawn from sale is shown to its buyers and to moderators alone.
#[api_v2_operation(operation_id = "getMovie", tags("catalog"))]
pub(crate) async fn show_movie(
    api: web::Data<Api>,
    visitor: Visitor<PathId<MovieId>>,
) -> Result<Entity<MovieDetailBody>, Failure<ShowError>> {
    let Visitor { actor, rest: PathId(id) } = visitor;
    let catalog = api.catalog();
    let movie =
        api.run(async move {
            catalog.show(id, actor).await.map_err(ShowError::Store)?.ok_or(ShowError::NotFound)
        })
        .await?;
    Ok(Entity { version: movie.version, body: movie.into(), is_anonymous: actor.is_none() })
}

/// List the genres.
///
/// All of them in one page, by name, with the number of their movies on sale.
#[api_v2_operation(operation_id = "listGenres", tags("catalog"))]
pub(crate) async fn list_genres(
    api: web::Data<Api>,
    visitor: Visitor,
) -> Result<ListPage<GenreBody>, Failure<StoreError>> {
    let catalog = api.catalog();
    let genres = api.run(async move { catalog.genres().await }).await?;
    let page = PageBody::whole(genres.into_iter().map(GenreBody::from).collect());
    Ok(ListPage { page, is_anonymous: visitor.actor.is_none() })
}
