use std::fmt;

use crate::money::Money;

/// A field of a movie's [`Facts`](super::Facts) that can break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactField {
    /// The title.
    Name,
    /// The year of release.
    Year,
    /// The running time in minutes.
    DurationMinutes,
    /// The rating at IMDb.
    Imdb,
    /// The number of votes at IMDb.
    Votes,
    /// The score at Metacritic.
    MetaScore,
    /// The box office gross.
    Gross,
    /// The description of the movie.
    Description,
    /// The price of the movie.
    Price,
    /// The age certification.
    Certification,
    /// The genres.
    Genres,
    /// The directors.
    Directors,
    /// The actors.
    Stars,
    /// The address of the poster.
    PosterUrl,
    /// The address of a trailer.
    TrailerUrl,
    /// The identifier at IMDb.
    ImdbId,
    /// The identifier at TMDB.
    TmdbId,
    /// The name that the movie is sorted by.
    SortName,
}

impl FactField {
    /// The name of the field in files and forms, such as `duration_minutes`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Year => "year",
            Self::DurationMinutes => "duration_minutes",
            Self::Imdb => "imdb",
            Self::Votes => "votes",
            Self::MetaScore => "meta_score",
            Self::Gross => "gross",
            Self::Description => "description",
            Self::Price => "price",
            Self::Certification => "certification",
            Self::Genres => "genres",
            Self::Directors => "directors",
            Self::Stars => "stars",
            Self::PosterUrl => "poster_url",
            Self::TrailerUrl => "trailer_url",
            Self::ImdbId => "imdb_id",
            Self::TmdbId => "tmdb_id",
            Self::SortName => "sort_name",
        }
    }
}

impl fmt::Display for FactField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The minimum or maximum of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The bound of a number.
    Number(i64),
    /// The bound of a price.
    Price(Money),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Price(price) => price.fmt(f),
        }
    }
}

/// What is wrong with a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactFault {
    /// The fact has no value, or a blank text.
    #[error("is missing")]
    Missing,
    /// A text has too many characters.
    #[error("is longer than {most} characters")]
    TooLong {
        /// The maximum number of characters.
        most: usize,
    },
    /// A number is too small.
    #[error("is less than {least}")]
    TooSmall {
        /// The minimum.
        least: Bound,
    },
    /// A number is too large.
    #[error("is more than {most}")]
    TooLarge {
        /// The maximum.
        most: Bound,
    },
    /// A floating-point value is not a number.
    #[error("is not a number")]
    NotANumber,
    /// A text contains a control character that is not allowed in it.
    #[error("contains a line break or another control character")]
    ControlCharacter,
    /// The text is not a web address.
    #[error("is not an absolute http or https address of 2,000 characters at most")]
    NotAWebAddress,
    /// The text is not an IMDb identifier.
    #[error("is not `tt` and 7 to 10 digits")]
    NotAnImdbId,
    /// Another movie has this identifier at IMDb or TMDB.
    #[error("belongs to another movie")]
    BelongsToAnotherMovie,
}

/// A fact that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidFact {
    /// The field.
    pub field: FactField,
    /// Which value of a list, counted from 0; `None` when the field is not a list.
    pub index: Option<usize>,
    /// What is wrong with the fact.
    pub fault: FactFault,
}

impl fmt::Display for InvalidFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => write!(f, "{}: {}", self.field, self.fault),
            Some(index) => write!(f, "{}.{index}: {}", self.field, self.fault),
        }
    }
}

/// Every rule that a movie's facts break; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFacts {
    faults: Vec<InvalidFact>,
}

impl InvalidFacts {
    /// Sorts the invalid facts in the order of the fields; `None` when there are none.
    pub(super) fn from_faults(mut faults: Vec<InvalidFact>) -> Option<Self> {
        faults.sort_by_key(|fault| (fault.field, fault.index));
        (!faults.is_empty()).then_some(Self { faults })
    }

    /// Creates the error for one invalid fact, in a field that is not a list.
    #[must_use]
    pub fn of_field(field: FactField, fault: FactFault) -> Self {
        Self { faults: vec![InvalidFact { field, index: None, fault }] }
    }

    /// Every invalid fact, in the order of the fields.
    #[must_use]
    pub fn faults(&self) -> &[InvalidFact] {
        &self.faults
    }
}

impl fmt::Display for InvalidFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidFacts {}
