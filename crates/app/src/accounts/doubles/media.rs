use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    media::{AvatarImages, MediaKey, MediaStore, PictureError, PosterFile, PosterImages},
    store::StoreError,
};

use crate::doubles::{MovableClock, storage::TestStorage};

type Meddler = Box<dyn FnMut() + Send>;

/// A media store in memory, and an image converter that accepts every upload that is not empty.
#[derive(Default)]
pub(crate) struct MemoryMedia {
    store: Option<Arc<TestStorage>>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    after_put: Mutex<Option<Meddler>>,
    /// Whether every call of the media store fails, as if it could not be reached.
    pub(crate) is_away: AtomicBool,
}

impl MemoryMedia {
    /// Creates a media store and converter that panics when it is used while a unit of work (a transaction) of `store`
    /// is open.
    pub(crate) fn beside(store: &Arc<TestStorage>) -> Self {
        Self { store: Some(Arc::clone(store)), ..Self::default() }
    }

    /// Returns the stored keys.
    pub(crate) fn keys(&self) -> Vec<MediaKey> {
        self.files.lock().unwrap().keys().map(|key| key.parse().unwrap()).collect()
    }

    /// Makes every commit of `store` fail as soon as a file has been stored.
    pub(crate) fn then_fail_commits(&self, store: &Arc<TestStorage>) {
        let store = Arc::clone(store);
        let fail = move || store.fail_commits();
        *self.after_put.lock().unwrap() = Some(Box::new(fail));
    }

    /// Makes each `put` move the clock forward by this many seconds.
    pub(crate) fn takes_seconds(&self, clock: &Arc<MovableClock>, seconds: i64) {
        let clock = Arc::clone(clock);
        *self.after_put.lock().unwrap() = Some(Box::new(move || clock.advance(TimeDelta::seconds(seconds))));
    }

    fn has_no_open_unit_beside(&self) {
        let has_open_unit = self.store.as_ref().is_some_and(|store| store.has_open_unit());
        assert!(!has_open_unit, "no unit of work may be open while pictures are processed or stored");
    }

    fn check(&self) -> Result<(), StoreError> {
        self.has_no_open_unit_beside();
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("no connection"));
        }
        Ok(())
    }
}

#[async_trait]
impl MediaStore for MemoryMedia {
    async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.check()?;
        self.files.lock().unwrap().insert(key.to_string(), bytes);
        if let Some(meddler) = &mut *self.after_put.lock().unwrap() {
            meddler();
        }
        Ok(())
    }
    async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        Ok(self.files.lock().unwrap().get(key.as_str()).cloned())
    }
    async fn delete(&self, key: &MediaKey) -> Result<(), StoreError> {
        self.check()?;
        self.files.lock().unwrap().remove(key.as_str());
        Ok(())
    }
}

#[async_trait]
impl AvatarImages for MemoryMedia {
    async fn make(&self, upload: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        self.has_no_open_unit_beside();
        if upload.is_empty() {
            return Err(PictureError::Unsupported);
        }
        Ok([&b"made of "[..], &upload].concat())
    }
}

#[async_trait]
impl PosterImages for MemoryMedia {
    async fn make_poster(&self, upload: Vec<u8>) -> Result<Vec<PosterFile>, PictureError> {
        self.has_no_open_unit_beside();
        if upload.is_empty() {
            return Err(PictureError::Unsupported);
        }
        let file =
            |width: u32| PosterFile { width, bytes: [&upload, format!(" in {width}").as_bytes()].concat() };
        Ok(vec![file(185), file(342)])
    }
}
