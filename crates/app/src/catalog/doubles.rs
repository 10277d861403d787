//! The use cases of the catalogue on a test database or on mocks.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    accounts::{AccessError, Actor},
    catalog::{
        CatalogStore, CatalogUnit, CountedName, FacetCounts, FacetQueries, IndexEntry, KnownWord,
        ModerationStore, ModerationUnit, MovieDetail, MovieFilter, MovieProfile, MovieQueries, MovieSort,
        MovieSummary, NameKind, NameQueries, Named, Ranking, RatingSummary, Search, SearchQueries,
        SearchTerm, SimilarCandidate, SimilarList, SimilarMovies, Suggestion, SuggestionKind,
    },
    id::{Id, MovieId, UserId},
    money::{Currency, Money},
    page::{Page, PageRequest},
    store::{Attempt, StoreError},
    time::Instant,
};
use uuid::Uuid;

use super::{Catalog, Posters};
use crate::{
    accounts::doubles::MemoryMedia,
    doubles::{CountingIds, FlipSealer, MovableClock, NoWait, SumSigner, storage::TestStorage},
    paging::CursorCodec,
    record::Recorder,
};

/// The use cases on an empty test database. Any read of movies, names, facets or similar movies through the query
/// ports is unexpected and panics.
pub(crate) async fn catalog() -> (Catalog, Arc<TestStorage>) {
    let store = TestStorage::new().await;
    (Catalog { store: store.clone(), moderation: store.clone(), ..browsing(MockQueries::new()) }, store)
}

/// The use cases with these movie queries. Any write, and any read of names, facets or similar movies, is unexpected
/// and panics.
pub(crate) fn browsing(queries: MockQueries) -> Catalog {
    Catalog {
        store: Arc::new(MockStore::new()),
        moderation: Arc::new(MockModeration::new()),
        queries: Arc::new(queries),
        names: Arc::new(MockNames::new()),
        words: Arc::new(KnownMovies::new(&[("Stalker", 1979), ("The", 2000)])),
        facets: Arc::new(MockFacets::new()),
        similar: Arc::new(MockSimilar::new()),
        cursors: CursorCodec::new(Arc::new(SumSigner)),
        clock: Arc::new(MovableClock::default()),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
        recorder: recorder(),
    }
}

/// A recorder that seals outbox messages with [`FlipSealer`], so that tests can unseal and read them.
pub(crate) fn recorder() -> Recorder {
    Recorder {
        ids: Arc::new(CountingIds::default()),
        sealer: Arc::new(FlipSealer),
        frontend_url: "https://cinema.example".to_owned(),
    }
}

/// The use cases of posters on a test database.
pub(crate) fn posters(
    store: &Arc<TestStorage>,
    media: &Arc<MemoryMedia>,
    clock: &Arc<MovableClock>,
    queries: MockQueries,
) -> Posters {
    Posters {
        moderation: store.clone(),
        store: store.clone(),
        queries: Arc::new(queries),
        media: media.clone(),
        images: media.clone(),
        recorder: recorder(),
        clock: clock.clone(),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
    }
}

mockall::mock! {
    pub(crate) Store {}
    #[async_trait]
    impl CatalogStore for Store {
        async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError>;
    }
}

mockall::mock! {
    pub(crate) Moderation {}
    #[async_trait]
    impl ModerationStore for Moderation {
        async fn begin_as_moderator(
            &self,
            attempt: Attempt,
            moderator: &Actor,
        ) -> Result<Box<dyn ModerationUnit>, AccessError>;
    }
}

mockall::mock! {
    pub(crate) Queries {}
    #[async_trait]
    impl MovieQueries for Queries {
        async fn movie_page(
            &self,
            filter: &MovieFilter,
            sorts: &[MovieSort],
            request: &PageRequest,
            viewer: Option<UserId>,
        ) -> Result<Page<MovieSummary>, StoreError>;
        async fn movie_detail(&self, id: MovieId, viewer: Option<UserId>) -> Result<Option<MovieDetail>, StoreError>;
        async fn export_movies(&self, after: Option<MovieId>, limit: u32) -> Result<Vec<MovieDetail>, StoreError>;
        async fn has_no_movies(&self) -> Result<bool, StoreError>;
    }
}

mockall::mock! {
    pub(crate) Names {}
    #[async_trait]
    impl NameQueries for Names {
        async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError>;
        async fn name_page(
            &self,
            kind: NameKind,
            words: &[String],
            request: &PageRequest,
        ) -> Result<Page<CountedName>, StoreError>;
        async fn find_name(&self, kind: NameKind, id: Uuid) -> Result<Option<CountedName>, StoreError>;
    }
}

