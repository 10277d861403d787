//! Implements the ports of the library on the test double.

use async_trait::async_trait;
use domain::{
    accounts::{AccessError, Actor},
    catalog::{MovieFilter, MovieSort},
    id::{MovieId, PurchaseId, UserId},
    library::{
        BoughtMovie, FilmAccess, FilmSource, FilmStore, LibraryItem, LibraryQueries, LibraryStore,
        LibraryUnit, PlayableMovie, StartedMovie,
    },
    media::MediaKey,
    page::{Page, PageRequest},
    store::{Attempt, StoreError},
};

use super::ports::{Doubles, away};

#[async_trait]
impl LibraryQueries for Doubles {
    async fn library_page(
        &self,
        _owner: UserId,
        _filter: &MovieFilter,
        _sorts: &[MovieSort],
        _request: &PageRequest,
    ) -> Result<Page<LibraryItem>, StoreError> {
        Err(away())
    }

    async fn started_page(
        &self,
        _owner: UserId,
        _request: &PageRequest,
    ) -> Result<Page<StartedMovie>, StoreError> {
        Err(away())
    }

    async fn bought_movie(
        &self,
        _owner: UserId,
        _movie_id: MovieId,
    ) -> Result<Option<BoughtMovie>, StoreError> {
        Ok(None)
    }

    async fn playable_movie(&self, _purchase_id: PurchaseId) -> Result<Option<PlayableMovie>, StoreError> {
        Ok(None)
    }

    async fn playable_among(&self, _purchases: &[PurchaseId]) -> Result<Vec<PurchaseId>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl LibraryStore for Doubles {
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn LibraryUnit>, AccessError> {
        Err(away().into())
    }

    async fn begin_as_operator(&self, _attempt: Attempt) -> Result<Box<dyn LibraryUnit>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl FilmStore for Doubles {
    async fn put_film(
        &self,
        _key: &MediaKey,
        _file: std::fs::File,
        _progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        Err(away())
    }

    async fn open_film(
        &self,
        _key: &MediaKey,
        _access: FilmAccess,
    ) -> Result<Option<FilmSource>, StoreError> {
        Ok(None)
    }

    async fn remove_film(&self, _key: &MediaKey) -> Result<(), StoreError> {
        Ok(())
    }
}
