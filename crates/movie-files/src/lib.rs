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

/// The longest row that is read, in bytes. The longest texts of a movie fit into it many times.
const MAX_ROW_LENGTH: usize = 1024 * 1024;