/// A search index in memory, made from the names and years of movies.
pub(crate) struct KnownMovies {
    names: Vec<(String, i32)>,
    entries: Vec<(IndexEntry, i32)>,
}

impl KnownMovies {
    pub(crate) fn new(movies: &[(&str, i32)]) -> Self {
        let entry = |(name, year): &(&str, i32)| (IndexEntry::of(name, std::iter::empty(), ""), *year);
        Self {
            names: movies.iter().map(|(name, year)| ((*name).to_owned(), *year)).collect(),
            entries: movies.iter().map(entry).collect(),
        }
    }
}

fn has(entry: &IndexEntry, term: &SearchTerm) -> bool {
    let is_whole = |word: &String| entry.name.contains(word) || entry.joined.contains(word);
    let is_begun = |begun: &String| entry.name.iter().any(|word| word.starts_with(begun.as_str()));
    term.whole.iter().any(is_whole) || term.begun.iter().any(is_begun)
}

#[async_trait]
impl SearchQueries for KnownMovies {
    async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError> {
        Ok(terms.iter().map(|term| self.entries.iter().any(|(entry, _)| has(entry, term))).collect())
    }
    async fn similar_words(&self, _word: &str) -> Result<Vec<KnownWord>, StoreError> {
        let words = self.entries.iter().flat_map(|(entry, _)| &entry.name);
        Ok(words.map(|word| KnownWord { word: word.clone(), movies: 1 }).collect())
    }
    async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError> {
        let is_of_year = |year| search.year().is_none_or(|wanted| wanted == year);
        let terms = search.terms();
        let is_found = |(entry, year): &(IndexEntry, i32)| {
            is_of_year(*year) && terms.iter().all(|term| has(entry, term))
        };
        Ok(!search.is_empty() && self.entries.iter().any(is_found))
    }
    async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError> {
        let named = |(name, year): &(String, i32)| {
            let rank = Ranking::of(search).rank_of_name(name)?;
            let kind = SuggestionKind::Movie { year: *year, poster: None };
            Some(Suggestion { kind, id: Uuid::nil(), name: name.clone(), rank, popularity: 0.0 })
        };
        let movies = self.names.iter().filter(|_| !search.is_empty());
        Ok(movies.filter_map(named).collect())
    }
}

mockall::mock! {
    pub(crate) Facets {}
    #[async_trait]
    impl FacetQueries for Facets {
        async fn facet_counts(&self, filter: &MovieFilter, currency: Currency) -> Result<FacetCounts, StoreError>;
    }
}

mockall::mock! {
    pub(crate) Similar {}
    #[async_trait]
    impl SimilarMovies for Similar {
        async fn similarity_profiles(
            &self,
            id: MovieId,
        ) -> Result<Option<(MovieProfile, Vec<MovieProfile>)>, StoreError>;
        async fn similar_list(&self, id: MovieId) -> Result<Option<SimilarList>, StoreError>;
        async fn keep_similar_lists(&self, lists: &[SimilarList]) -> Result<(), StoreError>;
        async fn similar_candidates(
            &self,
            after: Option<(f64, MovieId)>,
            since: Instant,
            limit: u32,
        ) -> Result<Vec<SimilarCandidate>, StoreError>;
    }
}

/// A movie in a list.
pub(crate) fn summary(id: MovieId, price: Money) -> MovieSummary {
    MovieSummary {
        id,
        name: "Stalker".to_owned(),
        year: 1979,
        duration_minutes: 162,
        imdb: 8.1,
        votes: 1_000,
        price,
        certification: Named { id: Id::from_uuid(Uuid::nil()), name: "PG".to_owned() },
        genres: Vec::new(),
        poster: None,
        rating: RatingSummary { average: None, count: 0 },
        likes: 0,
        dislikes: 0,
        me: None,
    }
}

/// Returns the details of the movie of a list entry. Optional details and lists that the entry does not contain are
/// empty.
pub(crate) fn detail_of(summary: MovieSummary, is_available: bool) -> MovieDetail {
    MovieDetail {
        summary,
        meta_score: None,
        gross: None,
        description: String::new(),
        directors: Vec::new(),
        stars: Vec::new(),
        trailer_url: None,
        imdb_id: None,
        tmdb_id: None,
        sort_name: None,
        comments_count: 0,
        is_available,
        version: 1,
        created_at: Instant::default(),
        updated_at: Instant::default(),
    }
}
