//! The movie data that moderators send to create and change movies, as JSON, and the parameters for deleting a
//! movie.

use chrono::Datelike;
use domain::{
    accounts::Change,
    catalog::{
        CheckedFacts, CheckedPartialFacts, FactFault, FactField, FactSet, Facts, InvalidFact,
        MAX_DESCRIPTION_LENGTH, MAX_MOVIE_NAME_LENGTH, MAX_NAME_LENGTH, MovieIdentity, OptionalFact,
        PartialFacts,
    },
    money::Money,
};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    extract::{Changed, Fault, Faults, Input, inputs},
    money::PriceInput,
    problem::FieldCode,
    rules::Rules,
};

/// The maximum number of genres, directors or stars in a request.
const MAX_NAMES: usize = 100;
/// The maximum length of the URL of a poster or trailer, in characters.
const MAX_ADDRESS: usize = 2_000;
/// The maximum length of an IMDb identifier, in characters.
const MAX_IMDB_ID: usize = 12;
/// The greatest integer that JavaScript clients represent exactly.
const MAX_COUNT: i64 = 9_007_199_254_740_991;

/// Changes to a movie. Omitted fields keep their values; `null` clears a field.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "MovieChanges", example = json!({"price": {"amount": "7.99", "currency": "USD"}, "trailer_url": null}))]
pub(crate) struct MovieChangesBody {
    /// The title. No two movies have the same title, year and running time.
    #[schemars(length(min = 1, max = MAX_MOVIE_NAME_LENGTH))]
    name: Option<String>,
    /// The year of the release, at most five years from now.
    #[schemars(range(min = 1_870, max = 9_999))]
    year: Option<i32>,
    /// The running time in minutes.
    #[schemars(range(min = 1, max = 100_000))]
    duration_minutes: Option<i32>,
    /// The rating at IMDb.
    #[schemars(range(min = 0, max = 10))]
    imdb: Option<f64>,
    /// The number of votes at IMDb.
    #[schemars(range(min = 0, max = MAX_COUNT))]
    votes: Option<i64>,
    /// The score at Metacritic.
    #[schemars(range(min = 0, max = 100))]
    meta_score: Changed<f64>,
    /// The box office gross, in whole major units of a currency that is not stored.
    #[schemars(range(min = 0, max = MAX_COUNT))]
    gross: Changed<i64>,
    /// The description of the movie.
    #[schemars(length(min = 1, max = MAX_DESCRIPTION_LENGTH))]
    description: Option<String>,
    price: Option<PriceInput>,
    /// The name of the age certification; it is created if it does not exist.
    #[schemars(length(min = 1, max = MAX_NAME_LENGTH))]
    certification: Option<String>,
    /// The names of the genres, the main genre first. Genres that do not exist are created.
    #[schemars(length(max = MAX_NAMES), inner(length(min = 1, max = MAX_NAME_LENGTH)))]
    genres: Option<Vec<String>>,
    /// The directors, in the order of the credits. Directors that do not exist are created.
    #[schemars(length(max = MAX_NAMES), inner(length(min = 1, max = MAX_NAME_LENGTH)))]
    directors: Option<Vec<String>>,
    /// The actors, in the order of the credits. Actors that do not exist are created.
    #[schemars(length(max = MAX_NAMES), inner(length(min = 1, max = MAX_NAME_LENGTH)))]
    stars: Option<Vec<String>>,
    /// The absolute http or https URL of a poster. It replaces an uploaded poster, unless it is the URL of that
    /// uploaded poster.
    #[schemars(length(max = MAX_ADDRESS))]
    poster_url: Changed<String>,
    /// The absolute http or https URL of a trailer.
    #[schemars(length(max = MAX_ADDRESS))]
    trailer_url: Changed<String>,
    /// The identifier at IMDb: `tt` and 7 to 10 digits. No two movies have the same identifier.
    #[schemars(length(max = MAX_IMDB_ID))]
    imdb_id: Changed<String>,
    /// The identifier at TMDB. No two movies have the same identifier.
    #[schemars(range(min = 1, max = MAX_COUNT))]
    tmdb_id: Changed<i64>,
    /// The name by which lists sort the movie; `null` means the title without a leading article.
    #[schemars(length(min = 1, max = MAX_MOVIE_NAME_LENGTH))]
    sort_name: Changed<String>,
    /// Whether the movie is on sale.
    is_available: Option<bool>,
}

