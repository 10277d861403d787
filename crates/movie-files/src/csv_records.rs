//! Splits CSV into records.
//!
//! The file is passed to `csv-core` line by line. When a line does not end its record, the line ends inside a quoted
//! cell. Therefore, the reader knows the line in which an unclosed quote begins. `csv` and `csv-core` do not report
//! this line.

use std::{io::BufRead, mem};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::{
    MAX_ROW_LENGTH,
    error::MovieFileError,
    lines::{LineCounter, is_line_end, without_line_end},
    options::Delimiter,
    source::Text,
};

/// A record of a CSV file.
#[derive(Debug)]
pub(crate) struct CsvRecord<'a> {
    /// The line in which the record begins.
    pub(crate) line: u64,
    /// The record as it is in the file, without its line end.
    pub(crate) raw: &'a [u8],
    /// The contents of all cells, one after the other.
    pub(crate) cells: &'a [u8],
    /// The end of each cell in `cells`, in bytes.
    pub(crate) ends: &'a [usize],
    /// Whether the record is longer than [`MAX_ROW_LENGTH`]; all fields except `line` are then meaningless.
    pub(crate) is_too_long: bool,
}

/// Reads the records of a CSV file in constant memory.
pub(crate) struct CsvRecords {
    text: Text,
    parser: Parser,
    lines: LineCounter,
}

/// The state of the record that is being read.
struct Parser {
    reader: Reader,
    raw: Vec<u8>,
    is_too_long: bool,
    cells: Vec<u8>,
    cells_length: usize,
    ends: Vec<usize>,
    ends_length: usize,
    /// How many cells of the record have ended, even if the record is too long.
    ended: u64,
}

impl CsvRecords {
    /// Creates a reader of text whose first line has the number `first_line`.
    pub(crate) fn new(text: Text, delimiter: Delimiter, first_line: u64) -> Self {
        Self { text, parser: Parser::new(delimiter), lines: LineCounter::new(first_line) }
    }

    /// Returns the next record, or `None` at the end of the file. Empty lines between records are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<CsvRecord<'_>>, MovieFileError> {
        self.parser.clear();
        // The line in which the record begins.
        let mut first_line = None;
        // The line of the opening quote, if the previous line ended inside a quoted cell.
        let mut open_quote = None;
        let mut ended_before = 0;
        loop {
            let buffer = self.text.fill_buf()?;
            if buffer.is_empty() {
                let Some(line) = first_line else { return Ok(None) };
                if self.parser.feed(b"\n") {
                    return Ok(Some(self.parser.record(line)));
                }
                // If a cell has ended in the last line, the open quote begins after that cell, in the last line.
                let is_new = self.parser.ended > ended_before;
                let open = open_quote.filter(|_| !is_new).unwrap_or_else(|| self.lines.current());
                return Err(MovieFileError::OpenQuote { line: open });
            }
            let line_end = buffer.iter().position(|byte| is_line_end(*byte));
            let length = line_end.map_or(buffer.len(), |at| at.saturating_add(1));
            let piece = buffer.get(..length).unwrap_or_default();
            if first_line.is_none() && line_end != Some(0) {
                first_line = Some(self.lines.current());
            }
            if first_line.is_some() {
                self.parser.keep(piece);
            }
            let is_complete = self.parser.feed(piece);
            let current = self.lines.current();
            for byte in piece {
                self.lines.count(*byte);
            }
            self.text.consume(length);
            let Some(line) = first_line else { continue };
            if is_complete {
                return Ok(Some(self.parser.record(line)));
            }
            if line_end.is_some() {
                // A cell that ended in this line has closed the earlier quote, so the open quote begins in this line.
                if open_quote.is_none() || self.parser.ended > ended_before {
                    open_quote = Some(current);
                }
                ended_before = self.parser.ended;
            }
        }
    }
}

impl Parser {
    fn new(delimiter: Delimiter) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter.byte()).build(),
            raw: Vec::new(),
            is_too_long: false,
            cells: vec![0; 4 * 1024],
            cells_length: 0,
            ends: vec![0; 64],
            ends_length: 0,
            ended: 0,
        }
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.is_too_long = false;
        self.cells_length = 0;
        self.ends_length = 0;
        self.ended = 0;
    }

    /// Appends the piece to the record as it is in the file, unless the record is too long.
    fn keep(&mut self, piece: &[u8]) {
        if self.raw.len().saturating_add(piece.len()) > MAX_ROW_LENGTH {
            self.is_too_long = true;
            self.raw = Vec::new();
        }
        if !self.is_too_long {
            self.raw.extend_from_slice(piece);
        }
    }

    /// Parses a line or a part of a line. Returns whether the record has ended.
    fn feed(&mut self, piece: &[u8]) -> bool {
        let mut rest = piece;
        while !rest.is_empty() {
            let (result, read, written, ended) = self.reader.read_record(
                rest,
                self.cells.get_mut(self.cells_length..).unwrap_or_default(),
                self.ends.get_mut(self.ends_length..).unwrap_or_default(),
            );
            rest = rest.get(read..).unwrap_or_default();
            self.cells_length = self.cells_length.saturating_add(written);
            self.ends_length = self.ends_length.saturating_add(ended);
            self.ended = self.ended.saturating_add(u64::try_from(ended).unwrap_or_default());
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return true,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => make_room(&mut self.cells, &mut self.cells_length),
                ReadRecordResult::OutputEndsFull => make_room(&mut self.ends, &mut self.ends_length),
            }
        }
        false
    }

    fn record(&self, line: u64) -> CsvRecord<'_> {
        CsvRecord {
            line,
            raw: without_line_end(&self.raw),
            cells: self.cells.get(..self.cells_length).unwrap_or_default(),
            ends: self.ends.get(..self.ends_length).unwrap_or_default(),
            is_too_long: self.is_too_long,
        }
    }
}

/// Makes room in a full buffer by doubling its length. If the buffer is already longer than [`MAX_ROW_LENGTH`], the
/// record is too long and its cells are not used. In this case, the next cells overwrite the beginning of the buffer.
fn make_room<T: Clone + Default>(buffer: &mut Vec<T>, length: &mut usize) {
    if buffer.len() > MAX_ROW_LENGTH {
        *length = 0;
    } else {
        buffer.resize(buffer.len().saturating_mul(2), T::default());
    }
}

/// Returns the cells of the first record in the text. If the text ends before the end of this record, returns only the
/// cells whose end is in the text.
pub(crate) fn first_record(text: &[u8], delimiter: Delimiter) -> Vec<String> {
    let mut parser = Parser::new(delimiter);
    for line in text.split_inclusive(|byte| is_line_end(*byte)) {
        if parser.feed(line) {
            break;
        }
    }
    let record = parser.record(1);
    let mut start = 0;
    let mut cells = Vec::new();
    for end in record.ends {
        let cell = record.cells.get(mem::replace(&mut start, *end)..*end).unwrap_or_default();
        cells.push(String::from_utf8_lossy(cell).trim().to_owned());
    }
    cells
}
