use std::str::FromStr;

use crate::{
    field::Field,
    printable::{list, quoted},
};

/// Why the columns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A comma-separated part of a mapping is not `field=column`.
    #[error("{} is not of the form field=column, such as name=Series_Title", quoted(.0))]
    Malformed(String),
    /// The text before the `=` in a part is not the name of a field.
    #[error("{} is no field of a movie; the fields are {}", quoted(.0), list(Field::ALL.map(Field::name)))]
    UnknownField(String),
    /// A field with one value is mapped twice.
    #[error("{0} is mapped twice; only genres, directors and stars may have several columns")]
    Repeated(Field),
    /// The file does not have a column of the mapping.
    #[error("the file has no column {}; it has {}", quoted(.column), list(.header.iter().map(String::as_str)))]
    NoSuchColumn {
        /// The column's name.
        column: String,
        /// The columns of the file.
        header: Vec<String>,
    },
    /// Several columns of the file have the same name, and a field is read from the column with this name.
    #[error("the file has the column {} twice", quoted(.0))]
    Ambiguous(String),
    /// A required field has no column. The price is required only without a default price.
    #[error("the file has no column for {field}; it has {}", list(.header.iter().map(String::as_str)))]
    Missing {
        /// The field.
        field: Field,
        /// The columns of the file.
        header: Vec<String>,
    },
}

/// Maps fields to columns whose names differ from the names of the fields, such as
/// `name=Series_Title,year=Released_Year,stars=Star1,stars=Star2`. In a JSON file, the keys of an object are treated
/// as column names.
///
/// A column with the name of a field contains this field, unless the mapping contains the field or the column. The
/// genres, directors and stars may have several columns. The names in these columns form one list, in the order of the
/// mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Vec<(Field, String)>);

impl FromStr for Columns {
    type Err = ColumnsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pairs: Vec<(Field, String)> = Vec::new();
        let parts = text.split(',').filter(|_| !text.is_empty());
        for part in parts {
            let (name, column) = part
                .split_once('=')
                .map(|(name, column)| (name.trim(), column.trim()))
                .filter(|(name, column)| !name.is_empty() && !column.is_empty())
                .ok_or_else(|| ColumnsError::Malformed(part.to_owned()))?;
            let field = Field::named(name).ok_or_else(|| ColumnsError::UnknownField(name.to_owned()))?;
            if !field.is_list() && pairs.iter().any(|(known, _)| *known == field) {
                return Err(ColumnsError::Repeated(field));
            }
            pairs.push((field, column.to_owned()));
        }
        Ok(Self(pairs))
    }
}

impl Columns {
    /// The names of the columns that contain the field, in the order of the mapping. The file need not have all of
    /// these columns.
    pub(crate) fn of(&self, field: Field) -> Vec<&str> {
        let mapped: Vec<&str> =
            self.0.iter().filter(|(known, _)| *known == field).map(|(_, column)| column.as_str()).collect();
        if mapped.is_empty() && !self.is_mapped(field.name()) { vec![field.name()] } else { mapped }
    }

    /// Whether the column contains any field.
    pub(crate) fn are_of_a_field(&self, column: &str) -> bool {
        self.is_mapped(column)
            || Field::named(column).is_some_and(|field| self.0.iter().all(|(known, _)| *known != field))
    }

    fn is_mapped(&self, column: &str) -> bool {
        self.0.iter().any(|(_, known)| known == column)
    }

    fn is_mapping_of(&self, field: Field) -> bool {
        self.0.iter().any(|(known, _)| *known == field)
    }
}

/// The positions of the fields' cells in the rows of a CSV file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    places: Vec<(Field, Vec<usize>)>,
    ignored: Vec<String>,
}

impl Layout {
    /// Finds the columns of all fields in the header. Fails if the header and the mapping do not fit together, or if
    /// a required field has no column.
    pub(crate) fn new(
        header: &[String],
        columns: &Columns,
        has_default_price: bool,
    ) -> Result<Self, ColumnsError> {
        let mut places = Vec::new();
        for field in Field::ALL {
            let mut wanted = columns.of(field);
            if !columns.is_mapping_of(field) {
                wanted.retain(|name| header.iter().any(|column| column == name));
            }
            let found: Vec<usize> =
                wanted.into_iter().map(|column| place(header, column)).collect::<Result<_, _>>()?;
            let is_needed = field.optional_fact().is_none() || (field == Field::Price && !has_default_price);
            if found.is_empty() && is_needed {
                return Err(ColumnsError::Missing { field, header: header.to_vec() });
            }
            places.push((field, found));
        }
        let ignored = header.iter().filter(|column| !columns.are_of_a_field(column)).cloned().collect();
        Ok(Self { places, ignored })
    }

