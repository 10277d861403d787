//! Secrets that a development machine makes once and keeps, readable by their owner alone.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use adapter_crypto::{AppSecret, fresh_secret};

const DEVELOPMENT_SECRET: &str = "dev-secret-key";

/// A secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Production makes no secrets by itself.
    #[error("APP_SECRET_KEY is missing; allowed: a random text of 32 bytes or more")]
    MissingInProduction,
    /// The file cannot be read or written.
    #[error("cannot keep a secret in {path} ({source}): make the folder writable or set DATA_DIR")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is there and empty.
    #[error("{0} is empty: remove it, and another secret is made")]
    Empty(PathBuf),
}

/// The text kept in the file; when there is none, `make` makes it, and it is kept for the owner's eyes only. Of two
/// processes that make it at once, both get the same.
///
/// # Errors
/// When the file cannot be read or written, or is empty.
pub fn keep_secret(
    folder: &Path,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<String, SecretFileError> {
    let path = folder.join(name);
    let failed = |source| SecretFileError::File { path: path.clone(), source };
    if let Some(kept) = read(&path)? {
        return Ok(kept);
    }
    // The database and the pictures come to lie in it too.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    file.write_all(make().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    // A link appears whole or not at all, and never in the place of another.
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => read(&path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into())),
    }
}

fn read(path: &Path) -> Result<Option<String>, SecretFileError> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(SecretFileError::Empty(path.to_owned())),
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretFileError::File { path: path.to_owned(), source }),
    }
}

pub(super) fn development_secret(data_dir: &Path) -> Result<String, SecretFileError> {
    keep_secret(data_dir, DEVELOPMENT_SECRET, || fresh_secret().expose().to_owned())
}

/// Whether it is the one that development made in this folder.
pub(super) fn is_development_secret(data_dir: &Path, secret: &AppSecret) -> bool {
    fs::read(data_dir.join(DEVELOPMENT_SECRET)).is_ok_and(|kept| AppSecret::new(kept) == *secret)
}
