use std::io::Read;

use csv::{ByteRecord, Reader, ReaderBuilder, WriterBuilder};
use domain::{
    catalog::{Facts, MovieIdentity},
    money::Money,
};

use super::{
    MovieFileError, NO_CERTIFICATION, Row, RowOptions, cells,
    columns::{Field, Layout},
    physical_lines::{LineEnds, Lines, watch},
};

/// The rows of a CSV file with a header.
pub(super) struct CsvRows {
    reader: Reader<LineEnds<Box<dyn Read + Send>>>,
    lines: Lines,
    header: ByteRecord,
    raw_header: Vec<u8>,
    layout: Layout,
    options: RowOptions,
}

impl CsvRows {
    pub(super) fn new(
        source: impl Read + Send + 'static,
        options: RowOptions,
    ) -> Result<Self, MovieFileError> {
        let source: Box<dyn Read + Send> = Box::new(source);
        let (source, lines) = watch(source);
        // Rows of another length are told apart by us: one of them does not end the file.
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(source);
        let header = reader.byte_headers()?.clone();
        let names: Vec<String> =
            header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        let layout = Layout::new(&names, options.columns.as_ref(), options.default_price.is_some())?;
        let raw_header = line(&header)?;
        Ok(Self { reader, lines, header, raw_header, layout, options })
    }

    pub(super) fn header(&self) -> &[u8] {
        &self.raw_header
    }

    pub(super) fn next(&mut self) -> Option<Result<Row, MovieFileError>> {
        let mut record = ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => Some(self.row(&record)),
            Err(error) => Some(Err(error.into())),
        }
    }

    fn row(&mut self, record: &ByteRecord) -> Result<Row, MovieFileError> {
        let offset = record.position().map_or(0, csv::Position::byte);
        let cells = Cells { record, layout: &self.layout };
        let facts = if record.len() == self.header.len() {
            cells.facts(&self.options)
        } else {
            Err(format!("has {} cells, and the header has {}", record.len(), self.header.len()))
        };
        let name = cells.cell(Field::Name).ok().flatten().map(str::to_owned);
        Ok(Row { line: self.lines.line_at(offset), name, raw: line(record)?, facts })
    }
}

/// A record as a line of CSV.
fn line(record: &ByteRecord) -> Result<Vec<u8>, MovieFileError> {
    let mut writer = WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(record)?;
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

struct Cells<'a> {
    record: &'a ByteRecord,
    layout: &'a Layout,
}

impl<'a> Cells<'a> {
    fn facts(&self, options: &RowOptions) -> Result<Facts, String> {
        let year = self.required(Field::Year, "a whole number", cells::whole_number)?;
        let duration = self.required(Field::DurationMinutes, "a number of minutes", cells::minutes)?;
        Ok(Facts {
            identity: MovieIdentity {
                name: self.required(Field::Name, "a name", |text| Some(text.to_owned()))?,
                year: small(Field::Year, year)?,
                duration_minutes: small(Field::DurationMinutes, duration)?,
            },
            imdb: self.required(Field::Imdb, "a number", cells::fraction)?,
            votes: self.required(Field::Votes, "a whole number", cells::whole_number)?,
            meta_score: self.optional(Field::MetaScore, "a number", cells::fraction)?,
            gross: self.optional(Field::Gross, "a whole number", cells::whole_number)?,
            description: self.cell(Field::Description)?.unwrap_or_default().to_owned(),
            price: self.price(options)?,
            certification: self.cell(Field::Certification)?.unwrap_or(NO_CERTIFICATION).to_owned(),
            genres: self.names(Field::Genres)?,
            directors: self.names(Field::Directors)?,
            stars: self.names(Field::Stars)?,
            poster_url: self.cell(Field::PosterUrl)?.map(str::to_owned),
            is_available: self.optional(Field::IsAvailable, "true or false", cells::truth)?.unwrap_or(true),
        })
    }

    /// The trimmed text of the field's cell; `None` when it is empty or not there.
    fn cell(&self, field: Field) -> Result<Option<&'a str>, String> {
        let Some(cell) = self.layout.places(field).first().and_then(|place| self.record.get(*place)) else {
            return Ok(None);
        };
        let text = str::from_utf8(cell).map_err(|_| format!("{}: is not UTF-8 text", field.name()))?.trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn optional<T>(
        &self,
        field: Field,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.cell(field)? else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| format!("{}: {text:?} is not {what}", field.name()))
    }

    fn required<T>(
        &self,
        field: Field,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, String> {
        self.optional(field, what, parse)?.ok_or_else(|| format!("{}: is missing", field.name()))
    }

    fn price(&self, options: &RowOptions) -> Result<Money, String> {
        match self.cell(Field::Price)? {
            Some(text) => Money::parse_major(text, options.currency)
                .map_err(|error| format!("price: {text:?}: {error}")),
            None => options.default_price.ok_or_else(|| "price: is missing".to_owned()),
        }
    }

    /// The names in all cells of a list field, in the order of `--columns`. The domain drops those that stand twice.
    fn names(&self, field: Field) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for place in self.layout.places(field) {
            let cell = self.record.get(*place).unwrap_or_default();
            let text = str::from_utf8(cell).map_err(|_| format!("{}: is not UTF-8 text", field.name()))?;
            names.extend(cells::names(text));
        }
        Ok(names)
    }
}

fn small(field: Field, number: i64) -> Result<i32, String> {
    number.try_into().map_err(|_| format!("{}: {number} is out of bounds", field.name()))
}