impl Input for MovieChangesBody {
    type Checked = CheckedPartialFacts;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<CheckedPartialFacts> {
        if self.description.as_deref().is_some_and(|text| text.trim().is_empty()) {
            faults.add("description", Fault::new(FieldCode::TooShort, "must not be blank"));
        }
        let price = self.price.and_then(|price| price.check("price", rules, faults));
        let mut given = Given::default();
        let list = |given: &mut Given, fact, names: Option<Vec<String>>| given.or(fact, names, Vec::new());
        // Omitted fields get placeholders, so that the facts (the data of the movie) can be checked as a whole. The
        // placeholders satisfy all rules. `given` records the omitted fields, so that the placeholders are not stored.
        let facts = Facts {
            identity: MovieIdentity {
                name: given.or(OptionalFact::Name, self.name, "-".to_owned()),
                year: given.or(OptionalFact::Year, self.year, 2_000),
                duration_minutes: given.or(OptionalFact::DurationMinutes, self.duration_minutes, 1),
            },
            imdb: given.or(OptionalFact::Imdb, self.imdb, 0.0),
            votes: given.or(OptionalFact::Votes, self.votes, 0),
            meta_score: given.changed(OptionalFact::MetaScore, self.meta_score),
            gross: given.changed(OptionalFact::Gross, self.gross),
            description: given.or(OptionalFact::Description, self.description, "-".to_owned()),
            price: given.or(OptionalFact::Price, price, Money::zero(rules.currency)),
            certification: given.or(OptionalFact::Certification, self.certification, "-".to_owned()),
            genres: list(&mut given, OptionalFact::Genres, self.genres),
            directors: list(&mut given, OptionalFact::Directors, self.directors),
            stars: list(&mut given, OptionalFact::Stars, self.stars),
            poster_url: given.changed(OptionalFact::PosterUrl, self.poster_url),
            trailer_url: given.changed(OptionalFact::TrailerUrl, self.trailer_url),
            imdb_id: given.changed(OptionalFact::ImdbId, self.imdb_id),
            tmdb_id: given.changed(OptionalFact::TmdbId, self.tmdb_id),
            sort_name: given.changed(OptionalFact::SortName, self.sort_name),
            is_available: given.or(OptionalFact::IsAvailable, self.is_available, true),
        };
        match (PartialFacts { facts, absent: given.absent }).check(rules.today().year()) {
            Ok(checked) => Some(checked),
            Err(invalid) => {
                for invalid in invalid.faults() {
                    let (field, fault) = described(invalid);
                    if !faults.has(&field) {
                        faults.add(&field, fault);
                    }
                }
                None
            }
        }
    }
}

/// Collects, while the fields of a request are read, the facts that the request omits.
#[derive(Default)]
struct Given {
    absent: FactSet,
}

impl Given {
    fn or<T>(&mut self, fact: OptionalFact, value: Option<T>, placeholder: T) -> T {
        value.unwrap_or_else(|| {
            self.absent.insert(fact);
            placeholder
        })
    }

    fn changed<T>(&mut self, fact: OptionalFact, value: Changed<T>) -> Option<T> {
        match value.0 {
            Change::Keep => {
                self.absent.insert(fact);
                None
            }
            Change::Clear => None,
            Change::Set(value) => Some(value),
        }
    }
}

/// Converts an error in a movie's facts into the name of the field in the body and the error to report for it.
fn described(invalid: &InvalidFact) -> (String, Fault) {
    let field = match (invalid.field, invalid.index) {
        (FactField::Price, _) => "price.amount".to_owned(),
        (field, None) => field.as_str().to_owned(),
        (field, Some(index)) => format!("{field}.{index}"),
    };
    (field, described_fault(&invalid.fault))
}

