//! What both media stores share: calls of `object_store` with a time limit.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use domain::{media::MediaKey, store::StoreError};
use object_store::{
    Attribute, AttributeValue, Attributes, Error, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
    path::Path,
};

/// The largest file that is read into memory, in bytes. Stored pictures and subtitles are smaller; the limit protects
/// the memory from an unexpectedly large object.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Media files as objects in an `object_store` backend. The methods `put`, `get` and `delete` have a time limit.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The time limit of a call, including retries.
    pub(crate) patience: Duration,
    /// The root folder, if the store is a folder of this machine. A folder cannot store the content type of a file.
    pub(crate) folder: Option<PathBuf>,
}

impl fmt::Debug for Objects {
    /// Omits the store, which contains the credentials for S3.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Objects {
    pub(crate) async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut attributes = Attributes::new();
        if self.folder.is_none() {
            attributes.insert(Attribute::ContentType, AttributeValue::from(key.media_type().as_str()));
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = path(key);
        let put = async {
            // Without this check, `object_store` would create a missing root folder. If the root folder is on a disk
            // that is not mounted, the file would be written below the mount point, and be hidden once the disk is
            // mounted.
            self.is_there().await?;
            self.store.put_opts(&path, PutPayload::from(bytes), options).await.map(drop).map_err(failed)
        };
        self.in_time(put).await?
    }

    pub(crate) async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        let get = async {
            if self.is_link(key).await? {
                return Err(StoreError::failed(format!("{key} is a link, and links are not followed")));
            }
            let found = match self.store.get(&path(key)).await {
                Ok(found) => found,
                Err(error @ Error::NotFound { .. }) => return self.missing(error).await.map(|()| None),
                Err(error) => return Err(failed(error)),
            };
            if found.meta.size > LARGEST {
                return Err(StoreError::failed(format!("{key} has {} bytes", found.meta.size)));
            }
            found.bytes().await.map(|bytes| Some(bytes.into())).map_err(failed)
        };
        self.in_time(get).await?
    }

    pub(crate) async fn delete(&self, key: &MediaKey) -> Result<(), StoreError> {
        let path = path(key);
        let delete = async {
            match self.store.delete(&path).await {
                Ok(()) => Ok(()),
                Err(error @ Error::NotFound { .. }) => self.missing(error).await,
                Err(error) => Err(failed(error)),
            }
        };
        self.in_time(delete).await?
    }

    /// Whether the file is a symbolic link. Links are refused, because their targets could be any files of this
    /// machine.
    async fn is_link(&self, key: &MediaKey) -> Result<bool, StoreError> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(key.as_str())) else {
            return Ok(false);
        };
        tokio::task::spawn_blocking(move || path.is_symlink()).await.map_err(StoreError::failed)
    }

    /// Handles the error of a file that was not found: returns `Ok` when only the file is missing, and an error when
    /// the whole folder or bucket is missing.
    async fn missing(&self, error: Error) -> Result<(), StoreError> {
        if is_no_bucket(&error) { Err(failed(error)) } else { self.is_there().await }
    }

    /// Checks that the root folder exists. Does nothing for S3, which itself reports a missing bucket.
    pub(crate) async fn is_there(&self) -> Result<(), StoreError> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let found = tokio::task::spawn_blocking(move || std::fs::metadata(folder)).await;
        match found.map_err(StoreError::failed)? {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(StoreError::unavailable("the folder of the media store was replaced by a file")),
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    pub(crate) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, StoreError> {
        tokio::time::timeout(self.patience, call)
            .await
            .map_err(|_| StoreError::unavailable("the media store did not answer in time"))
    }
}

pub(crate) fn path(key: &MediaKey) -> Path {
    Path::from(key.as_str())
}

/// Whether the bucket is missing, for which S3 uses the same status code as for a missing object.
fn is_no_bucket(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("NoSuchBucket") {
            return true;
        }
        cause = error.source();
    }
    false
}

pub(crate) fn failed(error: Error) -> StoreError {
    match error {
        // For example: no answer, a full disk, a missing bucket, refused credentials. Such a call can succeed later,
        // possibly only after an operator has fixed the cause.
        Error::Generic { .. }
        | Error::JoinError { .. }
        | Error::NotFound { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. } => StoreError::unavailable(error),
        _ => StoreError::failed(error),
    }
}
