use std::io::{BufRead, BufReader, Read};

use domain::{
    catalog::{Facts, MovieDetail, MovieIdentity},
    money::Money,
};
use serde::{Deserialize, Serialize};

use super::{MovieFileError, NO_CERTIFICATION, Row, RowOptions, json_faults::fault_of};

/// The longest line that is read: the longest texts of a movie fit many times.
const MAX_LINE: u64 = 1024 * 1024;

/// The rows of a file of one JSON object a line, in the words of `POST /movies`.
pub(super) struct JsonRows {
    source: BufReader<Box<dyn Read + Send>>,
    options: RowOptions,
    line: u64,
}

/// A movie as one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    year: i32,
    duration_minutes: i32,
    imdb: f64,
    votes: i64,
    #[serde(default)]
    meta_score: Option<f64>,
    #[serde(default)]
    gross: Option<i64>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    price: Option<Price>,
    #[serde(default)]
    certification: Option<String>,
    #[serde(default)]
    genres: Vec<String>,
    #[serde(default)]
    directors: Vec<String>,
    #[serde(default)]
    stars: Vec<String>,
    #[serde(default)]
    poster_url: Option<String>,
    #[serde(default)]
    is_available: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    amount: String,
    currency: String,
}

impl From<Money> for Price {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().to_string() }
    }
}

impl Price {
    fn read(&self, options: &RowOptions) -> Result<Money, String> {
        let Self { amount, currency } = self;
        let written = currency.parse().map_err(|error| format!("price: {currency:?}: {error}"))?;
        if written != options.currency && !options.adopts_prices {
            return Err(format!("price: is in {currency}, and the shop's currency is {}", options.currency));
        }
        let price =
            Money::parse_major(amount, written).map_err(|error| format!("price: {amount:?}: {error}"))?;
        Ok(Money::from_minor(price.minor(), options.currency))
    }
}

impl JsonRows {
    pub(super) fn new(source: BufReader<Box<dyn Read + Send>>, options: RowOptions) -> Self {
        Self { source, options, line: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Result<Row, MovieFileError>> {
        loop {
            let mut raw = Vec::new();
            match (&mut self.source).take(MAX_LINE).read_until(b'\n', &mut raw) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error.into())),
            }
            self.line = self.line.saturating_add(1);
            let is_cut = !raw.ends_with(b"\n") && u64::try_from(raw.len()) == Ok(MAX_LINE);
            if is_cut && let Err(error) = self.source.skip_until(b'\n') {
                return Some(Err(error.into()));
            }
            if raw.trim_ascii().is_empty() {
                continue;
            }
            while raw.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                raw.pop();
            }
            raw.push(b'\n');
            let (name, facts) = if is_cut {
                (None, Err("is longer than 1 MiB".to_owned()))
            } else {
                read(&raw, &self.options)
            };
            return Some(Ok(Row { line: self.line, name, raw, facts }));
        }
    }
}

fn read(raw: &[u8], options: &RowOptions) -> (Option<String>, Result<Facts, String>) {
    if let Ok(line) = serde_json::from_slice::<Line>(raw) {
        return (Some(line.name.clone()), facts(line, options));
    }
    let (name, fault) = fault_of(raw);
    (name, Err(fault))
}

fn facts(line: Line, options: &RowOptions) -> Result<Facts, String> {
    let price = match line.price {
        Some(price) => price.read(options)?,
        None => options.default_price.ok_or("price: is missing")?,
    };
    let some = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Ok(Facts {
        identity: MovieIdentity { name: line.name, year: line.year, duration_minutes: line.duration_minutes },
        imdb: line.imdb,
        votes: line.votes,
        meta_score: line.meta_score,
        gross: line.gross,
        description: line.description.unwrap_or_default(),
        price,
        certification: some(line.certification).unwrap_or_else(|| NO_CERTIFICATION.to_owned()),
        genres: line.genres,
        directors: line.directors,
        stars: line.stars,
        poster_url: some(line.poster_url),
        is_available: line.is_available.unwrap_or(true),
    })
}

/// The line that [`super::MovieFile`] reads back as the same facts; without its line end.
#[must_use]
pub fn line_of(facts: Facts) -> String {
    let line = Line {
        name: facts.identity.name,
        year: facts.identity.year,
        duration_minutes: facts.identity.duration_minutes,
        imdb: facts.imdb,
        votes: facts.votes,
        meta_score: facts.meta_score,
        gross: facts.gross,
        description: Some(facts.description),
        price: Some(facts.price.into()),
        certification: Some(facts.certification),
        genres: facts.genres,
        directors: facts.directors,
        stars: facts.stars,
        poster_url: facts.poster_url,
        is_available: Some(facts.is_available),
    };
    // Texts and finite numbers always serialise.
    serde_json::to_string(&line).unwrap_or_default()
}

/// What an export says of a movie.
#[must_use]
pub fn facts_of(movie: MovieDetail) -> Facts {
    fn names<K: domain::id::Kind>(named: Vec<domain::catalog::Named<K>>) -> Vec<String> {
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
