use std::{fmt, io::Read};

use crate::{
    csv_rows::CsvRows,
    encoding::{Detected, TextEncoding},
    error::MovieFileError,
    json_rows::JsonRows,
    options::{Delimiter, FileKind, ReadOptions},
    row::Row,
    source::{BytesRead, Source},
};

/// The rows of a file, one after the other, in constant memory. An error ends the iteration.
pub struct MovieFile {
    rows: Rows,
    encoding: Detected,
    bytes_read: BytesRead,
    has_failed: bool,
}

enum Rows {
    Csv(Box<CsvRows>),
    Json(JsonRows),
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CSV with this character between the cells.
    Csv(Delimiter),
    /// A JSON object in each line.
    JsonLines,
    /// One array of JSON objects.
    JsonArray,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv(delimiter) => write!(f, "CSV with {delimiter} between the cells"),
            Self::JsonLines => f.write_str("JSON Lines"),
            Self::JsonArray => f.write_str("a JSON array"),
        }
    }
}

/// The properties of a file that are known from the part that was read so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The format.
    pub format: Format,
    /// The character encoding.
    pub encoding: TextEncoding,
    /// The names of the columns or JSON keys that are ignored; of JSON keys at most the first fifty. Use
    /// [`crate::printable`] to show them.
    pub ignored: Vec<String>,
}

impl MovieFile {
    /// Opens CSV, JSON Lines or a JSON array. Reads the header of CSV.
    ///
    /// # Errors
    /// If the source cannot be read, is empty or has an unsupported format, if the header of CSV cannot be read, if
    /// its columns do not fit, or if a delimiter is given for JSON; see [`MovieFileError`].
    pub fn read(source: impl Read + Send + 'static, options: ReadOptions) -> Result<Self, MovieFileError> {
        let source = Source::new(source, options.encoding)?;
        let (encoding, bytes_read) = (source.encoding, source.bytes_read.clone());
        let kind = options.kind.unwrap_or_else(|| match source.head.trim_ascii_start() {
            [b'{' | b'[', ..] => FileKind::Json,
            _ => FileKind::Csv,
        });
        let rows = match kind {
            FileKind::Csv => Rows::Csv(Box::new(CsvRows::new(source, options)?)),
            FileKind::Json if options.delimiter.is_some() => return Err(MovieFileError::DelimiterForJson),
            FileKind::Json => Rows::Json(JsonRows::new(source, options)),
        };
        Ok(Self { rows, encoding, bytes_read, has_failed: false })
    }

    /// The text with which a file of rejected rows must begin, so that it can be read later: the header of CSV, or
    /// nothing for JSON.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        match &self.rows {
            Rows::Csv(rows) => rows.header(),
            Rows::Json(_) => b"",
        }
    }

    /// The properties that are known so far. The encoding and, for JSON, the ignored keys are final only at the end of
    /// the file.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let (format, ignored, encodings) = match &self.rows {
            Rows::Csv(rows) => (Format::Csv(rows.delimiter()), rows.ignored(), rows.encodings()),
            Rows::Json(rows) => {
                let format = if rows.is_array() { Format::JsonArray } else { Format::JsonLines };
                (format, rows.ignored(), rows.encodings())
            }
        };
        let encoding = match self.encoding {
            Detected::Converted(encoding) => encoding,
            _ if encodings.are_windows_1252() => TextEncoding::WINDOWS_1252,
            Detected::Utf8 | Detected::Undecided => TextEncoding::UTF_8,
        };
        Findings { format, encoding, ignored: ignored.to_vec() }
    }

    /// A counter of the bytes of the file that were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> BytesRead {
        self.bytes_read.clone()
    }
}

impl Iterator for MovieFile {
    type Item = Result<Row, MovieFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Csv(rows) => rows.next(),
            Rows::Json(rows) => rows.next(),
        };
        self.has_failed = row.is_err();
        row.transpose()
    }
}
