use std::fmt;

use domain::catalog::OptionalFact;

/// A field of a movie. The names are those of the body of `POST /movies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The title.
    Name,
    /// The year of release.
    Year,
    /// The running time in minutes.
    DurationMinutes,
    /// The rating at `IMDb`.
    Imdb,
    /// The number of votes at `IMDb`.
    Votes,
    /// The score at Metacritic.
    MetaScore,
    /// The box office gross, in whole major units of a currency that is not stored.
    Gross,
    /// The description of the movie.
    Description,
    /// The price.
    Price,
    /// The age certification.
    Certification,
    /// The genres.
    Genres,
    /// The directors.
    Directors,
    /// The actors.
    Stars,
    /// The URL of the poster.
    PosterUrl,
    /// The URL of a trailer.
    TrailerUrl,
    /// The identifier at `IMDb`.
    ImdbId,
    /// The identifier at TMDB.
    TmdbId,
    /// The name that the movie is sorted by.
    SortName,
    /// Whether the movie is on sale.
    IsAvailable,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 19] = [
        Self::Name,
        Self::Year,
        Self::DurationMinutes,
        Self::Imdb,
        Self::Votes,
        Self::MetaScore,
        Self::Gross,
        Self::Description,
        Self::Price,
        Self::Certification,
        Self::Genres,
        Self::Directors,
        Self::Stars,
        Self::PosterUrl,
        Self::TrailerUrl,
        Self::ImdbId,
        Self::TmdbId,
        Self::SortName,
        Self::IsAvailable,
    ];

    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
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
            Self::IsAvailable => "is_available",
        }
    }

    /// The field with this name; `None` if no field has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether the field can contain several names.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Genres | Self::Directors | Self::Stars)
    }

    /// The optional fact of this field; `None` for the fields that every row must have, whatever the
    /// [`ReadOptions`](crate::ReadOptions) are. (A row without a price is accepted if the options contain a default
    /// price, so the price is an optional fact.)
    pub(crate) const fn optional_fact(self) -> Option<OptionalFact> {
        match self {
            Self::Name | Self::Year | Self::DurationMinutes | Self::Imdb | Self::Votes => None,
            Self::MetaScore => Some(OptionalFact::MetaScore),
            Self::Gross => Some(OptionalFact::Gross),
            Self::Description => Some(OptionalFact::Description),
            Self::Price => Some(OptionalFact::Price),
            Self::Certification => Some(OptionalFact::Certification),
            Self::Genres => Some(OptionalFact::Genres),
            Self::Directors => Some(OptionalFact::Directors),
            Self::Stars => Some(OptionalFact::Stars),
            Self::PosterUrl => Some(OptionalFact::PosterUrl),
            Self::TrailerUrl => Some(OptionalFact::TrailerUrl),
            Self::ImdbId => Some(OptionalFact::ImdbId),
            Self::TmdbId => Some(OptionalFact::TmdbId),
            Self::SortName => Some(OptionalFact::SortName),
            Self::IsAvailable => Some(OptionalFact::IsAvailable),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