    /// The positions of the field's cells; empty if the file does not have the field.
    pub(crate) fn places(&self, field: Field) -> &[usize] {
        let found = self.places.iter().find(|(known, _)| *known == field);
        found.map_or(&[], |(_, places)| places.as_slice())
    }

    /// The names of the columns that contain no field.
    pub(crate) fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

fn place(header: &[String], column: &str) -> Result<usize, ColumnsError> {
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(ColumnsError::Ambiguous(column.to_owned())),
        (None, _) => Err(ColumnsError::NoSuchColumn { column: column.to_owned(), header: header.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(header: &str, columns: &str) -> Result<Layout, ColumnsError> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        Layout::new(&header, &columns.parse().unwrap(), true)
    }

    const NEEDED: &str = "name,year,duration_minutes,imdb,votes";

    #[test]
    fn a_mapping_adds_to_the_names_of_the_header() {
        let layout = layout(&format!("{NEEDED},genres,Cast,Lead"), "stars=Lead,stars=Cast").unwrap();
        assert_eq!(layout.places(Field::Name), [0]);
        assert_eq!(layout.places(Field::Genres), [5]);
        assert_eq!(layout.places(Field::Stars), [7, 6]);
        assert_eq!(layout.places(Field::Price), [0; 0]);
        assert_eq!(layout.ignored(), [""; 0]);
    }

    #[test]
    fn a_field_that_is_mapped_does_not_use_the_column_of_its_name() {
        let layout = layout(&format!("{NEEDED},title,genres,Genre"), "name=title,genres=Genre").unwrap();
        assert_eq!(layout.places(Field::Name), [5]);
        assert_eq!(layout.places(Field::Genres), [7]);
        assert_eq!(layout.ignored(), ["name", "genres"]);
    }

    #[test]
    fn a_column_that_is_mapped_to_another_field_is_not_used_for_the_field_of_its_name() {
        let layout = layout(&format!("{NEEDED},genres"), "stars=genres").unwrap();
        assert_eq!(layout.places(Field::Genres), [0; 0]);
        assert_eq!(layout.places(Field::Stars), [5]);
        assert_eq!(layout.ignored(), [""; 0]);
    }

    #[test]
    fn columns_without_a_field_are_ignored_and_reported() {
        let layout = layout(&format!("Rank,{NEEDED},Colour"), "").unwrap();
        assert_eq!(layout.ignored(), ["Rank", "Colour"]);
    }

    #[test]
    fn columns_that_cannot_be_used_are_reported() {
        let error = |header: &str, columns: &str| layout(header, columns).unwrap_err().to_string();
        assert_eq!(error("name,year", ""), "the file has no column for duration_minutes; it has name, year");
        assert_eq!(
            error(NEEDED, "name=Ti\ttle"),
            "the file has no column \"Ti tle\"; it has name, year, duration_minutes, imdb, votes"
        );
        assert_eq!(error(&format!("{NEEDED},year"), ""), "the file has the column \"year\" twice");
        let header: Vec<String> = NEEDED.split(',').map(str::to_owned).collect();
        let error = Layout::new(&header, &Columns::default(), false).unwrap_err();
        assert_eq!(error, ColumnsError::Missing { field: Field::Price, header });
    }

    #[test]
    fn a_malformed_mapping_is_refused() {
        assert!(matches!("name".parse::<Columns>(), Err(ColumnsError::Malformed(_))));
        assert!(matches!("name=".parse::<Columns>(), Err(ColumnsError::Malformed(_))));
        let unknown = "title=Title".parse::<Columns>().unwrap_err().to_string();
        assert!(
            unknown.starts_with("\"title\" is no field of a movie; the fields are name, year, "),
            "{unknown}"
        );
        assert_eq!("name=A,name=B".parse::<Columns>(), Err(ColumnsError::Repeated(Field::Name)));
        assert!("stars=A,stars=B".parse::<Columns>().is_ok());
        assert_eq!("".parse(), Ok(Columns::default()));
    }
}
