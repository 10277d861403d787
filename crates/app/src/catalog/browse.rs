use domain::{
    accounts::{Actor, Role},
    catalog::{MovieFilter, MovieSort, MovieSortKey, MovieSummary, SearchQueries},
    page::PageRequest,
};

use super::{Catalog, search::understand};
use crate::paging::{CursorCodec, ListError, Listing, PageSelection};

/// The parameters of a list of movies.
#[derive(Debug, Clone, PartialEq)]
pub struct BrowseMovies {
    /// The conditions that the listed movies meet.
    pub filter: MovieFilter,
    /// The order. If it is empty, the best matches of a search are first; without a search, the list has its own
    /// default order, such as the most popular movies first.
    pub sorts: Vec<MovieSort>,
    /// The requested page.
    pub page: PageSelection,
    /// The caller; `None` for a visitor.
    pub viewer: Option<Actor>,
}

/// The result of a list of movies.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundMovies {
    /// A page of the movies.
    pub listing: Listing<MovieSummary>,
    /// The words that were searched instead of the typed ones, if a typing mistake was corrected.
    pub corrected_query: Option<String>,
}

/// Why the catalogue cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The parameters of the page are not valid, or the store failed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The list was to be sorted by relevance, but the filter contains no search.
    #[error("only a search can be sorted by relevance")]
    RelevanceWithoutSearch,
    /// The viewer filters by availability but is not a moderator.
    #[error("only moderators can filter by availability")]
    AvailabilityForModerators,
}

/// Returns whether the viewer may filter by availability. Only moderators may, because this filter can select withdrawn
/// movies.
pub(super) fn may_filter_availability(viewer: Option<&Actor>) -> bool {
    viewer.is_some_and(|viewer| viewer.role >= Role::Moderator)
}

impl Catalog {
    /// Returns a page of the movies on sale, or of the withdrawn movies if a moderator filters for them.
    ///
    /// # Errors
    /// See [`BrowseError`].
    pub async fn browse(&self, wanted: BrowseMovies) -> Result<FoundMovies, BrowseError> {
        let viewer = wanted.viewer.map(|viewer| viewer.user_id);
        let is_of_favorites = wanted.filter.favorites_of.is_some();
        let default = if is_of_favorites { MovieSort::LATEST_FAVORITE } else { MovieSort::POPULAR };
        let list = MovieList::of(wanted, default, &*self.words, &self.cursors).await?;
        let MovieList { filter, sorts, request, context, corrected_query } = list;
        let page =
            self.queries.movie_page(&filter, &sorts, &request, viewer).await.map_err(ListError::Store)?;
        Ok(FoundMovies { listing: self.cursors.listing(&context, &request, page), corrected_query })
    }
}

/// What to read for a list of movies.
pub(crate) struct MovieList {
    /// The filter, with the interpreted search.
    pub(crate) filter: MovieFilter,
    /// The order.
    pub(crate) sorts: Vec<MovieSort>,
    /// The requested page.
    pub(crate) request: PageRequest,
    /// The context of the list's cursors (see [`CursorCodec::encode`]).
    pub(crate) context: String,
    /// The words that are searched instead of the typed ones, if a typing mistake was corrected.
    pub(crate) corrected_query: Option<String>,
}

