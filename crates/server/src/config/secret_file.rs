//! Secrets that are generated once in development, and stored in files that only their owner can read.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use adapter_crypto::{AppSecret, fresh_secret};
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

const DEVELOPMENT_SECRET: &str = "dev-secret-key";

/// Why a secret could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The secret is missing, and in production none is generated.
    #[error("APP_SECRET_KEY is missing; allowed: a random text of 32 bytes or more")]
    MissingInProduction,
    /// The file cannot be read or written.
    #[error("cannot read or store the secret in {path} ({source}): make the folder writable or set DATA_DIR")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is a symbolic link. It is not followed, because another user may have chosen its target.
    #[error("{0} is a link, and links are not followed: put the file itself there, or remove the link")]
    Link(PathBuf),
    /// The file exists, but is empty or contains only whitespace.
    #[error("{0} is empty: remove it, and a new secret is generated")]
    Empty(PathBuf),
}

/// Returns the text of the file `name` in `folder`. If there is no such file, creates it with the text from `make`,
/// readable only by its owner. Concurrent processes get the same text.
///
/// # Errors
/// When the file cannot be read or written, is a link, or is empty.
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
    // A folder that is created here is private as well, because it will also contain the database and the pictures.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // The text is written to a new file with a random name, which only its owner can read. The file is then renamed to
    // `path`, unless another process has created `path` in the meantime.
    let mut draft = NamedTempFile::with_prefix_in(format!(".{name}."), folder).map_err(failed)?;
    draft.write_all(make().as_bytes()).and_then(|()| draft.as_file().sync_all()).map_err(failed)?;
    match draft.persist_noclobber(&path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => read(&path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into())),
    }
}

/// Opens a file of `DATA_DIR` for reading, unless it is a symbolic link.
fn open(path: &Path) -> io::Result<fs::File> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).custom_flags(no_follow).open(path)
}

fn read(path: &Path) -> Result<Option<String>, SecretFileError> {
    let mut text = String::new();
    let read = open(path).and_then(|mut file| file.read_to_string(&mut text));
    match read {
        Ok(_) if text.trim().is_empty() => Err(SecretFileError::Empty(path.to_owned())),
        Ok(_) => Ok(Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) if path.is_symlink() => Err(SecretFileError::Link(path.to_owned())),
        Err(source) => Err(SecretFileError::File { path: path.to_owned(), source }),
    }
}

/// Returns the development secret. It is generated once and stored in this folder.
pub(super) fn development_secret(data_dir: &Path) -> Result<String, SecretFileError> {
    keep_secret(data_dir, DEVELOPMENT_SECRET, || fresh_secret().expose().to_owned())
}

/// Returns whether the secret is the development secret that is stored in this folder.
pub(super) fn is_development_secret(data_dir: &Path, secret: &AppSecret) -> bool {
    let kept = read(&data_dir.join(DEVELOPMENT_SECRET)).ok().flatten();
    kept.is_some_and(|kept| AppSecret::new(kept) == *secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_neither_read_nor_written_through() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for target in ["there", "not-there"] {
            let target = elsewhere.path().join(target);
            if target.ends_with("there") {
                fs::write(&target, "chosen by somebody else").unwrap();
            }
            let link = folder.path().join("secret");
            std::os::unix::fs::symlink(&target, &link).unwrap();
            let kept = keep_secret(folder.path(), "secret", || "fresh".to_owned());
            assert!(matches!(kept, Err(SecretFileError::Link(_))), "{kept:?}");
            fs::remove_file(link).unwrap();
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "no file was created through a link");
    }

    #[test]
    fn a_secret_is_generated_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("var");
        for made in ["first", "second"] {
            assert_eq!(keep_secret(&folder, "secret", || made.to_owned()).unwrap(), "first");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file remains");
    }
}
