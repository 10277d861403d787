use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::cli::failure::Failure;

/// The file that rejected rows are written to.
pub(super) struct Rejects {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Rejects {
    /// Creates the file and writes `header`, the header of the imported file. Fails if `path` is the imported file,
    /// `source`, because creating the file would erase it.
    pub(super) fn create(path: PathBuf, source: &Path, header: &[u8]) -> Result<Self, Failure> {
        let is_source =
            fs::canonicalize(&path).is_ok_and(|one| fs::canonicalize(source).is_ok_and(|other| one == other));
        if is_source {
            return Err(Failure::usage("--rejects names the file that is imported: name another file"));
        }
        let file = File::create(&path).map_err(|error| Self::failed(&path, &error))?;
        let mut rejects = Self { file: BufWriter::new(file), path };
        rejects.write(header)?;
        Ok(rejects)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Self::failed(&self.path, &error))
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| Self::failed(&self.path, &error))
    }

    fn failed(path: &Path, error: &io::Error) -> Failure {
        Failure::new(format!("cannot write {} ({error}): give another file with --rejects", path.display()))
    }
}
