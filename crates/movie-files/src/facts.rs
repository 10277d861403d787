//! Reads the cells of a row as the facts of a movie, which are the fields of [`Facts`].

use domain::{
    catalog::{FactSet, Facts, MovieIdentity, PartialFacts},
    money::Money,
};
use serde_json::Value;

use crate::{
    field::Field,
    numbers::{NumberError, NumberStyle},
    options::ReadOptions,
    printable::{quoted, short},
    row::{Fault, UnreadableRow},
};

/// The certification that a movie gets when the file contains no certification for it.
pub const DEFAULT_CERTIFICATION: &str = "Not Rated";

/// A cell of a CSV row, or a value of a JSON object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// A text, from CSV or JSON; `null` is an empty text.
    Text(&'a str),
    /// A JSON value that is neither a text nor `null`.
    Json(&'a Value),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Text(""),
            Value::String(text) => Self::Text(text),
            _ => Self::Json(value),
        }
    }
}

impl Cell<'_> {
    fn is_empty(self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }

    /// Returns the cell as it is shown in error messages.
    fn shown(self) -> String {
        match self {
            Self::Text(text) => quoted(text.trim()),
            Self::Json(value) => short(&value.to_string()),
        }
    }

    fn is_not(self, what: &str) -> String {
        format!("{} is not {what}", self.shown())
    }
}

/// The cells of a row.
pub(crate) trait Cells {
    /// The cells of the field, in the order in which [`Columns`](crate::columns::Columns) lists the columns of the
    /// field; no cells if the row has none of these columns.
    fn cells(&self, field: Field) -> impl Iterator<Item = Cell<'_>>;
}

/// Reads the facts of a row. If required cells are missing, or if cells cannot be read, the error lists all of them
/// and contains the facts from the other cells.
pub(crate) fn read_facts(
    cells: &impl Cells,
    options: &ReadOptions,
    numbers: NumberStyle,
) -> Result<PartialFacts, UnreadableRow> {
    let mut reader = FactsReader { cells, options, numbers, absent: FactSet::default(), faults: Vec::new() };
    let facts = reader.facts();
    let FactsReader { absent, faults, .. } = reader;
    if faults.is_empty() {
        Ok(PartialFacts { facts, absent })
    } else {
        Err(UnreadableRow { faults, rest: Some(Box::new(facts)) })
    }
}

struct FactsReader<'a, C> {
    cells: &'a C,
    options: &'a ReadOptions,
    numbers: NumberStyle,
    absent: FactSet,
    faults: Vec<Fault>,
}

impl<'a, C: Cells> FactsReader<'a, C> {
    /// Reads all facts. A required fact that is missing or faulty gets a valid placeholder. An optional fact that is
    /// missing or faulty gets its default value.
    fn facts(&mut self) -> Facts {
        let numbers = self.numbers;
        let small = move |number: i64| i32::try_from(number).map_err(|_| NumberError::OutOfBounds);
        let year = |cell| whole_number(cell, "a whole number", |text| numbers.whole(text), small);
        let minutes = |cell| whole_number(cell, "a number of minutes", |text| numbers.minutes(text), small);
        let count = |cell| whole_number(cell, "a whole number", |text| numbers.whole(text), Ok);
        let fraction = |cell| fraction(cell, numbers);
        Facts {
            identity: MovieIdentity {
                name: self.required(Field::Name, "?".to_owned(), text),
                year: self.required(Field::Year, 2_000, year),
                duration_minutes: self.required(Field::DurationMinutes, 1, minutes),
            },
            imdb: self.required(Field::Imdb, 0.0, fraction),
            votes: self.required(Field::Votes, 0, count),
            meta_score: self.optional(Field::MetaScore, fraction),
            gross: self.optional(Field::Gross, count),
            description: self.optional(Field::Description, text).unwrap_or_default(),
            price: self.price(),
            certification: self
                .optional(Field::Certification, text)
                .unwrap_or_else(|| DEFAULT_CERTIFICATION.to_owned()),
            genres: self.names(Field::Genres),
            directors: self.names(Field::Directors),
            stars: self.names(Field::Stars),
            poster_url: self.optional(Field::PosterUrl, text),
            trailer_url: self.optional(Field::TrailerUrl, text),
            imdb_id: self.optional(Field::ImdbId, text),
            tmdb_id: self.optional(Field::TmdbId, count),
            sort_name: self.optional(Field::SortName, text),
            is_available: self.optional(Field::IsAvailable, truth).unwrap_or(true),
        }
    }

    fn fault(&mut self, field: Field, reason: impl Into<String>) {
        self.faults.push(Fault { field: Some(field), reason: reason.into() });
    }

