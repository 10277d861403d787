//! The caller's library: the movies that the caller bought.

mod bodies;

use app::{catalog::BrowseError, library::Library};
use paperclip::actix::api_v2_operation;

use self::bodies::LibraryItemBody;
use crate::{
    catalog::query::LibraryQuery,
    extract::{Caller, Query, UseCases},
    page::{PageBody, SearchPageBody},
    problem::Failure,
    reply::PrivateSearchPage,
};

/// List the movies that the caller bought.
///
/// With the filters and sorts of the catalogue. Movies that were withdrawn from sale stay in it.
#[api_v2_operation(operation_id = "listLibrary", tags("library"))]
pub(crate) async fn list(
    library: UseCases<Library>,
    Caller(actor, Query(wanted)): Caller<Query<LibraryQuery>>,
) -> Result<PrivateSearchPage<LibraryItemBody>, Failure<BrowseError>> {
    let found = library.run(async move |library| library.list(actor, wanted).await).await?;
    let page = PageBody::of(found.listing, LibraryItemBody::from);
    Ok(PrivateSearchPage(SearchPageBody { page, corrected_query: found.corrected_query }))
}
