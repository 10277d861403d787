#![doc = include_str!("../README.md")]

mod columns;
mod csv_records;
mod csv_rows;
mod encoding;
mod error;
mod facts;
mod field;
mod json_rows;
mod json_values;
mod lines;
mod movie_file;
mod numbers;
mod options;
mod printable;
mod row;
mod source;
mod write;

pub use self::{
    columns::{Columns, ColumnsError},
    encoding::{TextEncoding, UnknownEncoding},
    error::MovieFileError,
    facts::DEFAULT_CERTIFICATION,
    field::Field,
    movie_file::{Findings, Format, MovieFile},
    options::{Delimiter, FileKind, InvalidDelimiter, ReadOptions},
    printable::printable,
    row::{Fault, Row, UnreadableRow},
    source::BytesRead,
    write::{facts_of, json_line},
};

/// The maximum length of a row, in bytes. It is many times longer than the longest texts of a movie.
const MAX_ROW_LENGTH: usize = 1024 * 1024;
