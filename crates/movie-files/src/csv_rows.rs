use std::{borrow::Cow, io::Read};

use crate::{
    columns::Layout,
    csv_records::{CsvRecord, CsvRecords, first_record},
    encoding::{RowEncoding, RowEncodings, TextEncoding},
    error::MovieFileError,
    facts::{Cell, Cells, read_facts},
    field::Field,
    lines::is_line_end,
    numbers::NumberStyle,
    options::{Delimiter, ReadOptions},
    row::{Row, UnreadableRow},
    source::Source,
};

/// The rows of a CSV file with a header.
pub(crate) struct CsvRows {
    records: CsvRecords,
    encodings: RowEncodings,
    delimiter: Delimiter,
    header: Vec<u8>,
    header_length: usize,
    layout: Layout,
    options: ReadOptions,
}

impl CsvRows {
    pub(crate) fn new(source: Source, options: ReadOptions) -> Result<Self, MovieFileError> {
        let Source { mut text, head, encoding, .. } = source;
        let (declared, length) = declared_delimiter(&head);
        text.read_exact(&mut vec![0; length])?;
        let head = head.get(length..).unwrap_or_default();
        let delimiter = options.delimiter.or(declared).unwrap_or_else(|| found_delimiter(head, &options));
        let first_line = if length == 0 { 1 } else { 2 };
        let mut records = CsvRecords::new(text, delimiter, first_line);
        let mut encodings = RowEncodings::new(encoding);
        let record = records.next()?.ok_or(MovieFileError::Empty)?;
        if record.is_too_long {
            return Err(MovieFileError::HeaderTooLong);
        }
        let text = Decoded::new(&record, &mut encodings).map_err(MovieFileError::HeaderEncoding)?;
        let names: Vec<String> = text.cells().map(|name| name.trim().to_owned()).collect();
        let layout = Layout::new(&names, &options.columns, options.default_price.is_some())?;
        let header = text.raw_line();
        Ok(Self { records, encodings, delimiter, header, header_length: names.len(), layout, options })
    }

    /// The header as a line of UTF-8 text, with a line end.
    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    pub(crate) const fn delimiter(&self) -> Delimiter {
        self.delimiter
    }

    pub(crate) const fn encodings(&self) -> &RowEncodings {
        &self.encodings
    }

    /// The names of the columns that contain no field.
    pub(crate) fn ignored(&self) -> &[String] {
        self.layout.ignored()
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row>, MovieFileError> {
        while let Some(record) = self.records.next()? {
            let line = record.line;
            if record.is_too_long {
                let facts = Err(UnreadableRow::new("is longer than 1 MiB"));
                return Ok(Some(Row { line, name: None, raw: Vec::new(), facts }));
            }
            let text = match Decoded::new(&record, &mut self.encodings) {
                Ok(text) => text,
                Err(reason) => {
                    let raw = [record.raw, b"\n"].concat();
                    return Ok(Some(Row { line, name: None, raw, facts: Err(UnreadableRow::new(reason)) }));
                }
            };
            // Spreadsheets write cleared rows as rows of empty cells.
            if text.cells().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let cells = CsvCells { text: &text, layout: &self.layout };
            let facts = if text.ends.len() == self.header_length {
                let comma = self.delimiter == Delimiter::SEMICOLON;
                let numbers = if comma { NumberStyle::DecimalComma } else { NumberStyle::DecimalPoint };
                read_facts(&cells, &self.options, numbers)
            } else {
                let found = text.ends.len();
                Err(UnreadableRow::new(format!(
                    "has {found} cells, and the header has {}",
                    self.header_length
                )))
            };
            return Ok(Some(Row { line, name: cells.name(), raw: text.raw_line(), facts }));
        }
        Ok(None)
    }
}

/// Returns the delimiter in a first line such as `sep=;`, which spreadsheets write and read, and the length of this
/// line including its end. Without such a line, returns `None` and 0.
fn declared_delimiter(head: &[u8]) -> (Option<Delimiter>, usize) {
    let [s, e, p, b'=', byte, rest @ ..] = head else { return (None, 0) };
    let end = rest.iter().take_while(|byte| is_line_end(**byte)).count().min(2);
    let end = if rest.starts_with(b"\r\n") { end } else { end.min(1) };
    let is_line = [*s, *e, *p].eq_ignore_ascii_case(b"sep") && end > 0;
    match Delimiter::new(*byte) {
        Some(delimiter) if is_line => (Some(delimiter), end.saturating_add(5)),
        _ => (None, 0),
    }
}

/// Returns the delimiter with which the header has the most columns that contain a field. If this is true of several
/// delimiters, returns the one of them with which the header has the most columns of any name, or else the first one
/// in the list of candidates.
fn found_delimiter(head: &[u8], options: &ReadOptions) -> Delimiter {
    let candidates = [Delimiter::COMMA, Delimiter::SEMICOLON, Delimiter::TAB, Delimiter::BAR];
    let score = |delimiter: Delimiter| {
        let names = first_record(head, delimiter);
        let known = names.iter().filter(|name| options.columns.are_of_a_field(name)).count();
        (known, names.len())
    };
    let best = candidates
        .into_iter()
        .map(|delimiter| (score(delimiter), delimiter))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(Delimiter::COMMA, |(_, delimiter)| delimiter)
}

/// A record, decoded to text.
struct Decoded<'a> {
    raw: Cow<'a, str>,
    cells: Cow<'a, str>,
    ends: Cow<'a, [usize]>,
}

impl<'a> Decoded<'a> {
    fn new(record: &CsvRecord<'a>, encodings: &mut RowEncodings) -> Result<Self, &'static str> {
        match encodings.of(record.raw)? {
            RowEncoding::Utf8 => {
                let text = |bytes| str::from_utf8(bytes).map_err(|_| "is not UTF-8 text");
                Ok(Self {
                    raw: text(record.raw)?.into(),
                    cells: text(record.cells)?.into(),
                    ends: record.ends.into(),
                })
            }
            RowEncoding::Windows1252 => {
                let mut cells = String::new();
                let mut ends = Vec::new();
                let mut start = 0;
                for end in record.ends {
                    let cell = record.cells.get(start..*end).unwrap_or_default();
                    cells.push_str(&TextEncoding::WINDOWS_1252.decode(cell));
                    ends.push(cells.len());
                    start = *end;
                }
                let raw = TextEncoding::WINDOWS_1252.decode(record.raw);
                Ok(Self { raw, cells: cells.into(), ends: ends.into() })
            }
        }
    }

    fn cell(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start =
            place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.cells.get(start..end)
    }

    fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).filter_map(|place| self.cell(place))
    }

    fn raw_line(&self) -> Vec<u8> {
        [self.raw.as_bytes(), b"\n"].concat()
    }
}

struct CsvCells<'a> {
    text: &'a Decoded<'a>,
    layout: &'a Layout,
}

impl CsvCells<'_> {
    fn name(&self) -> Option<String> {
        let place = self.layout.places(Field::Name).first()?;
        self.text.cell(*place).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
    }
}

impl Cells for CsvCells<'_> {
    fn cells(&self, field: Field) -> impl Iterator<Item = Cell<'_>> {
        self.layout.places(field).iter().filter_map(|place| self.text.cell(*place)).map(Cell::Text)
    }
}
