use std::{ffi::OsStr, fmt, path::Path, str::FromStr};

use domain::money::{Currency, Money};

use crate::{columns::Columns, encoding::TextEncoding};

/// How a file is read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The shop's currency. Prices without a currency are in this currency. Prices in another currency are refused,
    /// unless `ignores_price_currency` is set.
    pub currency: Currency,
    /// The price that a movie gets when the file contains no price for it; `None` requires a price of every movie.
    pub default_price: Option<Money>,
    /// Which column contains which field, for columns that are not named like their field.
    pub columns: Columns,
    /// Whether the file is CSV or JSON; `None` detects the kind from the first character that is not whitespace.
    pub kind: Option<FileKind>,
    /// The character between the cells of CSV; `None` detects it from a first line such as `sep=;`, or else from the
    /// header.
    pub delimiter: Option<Delimiter>,
    /// The character encoding; `None` detects it. A byte order mark in the file takes precedence.
    pub encoding: Option<TextEncoding>,
    /// Whether a price in another currency is read as the same number of minor units of the shop's currency. Only for
    /// sample data.
    pub ignores_price_currency: bool,
}

impl ReadOptions {
    /// Creates options that detect everything from the file, and require a price of every movie.
    #[must_use]
    pub fn new(currency: Currency) -> Self {
        Self {
            currency,
            default_price: None,
            columns: Columns::default(),
            kind: None,
            delimiter: None,
            encoding: None,
            ignores_price_currency: false,
        }
    }
}

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// CSV with a header.
    Csv,
    /// JSON Lines or a JSON array.
    Json,
}

impl FileKind {
    /// The kind according to the file name extension; `None` for an unknown extension or none.
    ///
    /// ```
    /// use movie_files::FileKind;
    ///
    /// assert_eq!(FileKind::of_path("movies.CSV".as_ref()), Some(FileKind::Csv));
    /// assert_eq!(FileKind::of_path("movies".as_ref()), None);
    /// ```
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(OsStr::to_str)?.to_lowercase();
        match ending.as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The character between the cells of a CSV file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(u8);

/// The text is not a delimiter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write one character that is neither a letter, a digit, a space nor a quote, such as ; or the word tab"
)]
pub struct InvalidDelimiter;

impl Delimiter {
    /// `,`
    pub const COMMA: Self = Self(b',');
    /// `;`
    pub const SEMICOLON: Self = Self(b';');
    /// The tab character.
    pub const TAB: Self = Self(b'\t');
    /// `|`
    pub const BAR: Self = Self(b'|');

    pub(crate) fn new(byte: u8) -> Option<Self> {
        let is_allowed = byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"');
        is_allowed.then_some(Self(byte))
    }

    pub(crate) const fn byte(self) -> u8 {
        self.0
    }
}

impl FromStr for Delimiter {
    type Err = InvalidDelimiter;

    fn from_str(text: &str) -> Result<Self, InvalidDelimiter> {
        match text.as_bytes() {
            _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(Self::TAB),
            [byte] => Self::new(*byte).ok_or(InvalidDelimiter),
            _ => Err(InvalidDelimiter),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TAB => f.write_str("tabs"),
            Self(byte) => write!(f, "\"{}\"", char::from(byte)),
        }
    }
}

impl fmt::Debug for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_punctuation_character_or_tab() {
        for (text, delimiter) in [
            (",", Delimiter::COMMA),
            (";", Delimiter::SEMICOLON),
            ("tab", Delimiter::TAB),
            ("TAB", Delimiter::TAB),
            ("\\t", Delimiter::TAB),
            ("\t", Delimiter::TAB),
            ("|", Delimiter::BAR),
        ] {
            assert_eq!(text.parse(), Ok(delimiter), "{text:?}");
        }
        for text in ["", "\"", "a", "1", " ", "\n", ";;", "€", "comma"] {
            assert_eq!(text.parse::<Delimiter>(), Err(InvalidDelimiter), "{text:?}");
        }
    }
}
