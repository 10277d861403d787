//! Movies in files: CSV and JSON Lines in, JSON Lines out.

mod cells;
mod columns;
mod csv_rows;
mod json_faults;
mod json_rows;
mod physical_lines;

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    catalog::Facts,
    money::{Currency, Money},
};

pub use self::{
    columns::{Columns, ColumnsError},
    json_rows::{facts_of, line_of},
};
use self::{csv_rows::CsvRows, json_rows::JsonRows};

/// The certification of movies that come without one (requirements.md section 7).
pub const NO_CERTIFICATION: &str = "Not Rated";

/// How rows are to be read.
#[derive(Debug, Clone)]
pub struct RowOptions {
    /// The shop's currency: prices without one are in it, and those in another are refused.
    pub currency: Currency,
    /// The price of movies that come without one.
    pub default_price: Option<Money>,
    /// Which column holds which field; `None` when they have the fields' names.
    pub columns: Option<Columns>,
    /// Whether a price in another currency is taken for the same number of minor units of the shop's, instead of refused.
    pub adopts_prices: bool,
}

/// A row of the file, read or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line of the file that it begins in, from 1.
    pub line: u64,
    /// The movie's name, where it could be read.
    pub name: Option<String>,
    /// The row as it stands in the file.
    pub raw: Vec<u8>,
    /// What it says, or why it cannot be read.
    pub facts: Result<Facts, String>,
}

/// The file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum MovieFileError {
    /// It cannot be opened or read on.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// It holds nothing.
    #[error("it is empty")]
    Empty,
    /// It is not CSV.
    #[error("it is not CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Its columns are not those that are wanted.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
}

/// How many bytes of a file were read so far: for a progress bar.
#[derive(Debug, Clone, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted<R> {
    inner: R,
    count: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.0.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
        Ok(count)
    }
}

/// The rows of a file, one after the other, in constant memory.
pub struct MovieFile {
    rows: Rows,
    bytes_read: BytesRead,
}

enum Rows {
    Csv(CsvRows),
    Json(JsonRows),
}

impl MovieFile {
    /// Reads CSV or JSON Lines: the name's ending says which, else the first character.
    ///
    /// # Errors
    /// When it cannot be read, or its columns are not those that are wanted.
    pub fn read(
        source: impl Read + Send + 'static,
        path: &Path,
        options: RowOptions,
    ) -> Result<Self, MovieFileError> {
        let bytes_read = BytesRead::default();
        let counted = Counted { inner: source, count: bytes_read.clone() };
        let mut source: BufReader<Box<dyn Read + Send>> =
            BufReader::with_capacity(64 * 1024, Box::new(counted));
        skip_byte_order_mark(&mut source)?;
        if source.fill_buf()?.is_empty() {
            return Err(MovieFileError::Empty);
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        let is_json = match ending.as_deref() {
            Some("csv") => false,
            Some("jsonl" | "ndjson" | "json") => true,
            _ => source.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'),
        };
        let rows = if is_json {
            if options.columns.is_some() {
                return Err(ColumnsError::NotForJson.into());
            }
            Rows::Json(JsonRows::new(source, options))
        } else {
            Rows::Csv(CsvRows::new(source, options)?)
        };
        Ok(Self { rows, bytes_read })
    }

    /// The first line of a file of rejected rows: the CSV header, or nothing.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        match &self.rows {
            Rows::Csv(rows) => rows.header(),
            Rows::Json(_) => b"",
        }
    }

    /// How much was read so far.
    #[must_use]
    pub fn bytes_read(&self) -> BytesRead {
        self.bytes_read.clone()
    }
}

impl Iterator for MovieFile {
    type Item = Result<Row, MovieFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.rows {
            Rows::Csv(rows) => rows.next(),
            Rows::Json(rows) => rows.next(),
        }
    }
}

fn skip_byte_order_mark(source: &mut impl BufRead) -> io::Result<()> {
    if source.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