impl MovieList {
    /// Determines what to read. `default` is the order of a list that is neither sorted nor searched.
    pub(crate) async fn of(
        wanted: BrowseMovies,
        default: MovieSort,
        words: &dyn SearchQueries,
        cursors: &CursorCodec,
    ) -> Result<Self, BrowseError> {
        let BrowseMovies { filter, mut sorts, page, viewer } = wanted;
        if filter.is_available.is_some() && !may_filter_availability(viewer.as_ref()) {
            return Err(BrowseError::AvailabilityForModerators);
        }
        // Filters that are written differently but select the same movies share their cursors and cached totals.
        let mut filter = filter.canonical();
        let is_search = filter.search.is_some();
        if sorts.is_empty() {
            sorts.push(if is_search { MovieSort::RELEVANT } else { default });
        }
        if !is_search && sorts.iter().any(|sort| sort.key == MovieSortKey::Relevance) {
            return Err(BrowseError::RelevanceWithoutSearch);
        }
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("movies {}{sorts:?}", filter.key());
        let request = cursors.request(&context, page)?;
        let mut corrected_query = None;
        if let Some(search) = filter.search.take() {
            let understood = understand(words, search).await.map_err(ListError::Store)?;
            filter.search = Some(understood.search);
            corrected_query = understood.corrected_query;
        }
        Ok(Self { filter, sorts, request, context, corrected_query })
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        catalog::Search,
        id::{GenreId, Id},
        page::{InvalidPage, Page, PageRequest, Position, SortValue},
        store::StoreError,
    };
    use uuid::Uuid;

    use super::*;
    use crate::catalog::doubles::{MockQueries, browsing};

    fn catalog(queries: MockQueries) -> Catalog {
        browsing(queries)
    }

    fn wanted(search: Option<&str>, sorts: &[MovieSort]) -> BrowseMovies {
        BrowseMovies {
            filter: MovieFilter { search: search.map(Search::parse), ..MovieFilter::default() },
            sorts: sorts.to_vec(),
            page: PageSelection::Numbered { page: 1, size: 20 },
            viewer: None,
        }
    }

    fn position() -> Position {
        Position { values: vec![SortValue::Real(8.5)], id: Uuid::from_u128(7) }
    }

    fn ending_at(next: Option<Position>) -> Page<MovieSummary> {
        Page { items: Vec::new(), next, total: None }
    }

    const BY_YEAR: MovieSort = MovieSort { key: MovieSortKey::Year, descending: false };

