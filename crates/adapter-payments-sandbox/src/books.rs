use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::checkout::Checkout;

/// Why the sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenSandboxError {
    /// The folder of the sandbox cannot be read.
    #[error("cannot use the folder {path} of the sandbox ({source})")]
    Folder {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The HTTP client that sends webhooks cannot be created.
    #[error("the HTTP client of the sandbox cannot be created")]
    Client(#[from] reqwest::Error),
    /// The TLS configuration of the HTTP client cannot be created.
    #[error("the TLS configuration of the sandbox's HTTP client cannot be created")]
    Encryption(#[from] rustls::Error),
}

/// The stored checkouts of the sandbox, with one JSON file for each checkout. A file is written under a temporary name
/// and then renamed, so that readers never see an incomplete file. Several processes may use the same folder.
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

    /// Reads the checkout with this key; `None` when there is none.
    pub(crate) fn find(&self, key: Uuid) -> io::Result<Option<Checkout>> {
        match fs::read(self.path(key)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Calls `change` with the checkout that has this key, or with `None` if there is none, and stores the checkout
    /// that `change` returns. If `change` returns `None`, nothing is stored. A lock file ensures that only one change
    /// runs at a time, among all processes that use the folder.
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
            // The new file is synced before it replaces the old one, so that a power failure leaves no incomplete file.
            file.sync_all()?;
            fs::rename(&beside, self.path(key))?;
            // A power failure must not undo the renaming either. Other systems than Unix cannot open a folder.
            #[cfg(unix)]
            File::open(&self.folder)?.sync_all()?;
        }
        lock.unlock()?;
        Ok(value)
    }

    /// Reads all checkouts whose files are intact, in no particular order.
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
                // A damaged file is skipped, so that the other checkouts can still be used.
                Err(error) => tracing::warn!(%key, %error, "a checkout of the sandbox cannot be read"),
            }
        }
        Ok(all)
    }

    /// Reads all checkouts with undelivered events, whether these events are due or not.
    pub(crate) fn all_open(&self) -> Result<Vec<Checkout>, OpenSandboxError> {
        let failed = |source| OpenSandboxError::Folder { path: self.folder.clone(), source };
        let mut all = self.all().map_err(failed)?;
        all.retain(|checkout| checkout.events.iter().any(|event| !event.is_delivered));
        Ok(all)
    }
}

/// Runs `work`, which reads or writes files, on a thread where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
