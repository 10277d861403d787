use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use crate::cli::failure::Failure;

/// A file of movies that can be read again from its beginning.
pub(super) struct Source {
    file: File,
    size: u64,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::copy(io::stdin().lock(), "standard input");
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::new(format!("cannot open {name} ({error}): check the path"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() { Ok(Self { file, size: metadata.len() }) } else { Self::copy(file, &name) }
    }

    /// Copies a source that can be read only once, such as a pipe, to a temporary file.
    fn copy(mut source: impl Read, name: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::new(format!("cannot read {name} ({error})"));
        let mut file = tempfile::tempfile().map_err(failed)?;
        let size = io::copy(&mut source, &mut file).map_err(failed)?;
        Ok(Self { file, size })
    }

    /// Returns a reader at the beginning of the file. All readers share one position, so only one may be used at a
    /// time.
    pub(super) fn read(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }

    /// Returns the size of the file, in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}
