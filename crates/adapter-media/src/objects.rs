//! What both stores do, whatever `object_store` has beneath.

use std::{fmt, sync::Arc, time::Duration};

use domain::{media::MediaKey, store::StoreError};
use object_store::{
    Attribute, AttributeValue, Attributes, Error, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
    path::Path,
};

/// The largest file that is read whole: far beyond any avatar, so that a strange object cannot fill the memory.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Files as objects of a store, each call within a time.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// How long a call may take, its repeats included.
    pub(crate) patience: Duration,
    /// Whether the store keeps what kind of file an object is; a folder cannot.
    pub(crate) keeps_types: bool,
}

impl fmt::Debug for Objects {
    /// Without the store, which knows keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// Two things can be wrong with a file that is not found: there is none, or there is no place for any.
enum Found {
    Object(Vec<u8>),
    Nothing,
}

impl Objects {
    pub(crate) async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut attributes = Attributes::new();
        if self.keeps_types {
            attributes.insert(Attribute::ContentType, AttributeValue::from(key.media_type().as_str()));
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = path(key);
        let put = self.store.put_opts(&path, PutPayload::from(bytes), options);
        self.in_time(put).await?.map(drop).map_err(failed)
    }

    pub(crate) async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        let get = async {
            let found = match self.store.get(&path(key)).await {
                Ok(found) => found,
                Err(error @ Error::NotFound { .. }) if is_no_place(&error) => return Err(failed(error)),
                Err(Error::NotFound { .. }) => return Ok(Found::Nothing),
                Err(error) => return Err(failed(error)),
            };
            if found.meta.size > LARGEST {
                return Err(StoreError::failed(format!("{key} has {} bytes", found.meta.size)));
            }
            found.bytes().await.map(|bytes| Found::Object(bytes.into())).map_err(failed)
        };
        match self.in_time(get).await?? {
            Found::Object(bytes) => Ok(Some(bytes)),
            Found::Nothing => Ok(None),
        }
    }

    pub(crate) async fn delete(&self, key: &MediaKey) -> Result<(), StoreError> {
        let path = path(key);
        match self.in_time(self.store.delete(&path)).await? {
            Err(error @ Error::NotFound { .. }) if is_no_place(&error) => Err(failed(error)),
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, StoreError> {
        tokio::time::timeout(self.patience, call)
            .await
            .map_err(|_| StoreError::unavailable("the media store did not answer in time"))
    }
}

fn path(key: &MediaKey) -> Path {
    Path::from(key.as_str())
}

/// Whether the bucket itself is missing, which S3 answers with the same status as a missing object.
fn is_no_place(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("NoSuchBucket") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn failed(error: Error) -> StoreError {
    match error {
        // A server that does not answer, or a disk that is full: another time it may go well.
        Error::Generic { .. } | Error::JoinError { .. } => StoreError::unavailable(error),
        _ => StoreError::failed(error),
    }
}
