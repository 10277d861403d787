//! The caller's library: the movies that the caller bought, and how they are watched.

mod bodies;
pub(crate) mod files;
mod film_body;
mod range;
pub(crate) mod transfers;

use app::{
    catalog::BrowseError,
    library::{Library, PlaybackError},
    paging::ListError,
};
use domain::{accounts::AccessError, id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::bodies::{
    LibraryItemBody, PlaybackBody, ProgressBody, ProgressInput, StartedMovieBody, WatchedInput,
};
use crate::{
    catalog::query::LibraryQuery,
    extract::{Body, Caller, PathId, PublicUrl, Query, UseCases},
    page::{PageBody, PageParams, SearchPageBody},
    problem::{Failure, OrNotFound},
    refusals,
    reply::{NoContent, OkJson, PrivatePage, PrivateSearchPage},
};

refusals! {
    PlaybackError {
        NotFound => NOT_FOUND,
        Suspended => PURCHASE_SUSPENDED,
        MissingMedia => MEDIA_MISSING;
        via Store: StoreError,
    }
}

/// List the movies that the caller bought.
///
/// The list has the same filters as the catalogue, and includes movies that were withdrawn from sale.
#[api_v2_operation(operation_id = "listLibrary", tags("library"))]
pub(crate) async fn list(
    library: UseCases<Library>,
    public_url: PublicUrl,
    Caller(actor, Query(wanted)): Caller<Query<LibraryQuery>>,
) -> Result<PrivateSearchPage<LibraryItemBody>, Failure<BrowseError>> {
    let found = library.run(async move |library| library.list(actor, wanted).await).await?;
    let page = PageBody::of(found.listing, |item| LibraryItemBody::new(item, &public_url));
    Ok(PrivateSearchPage(SearchPageBody { page, corrected_query: found.corrected_query }))
}

/// List the movies that the caller has begun to watch.
///
/// The movies whose saved position is between 5 and 90 percent of the running time and that are not marked as
/// watched; the most recently watched movie is first.
#[api_v2_operation(operation_id = "listStartedMovies", tags("library"))]
pub(crate) async fn list_started(
    library: UseCases<Library>,
    public_url: PublicUrl,
    Caller(actor, Query(page)): Caller<Query<PageParams>>,
) -> Result<PrivatePage<StartedMovieBody>, Failure<ListError>> {
    let listing = library.run(async move |library| library.list_started(actor, page).await).await?;
    Ok(PrivatePage(PageBody::of(listing, |movie| StartedMovieBody::new(movie, &public_url))))
}

/// Get the URL for watching a bought movie.
///
/// Anyone who has the URL can watch the movie, without a token, until the URL expires, or the purchase ends or is
/// suspended. The URL supports byte ranges.
#[api_v2_operation(operation_id = "getPlayback", tags("library"))]
pub(crate) async fn playback(
    library: UseCases<Library>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<OkJson<PlaybackBody>, Failure<PlaybackError>> {
    let playback = library.run(async move |library| library.playback(actor, id).await).await?;
    Ok(OkJson(playback.into()))
}

/// Save the position of the player.
///
/// A position that is older than the saved position changes nothing. The response contains the saved position. If the
/// position is beyond 90 percent of the running time, the movie counts as watched.
#[api_v2_operation(operation_id = "setProgress", tags("library"))]
pub(crate) async fn set_progress(
    library: UseCases<Library>,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<MovieId, Body<ProgressInput>>>,
) -> Result<OkJson<ProgressBody>, Failure<OrNotFound<AccessError>>> {
    let (position, at) = (body.position_seconds, body.at.map(|at| at.0));
    let kept = library.find(async move |library| library.report_progress(actor, id, position, at).await);
    Ok(OkJson(kept.await?.into()))
}

/// Remove a movie from the list of movies being watched.
///
/// Also succeeds if the movie is not in the list.
#[api_v2_operation(operation_id = "removeProgress", tags("library"))]
pub(crate) async fn remove_progress(
    library: UseCases<Library>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<OrNotFound<AccessError>>> {
    library.find(async move |library| library.take_off_progress(actor, id).await).await?;
    Ok(NoContent)
}

/// Mark a movie as watched or not watched.
///
/// The mark applies until the player reports a new position.
#[api_v2_operation(operation_id = "setWatched", tags("library"))]
pub(crate) async fn set_watched(
    library: UseCases<Library>,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<MovieId, Body<WatchedInput>>>,
) -> Result<OkJson<ProgressBody>, Failure<OrNotFound<AccessError>>> {
    let is_watched = body.is_watched;
    let kept = library.find(async move |library| library.mark_watched(actor, id, is_watched).await);
    Ok(OkJson(kept.await?.into()))
}