/// Converts the error in one value into the error to report for its field.
pub(super) fn described_fault(fault: &FactFault) -> Fault {
    let code = match fault {
        FactFault::Missing => return Fault::new(FieldCode::TooShort, "must not be blank"),
        FactFault::TooLong { .. } => FieldCode::TooLong,
        FactFault::TooSmall { .. } => FieldCode::TooSmall,
        FactFault::TooLarge { .. } => FieldCode::TooLarge,
        FactFault::NotANumber => FieldCode::WrongType,
        FactFault::ControlCharacter | FactFault::NotAWebAddress | FactFault::NotAnImdbId => {
            FieldCode::InvalidFormat
        }
        FactFault::BelongsToAnotherMovie => FieldCode::InvalidValue,
    };
    Fault::new(code, fault.to_string())
}

/// A new movie.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewMovie", transform = require, example = new_movie_example())]
pub(crate) struct NewMovieBody {
    #[serde(flatten)]
    fields: MovieChangesBody,
}

/// Marks the fields that a new movie must have as required in the schema. The validation against the schema refuses
/// requests without these fields.
fn require(schema: &mut Schema) {
    let required = [
        "name",
        "year",
        "duration_minutes",
        "imdb",
        "votes",
        "description",
        "price",
        "certification",
        "genres",
        "directors",
        "stars",
    ];
    schema.insert("required".to_owned(), json!(required));
}

impl Input for NewMovieBody {
    type Checked = CheckedFacts;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<CheckedFacts> {
        self.fields.check(rules, faults).map(|checked| checked.facts)
    }
}

/// The parameters for deleting a movie.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct DeletionQuery {
    /// `true` deletes the movie even if it is in carts, and removes it from them.
    #[serde(default)]
    #[schemars(example = true)]
    pub(crate) force: bool,
}

inputs!(DeletionQuery);

fn new_movie_example() -> Value {
    json!({
        "name": "Stalker",
        "year": 1979,
        "duration_minutes": 162,
        "imdb": 8.1,
        "votes": 150_000,
        "description": "A drama of 1979 by Andrei Tarkovsky.",
        "price": {"amount": "9.99", "currency": "USD"},
        "certification": "Not Rated",
        "genres": ["Drama", "Sci-Fi"],
        "directors": ["Andrei Tarkovsky"],
        "stars": ["Aleksandr Kaydanovskiy"],
        "imdb_id": "tt0079944",
        "tmdb_id": 1_398,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{extract::test_rules, problem::FieldProblem};

    fn faults_of<T: Input>(body: Value) -> Vec<(String, FieldCode)> {
        let mut faults = Faults::default();
        let value = serde_json::from_value::<T>(body).unwrap().check(&test_rules(), &mut faults);
        let problems = faults.finish(value).map_or_else(|problem| problem.errors, |_| Vec::new());
        problems.into_iter().map(|FieldProblem { field, code, .. }| (field, code)).collect()
    }

    #[test]
    fn errors_found_by_the_domain_are_reported_by_field() {
        let body = json!({
            "name": " ", "year": 2_032, "description": "\n", "genres": ["Drama", "a\tb"], "poster_url": "p.jpg",
            "trailer_url": "javascript:1", "imdb_id": "tt1", "price": {"amount": "100000000", "currency": "EUR"},
        });
        let told = faults_of::<MovieChangesBody>(body);
        let expected = [
            ("description", FieldCode::TooShort),
            ("price.currency", FieldCode::InvalidValue),
            ("name", FieldCode::TooShort),
            ("year", FieldCode::TooLarge),
            ("genres.1", FieldCode::InvalidFormat),
            ("poster_url", FieldCode::InvalidFormat),
            ("trailer_url", FieldCode::InvalidFormat),
            ("imdb_id", FieldCode::InvalidFormat),
        ];
        assert_eq!(told, expected.map(|(field, code)| (field.to_owned(), code)));
        let dear = json!({"price": {"amount": "100000000", "currency": "USD"}});
        assert_eq!(faults_of::<MovieChangesBody>(dear), [("price.amount".to_owned(), FieldCode::TooLarge)]);
    }

    #[test]
    fn the_example_of_a_new_movie_is_valid() {
        assert_eq!(faults_of::<NewMovieBody>(new_movie_example()), []);
    }
}