    #[tokio::test]
    async fn the_order_is_as_requested_or_by_relevance_for_a_search_or_else_by_popularity() {
        let cases = [
            (None, vec![], MovieSort::POPULAR),
            (Some(" \u{301} "), vec![], MovieSort::RELEVANT),
            (Some("stalker"), vec![], MovieSort::RELEVANT),
            (Some("stalker"), vec![BY_YEAR], BY_YEAR),
            (Some("stalker"), vec![MovieSort::RELEVANT], MovieSort::RELEVANT),
            (None, vec![BY_YEAR], BY_YEAR),
        ];
        for (search, sorts, expected) in cases {
            let mut queries = MockQueries::new();
            queries
                .expect_movie_page()
                .once()
                .withf(move |_, sorts, _, _| sorts == [expected])
                .returning(|_, _, _, _| Ok(ending_at(None)));
            catalog(queries).browse(wanted(search, &sorts)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn relevance_without_a_search_is_refused_at_any_position() {
        for sorts in [vec![MovieSort::RELEVANT], vec![BY_YEAR, MovieSort::RELEVANT]] {
            let refused = catalog(MockQueries::new()).browse(wanted(None, &sorts)).await;
            assert!(matches!(refused, Err(BrowseError::RelevanceWithoutSearch)));
        }
    }

    #[tokio::test]
    async fn only_moderators_can_filter_by_availability() {
        let actor = |role| Actor {
            user_id: Id::from_uuid(Uuid::from_u128(1)),
            session_id: Id::from_uuid(Uuid::from_u128(2)),
            role,
        };
        for is_available in [true, false] {
            for viewer in [None, Some(actor(Role::User))] {
                let mut wanted = BrowseMovies { viewer, ..wanted(None, &[]) };
                wanted.filter.is_available = Some(is_available);
                let refused = catalog(MockQueries::new()).browse(wanted).await;
                assert!(matches!(refused, Err(BrowseError::AvailabilityForModerators)));
            }
            let mut queries = MockQueries::new();
            queries
                .expect_movie_page()
                .once()
                .withf(move |filter, _, _, _| filter.is_withdrawn() != is_available)
                .returning(|_, _, _, _| Ok(ending_at(None)));
            let mut wanted = BrowseMovies { viewer: Some(actor(Role::Moderator)), ..wanted(None, &[]) };
            wanted.filter.is_available = Some(is_available);
            catalog(queries).browse(wanted).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_cursor_continues_the_same_list_and_no_other() {
        let mut queries = MockQueries::new();
        queries.expect_movie_page().once().returning(|_, _, _, _| Ok(ending_at(Some(position()))));
        let behind = PageRequest::after(position(), 5).unwrap();
        queries
            .expect_movie_page()
            .once()
            .withf(move |_, _, request, _| *request == behind)
            .returning(|_, _, _, _| Ok(ending_at(None)));
        let catalog = catalog(queries);
        let text = catalog.browse(wanted(None, &[BY_YEAR])).await.unwrap().listing.next_cursor.unwrap();
        let read_on = |wanted: BrowseMovies, size| {
            let page = PageSelection::Cursor { text: text.clone(), size };
            catalog.browse(BrowseMovies { page, ..wanted })
        };
        for other in [
            wanted(None, &[]),
            wanted(None, &[MovieSort { descending: true, ..BY_YEAR }]),
            wanted(Some("stalker"), &[BY_YEAR]),
        ] {
            assert!(matches!(read_on(other, 5).await, Err(BrowseError::List(ListError::Cursor(_)))));
        }
        let too_many = read_on(wanted(None, &[BY_YEAR]), 101).await;
        assert!(matches!(too_many, Err(BrowseError::List(ListError::Page(InvalidPage::SizeTooLarge)))));
        let last = read_on(wanted(None, &[BY_YEAR]), 5).await.unwrap();
        assert_eq!(last.listing.next_cursor, None);
    }

    #[tokio::test]
    async fn a_cursor_continues_for_any_spelling_of_the_filter() {
        let written = |search: Option<&str>, genres: &[u128]| {
            let mut wanted = wanted(search, &[BY_YEAR]);
            wanted.filter.genres = genres.iter().map(|n| GenreId::from_uuid(Uuid::from_u128(*n))).collect();
            wanted
        };
        for (one, other) in [
            (written(None, &[1, 2]), written(None, &[2, 1, 2])),
            (written(Some("the"), &[]), written(Some(" Thé "), &[])),
        ] {
            let mut queries = MockQueries::new();
            let filter = one.filter.clone();
            queries
                .expect_movie_page()
                .times(2)
                .withf(move |asked, _, _, _| *asked == filter)
                .returning(|_, _, _, _| Ok(ending_at(Some(position()))));
            let catalog = catalog(queries);
            let text = catalog.browse(one).await.unwrap().listing.next_cursor.unwrap();
            let page = PageSelection::Cursor { text, size: 5 };
            catalog.browse(BrowseMovies { page, ..other }).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_search_with_a_typing_mistake_is_corrected_and_reported() {
        let mut queries = MockQueries::new();
        queries
            .expect_movie_page()
            .once()
            .withf(|filter, _, _, _| filter.search == Some(Search::parse("stalkre").with_word(0, "stalker")))
            .returning(|_, _, _, _| Ok(ending_at(None)));
        let found = catalog(queries).browse(wanted(Some("stalkre"), &[])).await.unwrap();
        assert_eq!(found.corrected_query.as_deref(), Some("stalker"));
    }

    #[tokio::test]
    async fn an_unavailable_store_is_reported() {
        let mut queries = MockQueries::new();
        queries.expect_movie_page().returning(|_, _, _, _| Err(StoreError::unavailable("no connection")));
        let catalog = catalog(queries);
        let failed = catalog.browse(wanted(None, &[])).await;
        assert!(matches!(failed, Err(BrowseError::List(ListError::Store(StoreError::Unavailable(_))))));
    }
}
