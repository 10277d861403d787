use domain::catalog::{
    FactSet, Facts, MovieDetail, MovieIdentity, Named, OptionalFact, PartialFacts, Poster,
};
use serde::Serialize;

/// A movie as a JSON object.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    year: i32,
    duration_minutes: i32,
    imdb: f64,
    votes: i64,
    meta_score: Option<f64>,
    gross: Option<i64>,
    description: &'a str,
    price: Price<'a>,
    certification: &'a str,
    genres: &'a [String],
    directors: &'a [String],
    stars: &'a [String],
    /// Omitted if an import should keep the poster of the movie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(clippy::option_option, reason = "an omitted field differs from null")]
    poster_url: Option<Option<&'a str>>,
    trailer_url: Option<&'a str>,
    imdb_id: Option<&'a str>,
    tmdb_id: Option<i64>,
    sort_name: Option<&'a str>,
    is_available: bool,
}

#[derive(Serialize)]
struct Price<'a> {
    amount: String,
    currency: &'a str,
}

/// Writes the facts as a line of JSON Lines, without a line end. [`crate::MovieFile`] reads the same facts from the
/// line, if its option `currency` is the currency of the price. Absent facts are written with their default values,
/// so they are no longer absent when the line is read. Only an absent poster is omitted and remains absent.
#[must_use]
pub fn json_line(facts: &PartialFacts) -> String {
    let PartialFacts { facts, absent } = facts;
    let currency = facts.price.currency();
    let line = Line {
        name: &facts.identity.name,
        year: facts.identity.year,
        duration_minutes: facts.identity.duration_minutes,
        imdb: facts.imdb,
        votes: facts.votes,
        meta_score: facts.meta_score,
        gross: facts.gross,
        description: &facts.description,
        price: Price { amount: facts.price.amount(), currency: currency.code() },
        certification: &facts.certification,
        genres: &facts.genres,
        directors: &facts.directors,
        stars: &facts.stars,
        poster_url: (!absent.contains(OptionalFact::PosterUrl)).then_some(facts.poster_url.as_deref()),
        trailer_url: facts.trailer_url.as_deref(),
        imdb_id: facts.imdb_id.as_deref(),
        tmdb_id: facts.tmdb_id,
        sort_name: facts.sort_name.as_deref(),
        is_available: facts.is_available,
    };
    // Serializing texts and numbers into a string cannot fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Returns the facts of a movie of the catalogue. An uploaded poster is marked as absent, because the facts of a
/// movie can contain the URL of a poster, but not an uploaded picture.
#[must_use]
pub fn facts_of(movie: MovieDetail) -> PartialFacts {
    fn names<K: domain::id::Kind>(named: Vec<Named<K>>) -> Vec<String> {
        named.into_iter().map(|named| named.name).collect()
    }
    let summary = movie.summary;
    let (poster_url, absent) = match summary.poster {
        Some(Poster::Address(address)) => (Some(address), FactSet::default()),
        Some(Poster::Uploaded(_)) => (None, FactSet::from_iter([OptionalFact::PosterUrl])),
        None => (None, FactSet::default()),
    };
    let facts = Facts {
        identity: MovieIdentity {
            name: summary.name,
            year: summary.year,
            duration_minutes: summary.duration_minutes,
        },
        imdb: summary.imdb,
        votes: summary.votes,
        meta_score: movie.meta_score,
        gross: movie.gross,
        description: movie.description,
        price: summary.price,
        certification: summary.certification.name,
        genres: names(summary.genres),
        directors: names(movie.directors),
        stars: names(movie.stars),
        poster_url,
        trailer_url: movie.trailer_url,
        imdb_id: movie.imdb_id,
        tmdb_id: movie.tmdb_id,
        sort_name: movie.sort_name,
        is_available: movie.is_available,
    };
    PartialFacts { facts, absent }
}
