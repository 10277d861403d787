//! A catalogue in memory.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{
    accounts::{AccessError, Actor},
    audit::{AuditEntry, AuditRepository},
    catalog::{
        CatalogStore, CatalogUnit, CountedName, ExternalIds, Facts, ModerationStore, ModerationUnit, Movie,
        MovieConflicts, MovieDetail, MovieFilter, MovieIdentity, MovieQueries, MovieRepository, MovieSort,
        MovieSummary, MovieUses, NameKind, NameQueries, Named, ProposedName, RatingSummary,
    },
    id::{Id, MovieId, UserId},
    money::Money,
    page::{Page, PageRequest},
    store::{Attempt, StoreError},
    text::fold,
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
        moderation: Arc::new(MockModeration::new()),
        queries: Arc::new(queries),
        names: Arc::new(MockNames::new()),
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
        trailer_url: None,
        imdb_id: None,
        tmdb_id: None,
        sort_name: None,
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
        poster: None,
        rating: RatingSummary { average: None, count: 0 },
        likes: 0,
        dislikes: 0,
        me: None,
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
    async fn find_movie_for_update(&mut self, id: MovieId) -> Result<Option<Movie>, StoreError> {
        Ok(self.movies.iter().find(|movie| movie.id == id).cloned())
    }
    async fn find_movie_conflicts(&mut self, movie: &Movie) -> Result<MovieConflicts, StoreError> {
        let others = || self.movies.iter().filter(|other| other.id != movie.id);
        let has_same = |other: &Movie| {
            (movie.imdb_id.is_some() && other.imdb_id == movie.imdb_id)
                || (movie.tmdb_id.is_some() && other.tmdb_id == movie.tmdb_id)
        };
        Ok(MovieConflicts {
            identity: others().any(|other| other.identity == movie.identity),
            external_id: others().any(has_same),
        })
    }
    async fn find_external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<ExternalIds>, StoreError> {
        let is_asked = |movie: &&Movie| {
            movie.imdb_id.as_ref().is_some_and(|id| imdb_ids.contains(id))
                || movie.tmdb_id.is_some_and(|id| tmdb_ids.contains(&id))
        };
        let ids = |movie: &Movie| ExternalIds {
            movie: movie.identity.clone(),
            imdb_id: movie.imdb_id.clone(),
            tmdb_id: movie.tmdb_id,
        };
        Ok(self.movies.iter().filter(is_asked).map(ids).collect())
    }
    async fn find_movie_uses(&mut self, _id: MovieId) -> Result<MovieUses, StoreError> {
        Ok(MovieUses::default())
    }
    async fn remove_movie_from_carts(&mut self, _id: MovieId) -> Result<(), StoreError> {
        Ok(())
    }
    async fn delete_movie(&mut self, id: MovieId) -> Result<(), StoreError> {
        self.movies.retain(|movie| movie.id != id);
        Ok(())
    }
    async fn names_of(&mut self, kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError> {
        let name = |id: &Uuid| {
            self.names
                .iter()
                .find(|(of, _, known)| *of == kind && known == id)
                .map(|(_, name, _)| name.clone())
        };
        Ok(ids.iter().filter_map(name).collect())
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
    async fn find_movie_for_update(&mut self, id: MovieId) -> Result<Option<Movie>, StoreError> {
        self.draft.find_movie_for_update(id).await
    }
    async fn find_movie_conflicts(&mut self, movie: &Movie) -> Result<MovieConflicts, StoreError> {
        self.draft.find_movie_conflicts(movie).await
    }
    async fn find_external_ids(
        &mut self,
        imdb_ids: &[String],
        tmdb_ids: &[i64],
    ) -> Result<Vec<ExternalIds>, StoreError> {
        self.draft.find_external_ids(imdb_ids, tmdb_ids).await
    }
    async fn find_movie_uses(&mut self, id: MovieId) -> Result<MovieUses, StoreError> {
        self.draft.find_movie_uses(id).await
    }
    async fn remove_movie_from_carts(&mut self, id: MovieId) -> Result<(), StoreError> {
        self.draft.remove_movie_from_carts(id).await
    }
    async fn delete_movie(&mut self, id: MovieId) -> Result<(), StoreError> {
        self.draft.delete_movie(id).await
    }
    async fn names_of(&mut self, kind: NameKind, ids: &[Uuid]) -> Result<Vec<String>, StoreError> {
        self.draft.names_of(kind, ids).await
    }
}
