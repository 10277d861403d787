use std::{collections::HashMap, str::FromStr};

/// What a movie can be told of itself: the names of `POST /movies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Name,
    Year,
    DurationMinutes,
    Imdb,
    Votes,
    MetaScore,
    Gross,
    Description,
    Price,
    Certification,
    Genres,
    Directors,
    Stars,
    PosterUrl,
    IsAvailable,
}

impl Field {
    const ALL: [(&'static str, Self); 15] = [
        ("name", Self::Name),
        ("year", Self::Year),
        ("duration_minutes", Self::DurationMinutes),
        ("imdb", Self::Imdb),
        ("votes", Self::Votes),
        ("meta_score", Self::MetaScore),
        ("gross", Self::Gross),
        ("description", Self::Description),
        ("price", Self::Price),
        ("certification", Self::Certification),
        ("genres", Self::Genres),
        ("directors", Self::Directors),
        ("stars", Self::Stars),
        ("poster_url", Self::PosterUrl),
        ("is_available", Self::IsAvailable),
    ];

    /// What a row cannot do without.
    pub(super) const REQUIRED: [Self; 6] =
        [Self::Name, Self::Year, Self::DurationMinutes, Self::Imdb, Self::Votes, Self::Price];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// The names of all.
    pub(super) fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::Genres | Self::Directors | Self::Stars)
    }
}

/// The columns cannot be used as they are named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A part of `--columns` is not `field=column`.
    #[error("--columns: {0:?} is not of the form field=column, such as name=Series_Title")]
    Malformed(String),
    /// The left side of a part is no field.
    #[error("--columns: {0:?} is no field of a movie; the fields are {1}")]
    UnknownField(String, String),
    /// A field that is no list is named twice.
    #[error("--columns: {0} is named twice; only genres, directors and stars may be")]
    Repeated(&'static str),
    /// The file has no such column.
    #[error("the file has no column {0:?}; it has {1}")]
    NoSuchColumn(String, String),
    /// The file has two columns of this name.
    #[error("the file has the column {0:?} twice")]
    Ambiguous(String),
    /// A field that every movie needs has no column.
    #[error("the file has no column for {0}: say which one holds it with --columns {0}=…{1}")]
    Missing(&'static str, &'static str),
    /// JSON Lines name their fields themselves.
    #[error("--columns is for CSV files: JSON Lines name their fields themselves")]
    NotForJson,
}

/// Which columns hold which fields, as `--columns` says it: `name=Series_Title,stars=Star1,stars=Star2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<(Field, String)>);

impl FromStr for Columns {
    type Err = ColumnsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pairs: Vec<(Field, String)> = Vec::new();
        for part in text.split(',') {
            let (name, column) = part
                .split_once('=')
                .map(|(name, column)| (name.trim(), column.trim()))
                .filter(|(name, column)| !name.is_empty() && !column.is_empty())
                .ok_or_else(|| ColumnsError::Malformed(part.to_owned()))?;
            let field =
                Field::of(name).ok_or_else(|| ColumnsError::UnknownField(name.to_owned(), Field::names()))?;
            if !field.is_list() && pairs.iter().any(|(known, _)| *known == field) {
                return Err(ColumnsError::Repeated(field.name()));
            }
            pairs.push((field, column.to_owned()));
        }
        Ok(Self(pairs))
    }
}

/// Where the cells of each field stand in a row.
#[derive(Debug, Clone)]
pub(super) struct Layout(HashMap<Field, Vec<usize>>);

impl Layout {
    /// Finds the columns in the header. Without `columns` they have the fields' names, and others are ignored.
    pub(super) fn new(
        header: &[String],
        columns: Option<&Columns>,
        has_default_price: bool,
    ) -> Result<Self, ColumnsError> {
        let mut layout: HashMap<Field, Vec<usize>> = HashMap::new();
        match columns {
            Some(Columns(pairs)) => {
                for (field, column) in pairs {
                    layout.entry(*field).or_default().push(place(header, column)?);
                }
            }
            None => {
                for (name, field) in Field::ALL {
                    if header.iter().any(|column| column == name) {
                        layout.insert(field, vec![place(header, name)?]);
                    }
                }
            }
        }
        for field in Field::REQUIRED {
            if layout.contains_key(&field) || (field == Field::Price && has_default_price) {
                continue;
            }
            let otherwise = if field == Field::Price { " or give --default-price" } else { "" };
            return Err(ColumnsError::Missing(field.name(), otherwise));
        }
        Ok(Self(layout))
    }

    /// The places of the field's cells.
    pub(super) fn places(&self, field: Field) -> &[usize] {
        self.0.get(&field).map_or(&[], Vec::as_slice)
    }
}

fn place(header: &[String], column: &str) -> Result<usize, ColumnsError> {
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(ColumnsError::Ambiguous(column.to_owned())),
        (None, _) => Err(ColumnsError::NoSuchColumn(column.to_owned(), header.join(", "))),
    }
}
