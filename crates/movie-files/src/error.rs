use std::io;

use crate::columns::ColumnsError;

/// Why a file cannot be read. Rows that were read before the error are not affected.
#[derive(Debug, thiserror::Error)]
pub enum MovieFileError {
    /// Reading failed, or the file has an encoding other than UTF-8 and contains bytes that are not valid in it. A
    /// row that is not valid UTF-8 is not such an error, but a [`crate::UnreadableRow`].
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// The file is empty, or is CSV with only empty lines.
    #[error("it is empty")]
    Empty,
    /// The file has an unsupported format or encoding, such as a workbook or UTF-32.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The header of the file and the mapping of the columns do not fit together.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
    /// A delimiter was given for a file that is JSON.
    #[error("it is JSON: a delimiter is only for CSV")]
    DelimiterForJson,
    /// The header is too long.
    #[error("its header is longer than 1 MiB")]
    HeaderTooLong,
    /// The header is not text in the file's encoding.
    #[error("its header {0}")]
    HeaderEncoding(&'static str),
    /// The file ends inside a quoted cell.
    #[error(
        "the quote that opens in line {line} is not closed before the file ends: close it, or check whether the file is complete"
    )]
    OpenQuote {
        /// The line of the quote.
        line: u64,
    },
    /// The file ends inside a JSON array.
    #[error(
        "the JSON array is not closed before the file ends (in the element that begins in line {line}): check whether the file is complete"
    )]
    OpenArray {
        /// The line in which the incomplete element begins; the last line of the file if there is no such element.
        line: u64,
    },
    /// There is text after a JSON array.
    #[error("there is text after the end of the JSON array, in line {line}")]
    TextAfterArray {
        /// The line of the text.
        line: u64,
    },
}
