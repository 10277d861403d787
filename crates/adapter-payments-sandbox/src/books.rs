use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::checkout::Checkout;

/// Why the sandbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenSandboxError {
    /// Its folder cannot be read or written.
    #[error("cannot use the folder {path} of the sandbox ({source})")]
    Folder {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The HTTP client cannot be created.
    #[error("the sandbox has no HTTP client")]
    Client(#[from] reqwest::Error),
    /// Encryption cannot be set up.
    #[error("the sandbox has no encryption")]
    Encryption(#[from] rustls::Error),
}

/// The provider's books: a file for each checkout, which is written under a temporary name and renamed. Several
/// processes may use the same folder.
pub(crate) struct Books {
    folder: PathBuf,
}

impl Books {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self, key: Uuid) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// The checkout, or `None`.
    pub(crate) fn find(&self, key: Uuid) -> io::Result<Option<Checkout>> {
        match fs::read(self.path(key)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes or adds a checkout, with exclusive access to all checkouts; `None` does not change it.
    pub(crate) fn change<T>(
        &self,
        key: Uuid,
        change: impl FnOnce(Option<Checkout>) -> (Option<Checkout>, T),
    ) -> io::Result<T> {
        fs::create_dir_all(&self.folder)?;
        let lock = File::create(self.folder.join("lock"))?;
        lock.lock()?;
        let (changed, value) = change(self.find(key)?);
        if let Some(changed) = changed {
            let bytes = serde_json::to_vec(&changed).map_err(io::Error::other)?;
            let beside = self.folder.join(format!("{key}.new"));
            let mut file = File::create(&beside)?;
            file.write_all(&bytes)?;
            // Synced before it replaces the old file, so that a power failure does not leave an incomplete file.
            file.sync_all()?;
            fs::rename(&beside, self.path(key))?;
        }
        lock.unlock()?;
        Ok(value)
    }

    /// All checkouts, in no order.
    pub(crate) fn all(&self) -> io::Result<Vec<Checkout>> {
        let mut all = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            let key = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let Some(key) = key.and_then(|key| Uuid::try_parse(key).ok()) else { continue };
            match self.find(key) {
                Ok(found) => all.extend(found),
                // A damaged file does not affect the others.
                Err(error) => tracing::warn!(%key, %error, "a checkout of the sandbox cannot be read"),
            }
        }
        Ok(all)
    }

    /// All checkouts that have webhooks to send.
    pub(crate) fn all_open(&self) -> Result<Vec<Checkout>, OpenSandboxError> {
        let failed = |source| OpenSandboxError::Folder { path: self.folder.clone(), source };
        let mut all = self.all().map_err(failed)?;
        all.retain(|checkout| checkout.events.iter().any(|event| !event.is_delivered));
        Ok(all)
    }
}

/// Reads or writes files on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
