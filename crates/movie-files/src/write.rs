use domain::catalog::{Facts, MovieDetail, MovieIdentity, Named};
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
    poster_url: Option<&'a str>,
    is_available: bool,
}

#[derive(Serialize)]
struct Price<'a> {
    amount: String,
    currency: &'a str,
}

/// The facts as a line of JSON Lines, without a line end. [`crate::MovieFile`] reads it as the same facts.
#[must_use]
pub fn json_line(facts: &Facts) -> String {
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
        poster_url: facts.poster_url.as_deref(),
        is_available: facts.is_available,
    };
    // Serialising texts and numbers into a string cannot fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The facts of a movie of the catalogue.
#[must_use]
pub fn facts_of(movie: MovieDetail) -> Facts {
    fn names<K: domain::id::Kind>(named: Vec<Named<K>>) -> Vec<String> {
        named.into_iter().map(|named| named.name).collect()
    }
    let summary = movie.summary;
    Facts {
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
        poster_url: summary.poster_url,
        is_available: movie.is_available,
    }
}
