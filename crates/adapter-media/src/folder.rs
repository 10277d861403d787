use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    library::{FilmAccess, FilmSource, FilmStore},
    media::{MediaKey, MediaStore},
    store::StoreError,
};
use object_store::local::LocalFileSystem;

use crate::{films, objects::Objects};

/// The time limit of a call. It applies neither to storing a film, nor to checking whether the folder exists after a
/// film was not found.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be created.
    #[error("cannot create the folder {path} ({source})")]
    Make {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder cannot be opened.
    #[error("cannot open the folder {path} ({source})")]
    Open {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: object_store::Error,
    },
}

/// Stores media files in a folder of this machine. A file is written under a temporary name, synced to the disk, and
/// then renamed, so that readers never see an incomplete file.
#[derive(Debug, Clone)]
pub struct FolderMedia(Objects);

impl FolderMedia {
    /// Opens the folder, or creates it if it does not exist. On Unix, only the user of this process can access a folder
    /// that is created here. Other users need no access, because the server serves the files.
    ///
    /// # Errors
    /// When the folder cannot be created or opened.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        make_folder(path).map_err(|source| FolderError::Make { path: path.to_owned(), source })?;
        let store = LocalFileSystem::new_with_prefix(path)
            .map_err(|source| FolderError::Open { path: path.to_owned(), source })?
            .with_fsync(true);
        let folder = Some(path.to_owned());
        Ok(Self(Objects { store: Arc::new(store), patience: PATIENCE, folder }))
    }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

#[async_trait]
impl MediaStore for FolderMedia {
    async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.0.put(key, bytes).await
    }
    async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).await
    }
    async fn delete(&self, key: &MediaKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}

#[async_trait]
impl FilmStore for FolderMedia {
    async fn put_film(
        &self,
        key: &MediaKey,
        file: File,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.0.is_there().await?;
        films::put(&self.0.store, key, file, false, progress).await
    }

    async fn open_film(&self, key: &MediaKey, _access: FilmAccess) -> Result<Option<FilmSource>, StoreError> {
        let Some(folder) = self.0.folder.clone() else { return Ok(None) };
        let key = key.clone();
        let opening = tokio::task::spawn_blocking(move || films::open(&folder, &key));
        let opened = self.0.in_time(opening).await?.map_err(StoreError::failed)??;
        if opened.is_none() {
            self.0.is_there().await?;
        }
        Ok(opened)
    }

    async fn remove_film(&self, key: &MediaKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}
