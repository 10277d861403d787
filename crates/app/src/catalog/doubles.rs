//! A catalogue in memory.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{
    audit::{AuditEntry, AuditRepository},
    catalog::{
        CatalogStore, CatalogUnit, CountedName, FacetCounts, FacetQueries, Facts, IndexEntry, KnownWord,
        Movie, MovieDetail, MovieFilter, MovieIdentity, MovieProfile, MovieQueries, MovieRepository,
        MovieSort, MovieSummary, NameKind, NameQueries, Named, ProposedName, RatingSummary, Search,
        SearchQueries, SearchTerm, SimilarCandidate, SimilarList, SimilarMovies, Suggestion, SuggestionKind,
        rank_of_name,
    },
    id::{Id, MovieId, UserId},
    money::{Currency, Money},
    page::{Page, PageRequest},
    store::{Attempt, StoreError},
    text::fold,
    time::Instant,
};
use uuid::Uuid;

use super::Catalog;
use crate::{
    doubles::{CountingIds, MovableClock, NoWait, Races, SumSigner},
    paging::CursorCodec,
};

/// The use cases on these doubles.
pub(crate) fn catalog_on(store: &Arc<MemoryCatalog>, queries: MockQueries) -> Catalog {
    Catalog {
        store: store.clone(),
        queries: Arc::new(queries),
        names: Arc::new(MockNames::new()),
        words: Arc::new(KnownMovies::new(&[("Stalker", 1979), ("The", 2000)])),
        facets: Arc::new(MockFacets::new()),
        similar: Arc::new(MockSimilar::new()),
        cursors: CursorCodec::new(Arc::new(SumSigner)),
        clock: Arc::new(MovableClock::default()),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
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

/// Names and years of movies that can be searched.
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
            let rank = rank_of_name(search, name)?;
            let kind = SuggestionKind::Movie { year: *year, poster_url: None };
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

/// The facts of a movie that breaks no rule.
pub(crate) fn facts(name: &str) -> Facts {
    Facts {
        identity: MovieIdentity { name: name.to_owned(), year: 1999, duration_minutes: 120 },
        imdb: 8.1,
        votes: 1_000,
        meta_score: None,
        gross: None,
        description: "A movie.".to_owned(),
        price: price("9.99"),
        certification: "PG".to_owned(),
        genres: vec!["Drama".to_owned(), "Crime".to_owned()],
        directors: vec!["Agnès Varda".to_owned()],
        stars: vec!["Toshirō Mifune".to_owned()],
        poster_url: None,
        is_available: true,
    }
}

pub(crate) fn price(amount: &str) -> Money {
    Money::parse_major(amount, "USD".parse().unwrap()).unwrap()
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
        poster_url: None,
        rating: RatingSummary { average: None, count: 0 },
        likes: 0,
        dislikes: 0,
        me: None,
    }
}

/// The movie of a list with all its details.
pub(crate) fn detail_of(summary: MovieSummary, is_available: bool) -> MovieDetail {
    MovieDetail {
        summary,
        meta_score: None,
        gross: None,
        description: String::new(),
        directors: Vec::new(),
        stars: Vec::new(),
        comments_count: 0,
        is_available,
        version: 1,
        created_at: Instant::default(),
        updated_at: Instant::default(),
    }
}

/// All that is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shelf {
    pub(crate) movies: Vec<Movie>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) names: Vec<(NameKind, String, Uuid)>,
    /// Which kinds of names were asked for, in order.
    pub(crate) lookups: Vec<NameKind>,
}

#[async_trait]
impl MovieRepository for Shelf {
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError> {
        self.lookups.push(kind);
        let mut ids = Vec::new();
        for name in names {
            let key = fold(&name.name);
            let known = self.names.iter().find(|(of, known, _)| *of == kind && *known == key);
            let id = known.map_or(name.id, |(_, _, id)| *id);
            if known.is_none() {
                self.names.push((kind, key, id));
            }
            ids.push(id);
        }
        Ok(ids)
    }
    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError> {
        Ok(self.movies.iter().filter(|movie| identities.contains(&movie.identity)).cloned().collect())
    }
    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError> {
        let mut added = Vec::new();
        for movie in movies {
            if self.movies.iter().all(|known| known.identity != movie.identity) {
                self.movies.push(movie.clone());
                added.push(movie.id);
            }
        }
        Ok(added)
    }
    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError> {
        let known = self.movies.iter_mut().find(|known| known.id == movie.id).unwrap();
        *known = movie.clone();
        Ok(())
    }
}

type Meddler = Box<dyn FnMut(&mut Shelf) + Send>;

/// Keeps a catalogue in memory.
#[derive(Default)]
pub(crate) struct MemoryCatalog {
    shelf: Arc<Mutex<Shelf>>,
    meddler: Arc<Mutex<Option<Meddler>>>,
    pub(crate) fails_on_commit: AtomicBool,
    pub(crate) races: Arc<Races>,
}

impl MemoryCatalog {
    /// What was committed.
    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    /// Lets another import commit something right before each insert.
    pub(crate) fn meddle(&self, meddler: impl FnMut(&mut Shelf) + Send + 'static) {
        *self.meddler.lock().unwrap() = Some(Box::new(meddler));
    }
}

#[async_trait]
impl CatalogStore for MemoryCatalog {
    async fn begin(&self, _attempt: Attempt) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Ok(Box::new(Unit {
            shelf: self.shelf.clone(),
            draft: self.shelf().clone(),
            meddler: self.meddler.clone(),
            fails_on_commit: self.fails_on_commit.load(Ordering::Relaxed),
            races: self.races.clone(),
        }))
    }
}

struct Unit {
    shelf: Arc<Mutex<Shelf>>,
    draft: Shelf,
    meddler: Arc<Mutex<Option<Meddler>>>,
    fails_on_commit: bool,
    races: Arc<Races>,
}

#[async_trait]
impl domain::store::Unit for Unit {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.races.run()?;
        if self.fails_on_commit {
            return Err(StoreError::failed("the disk is full"));
        }
        *self.shelf.lock().unwrap() = self.draft;
        Ok(())
    }
}

#[async_trait]
impl AuditRepository for Unit {
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.draft.audit.extend_from_slice(entries);
        Ok(())
    }
}

#[async_trait]
impl MovieRepository for Unit {
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError> {
        self.draft.resolve_names(kind, names).await
    }
    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError> {
        self.draft.find_movies_for_update(identities).await
    }
    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError> {
        if let Some(meddler) = &mut *self.meddler.lock().unwrap() {
            // What others commit shows in an open unit too (READ COMMITTED).
            let mut committed = self.shelf.lock().unwrap();
            meddler(&mut committed);
            let known: Vec<_> = self.draft.movies.iter().map(|movie| movie.id).collect();
            self.draft
                .movies
                .extend(committed.movies.iter().filter(|movie| !known.contains(&movie.id)).cloned());
        }
        self.draft.insert_movies(movies).await
    }
    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError> {
        self.draft.update_movie(movie).await
    }
}