    /// Returns the field's first cell; `None` if it does not exist or is empty. An optional field is recorded as
    /// absent if it has no cell, but not if its cell is empty.
    fn cell(&mut self, field: Field) -> Option<Cell<'a>> {
        let cells = self.cells;
        let cell = cells.cells(field).next();
        if let (None, Some(fact)) = (cell, field.optional_fact()) {
            self.absent.insert(fact);
        }
        cell.filter(|cell| !cell.is_empty())
    }

    /// Reads an optional field. Returns `None` for a cell that is absent, empty or faulty, and records the fault of a
    /// faulty cell.
    fn optional<T>(&mut self, field: Field, parse: impl FnOnce(Cell<'a>) -> Result<T, String>) -> Option<T> {
        let cell = self.cell(field)?;
        parse(cell).map_err(|reason| self.fault(field, reason)).ok()
    }

    fn required<T>(
        &mut self,
        field: Field,
        placeholder: T,
        parse: impl FnOnce(Cell<'a>) -> Result<T, String>,
    ) -> T {
        let Some(cell) = self.cell(field) else {
            self.fault(field, "is missing");
            return placeholder;
        };
        match parse(cell) {
            Ok(value) => value,
            Err(reason) => {
                self.fault(field, reason);
                placeholder
            }
        }
    }

    fn price(&mut self) -> Money {
        let (options, numbers) = (self.options, self.numbers);
        let placeholder = Money::zero(options.currency);
        match (self.cell(Field::Price), options.default_price) {
            (None, Some(price)) => price,
            (None, None) => {
                self.fault(Field::Price, "is missing");
                placeholder
            }
            (Some(cell), _) => price(cell, options, numbers).unwrap_or_else(|reason| {
                self.fault(Field::Price, reason);
                placeholder
            }),
        }
    }

    /// Reads the names in all cells of the field. The domain removes repeated names later.
    fn names(&mut self, field: Field) -> Vec<String> {
        let cells = self.cells;
        let mut names = Vec::new();
        let mut is_absent = true;
        for cell in cells.cells(field) {
            is_absent = false;
            match cell {
                Cell::Text(text) => {
                    let parts = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                    names.extend(parts.map(str::to_owned));
                }
                Cell::Json(value) => match list(value) {
                    Some(list) => names.extend(list),
                    None => self.fault(field, cell.is_not("a list of names")),
                },
            }
        }
        if let (true, Some(fact)) = (is_absent, field.optional_fact()) {
            self.absent.insert(fact);
        }
        names
    }
}

fn list(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

fn text(cell: Cell<'_>) -> Result<String, String> {
    match cell {
        Cell::Text(text) => Ok(text.trim().to_owned()),
        Cell::Json(_) => Err(cell.is_not("a text")),
    }
}

fn whole_number<T>(
    cell: Cell<'_>,
    what: &str,
    parse: impl FnOnce(&str) -> Result<i64, NumberError>,
    convert: impl FnOnce(i64) -> Result<T, NumberError>,
) -> Result<T, String> {
    let number = match cell {
        Cell::Text(text) => parse(text.trim()),
        Cell::Json(value) if value.is_u64() => value.as_i64().ok_or(NumberError::OutOfBounds),
        Cell::Json(value) => value.as_i64().ok_or(NumberError::Malformed),
    };
    number.and_then(convert).map_err(|error| number_fault(cell, error, what))
}

fn fraction(cell: Cell<'_>, numbers: NumberStyle) -> Result<f64, String> {
    let number = match cell {
        Cell::Text(text) => numbers.fraction(text.trim()),
        Cell::Json(value) => value.as_f64().ok_or(NumberError::Malformed),
    };
    number.map_err(|error| number_fault(cell, error, "a number"))
}

fn number_fault(cell: Cell<'_>, error: NumberError, what: &str) -> String {
    match error {
        NumberError::Malformed => cell.is_not(what),
        NumberError::OutOfBounds => format!("{} is out of bounds", cell.shown()),
    }
}

fn truth(cell: Cell<'_>) -> Result<bool, String> {
    let value = match cell {
        Cell::Text(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        Cell::Json(value) => value.as_bool(),
    };
    value.ok_or_else(|| cell.is_not("true or false"))
}

fn price(cell: Cell<'_>, options: &ReadOptions, numbers: NumberStyle) -> Result<Money, String> {
    const FORM: &str = "of the form {\"amount\": \"9.99\", \"currency\": \"USD\"}";
    let (amount, currency) = match cell {
        Cell::Text(text) => (numbers.with_point(text.trim()), options.currency),
        Cell::Json(Value::Number(number)) => (number.to_string(), options.currency),
        Cell::Json(value) => {
            let parts = value.as_object().filter(|parts| parts.len() == 2);
            let part = |name| parts?.get(name)?.as_str();
            let (Some(amount), Some(code)) = (part("amount"), part("currency")) else {
                return Err(cell.is_not(FORM));
            };
            let currency = code.parse().map_err(|error| format!("{}: {error}", quoted(code)))?;
            if currency != options.currency && !options.ignores_price_currency {
                return Err(format!("is in {currency}, and the shop's currency is {}", options.currency));
            }
            (amount.to_owned(), currency)
        }
    };
    let price =
        Money::parse_major(&amount, currency).map_err(|error| format!("{}: {error}", quoted(&amount)))?;
    Ok(Money::from_minor(price.minor(), options.currency))
}
