use super::{
    facts::{CheckedFacts, Facts, MovieIdentity},
    facts_error::{FactFault, FactField, InvalidFact, InvalidFacts},
};
use crate::money::{Currency, Money};

/// The certification that a movie gets when none is given.
pub const NOT_RATED: &str = "Not Rated";

/// Collects the facts of a movie one by one.
///
/// Name, year, running time, rating, votes and price are required; [`FactsBuilder::build`] reports each of these
/// facts that is missing, together with every other error.
///
/// ```
/// use domain::{catalog::FactsBuilder, money::Money};
///
/// let usd = "USD".parse()?;
/// let alien = FactsBuilder::new()
///     .name("Alien")
///     .year(1979)
///     .duration_minutes(117)
///     .imdb(8.5)
///     .votes(1_000_000)
///     .price(Money::parse_major("9.99", usd)?)
///     .genres(["Horror", "Sci-Fi"])
///     .directors(["Ridley Scott"])
///     .build(2026)?;
/// assert_eq!(alien.description, "A horror and sci-fi movie of 1979, directed by Ridley Scott.");
///
/// let invalid = FactsBuilder::new().name("Alien").imdb(11.0).build(2026).unwrap_err();
/// let fields: Vec<&str> = invalid.faults().iter().map(|fault| fault.field.as_str()).collect();
/// assert_eq!(fields, ["year", "duration_minutes", "imdb", "votes", "price"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FactsBuilder {
    name: Option<String>,
    year: Option<i32>,
    duration_minutes: Option<i32>,
    imdb: Option<f64>,
    votes: Option<i64>,
    meta_score: Option<f64>,
    gross: Option<i64>,
    description: Option<String>,
    price: Option<Money>,
    certification: Option<String>,
    genres: Vec<String>,
    directors: Vec<String>,
    stars: Vec<String>,
    poster_url: Option<String>,
    trailer_url: Option<String>,
    imdb_id: Option<String>,
    tmdb_id: Option<i64>,
    sort_name: Option<String>,
    is_withdrawn: bool,
}

impl FactsBuilder {
    /// A builder without any facts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The title. Required.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The year of release. Required.
    #[must_use]
    pub const fn year(mut self, year: i32) -> Self {
        self.year = Some(year);
        self
    }

    /// The running time in minutes. Required.
    #[must_use]
    pub const fn duration_minutes(mut self, minutes: i32) -> Self {
        self.duration_minutes = Some(minutes);
        self
    }

    /// The rating at IMDb, 0–10. Required.
    #[must_use]
    pub const fn imdb(mut self, rating: f64) -> Self {
        self.imdb = Some(rating);
        self
    }

    /// How many people voted at IMDb. Required.
    #[must_use]
    pub const fn votes(mut self, votes: i64) -> Self {
        self.votes = Some(votes);
        self
    }

    /// The score at Metacritic, 0–100.
    #[must_use]
    pub const fn meta_score(mut self, score: f64) -> Self {
        self.meta_score = Some(score);
        self
    }

    /// The box office gross, in whole major units of a currency that is not stored.
    #[must_use]
    pub const fn gross(mut self, gross: i64) -> Self {
        self.gross = Some(gross);
        self
    }

    /// The description; composed from the other facts when it is not given.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The price. Required.
    #[must_use]
    pub const fn price(mut self, price: Money) -> Self {
        self.price = Some(price);
        self
    }

    /// The age certification; [`NOT_RATED`] when it is not given.
    #[must_use]
    pub fn certification(mut self, certification: impl Into<String>) -> Self {
        self.certification = Some(certification.into());
        self
    }

    /// The genres, the main one first.
    #[must_use]
    pub fn genres<T: Into<String>>(mut self, genres: impl IntoIterator<Item = T>) -> Self {
        self.genres = genres.into_iter().map(Into::into).collect();
        self
    }

    /// The directors, in the order of the credits.
    #[must_use]
    pub fn directors<T: Into<String>>(mut self, directors: impl IntoIterator<Item = T>) -> Self {
        self.directors = directors.into_iter().map(Into::into).collect();
        self
    }

    /// The actors, in the order of the credits.
    #[must_use]
    pub fn stars<T: Into<String>>(mut self, stars: impl IntoIterator<Item = T>) -> Self {
        self.stars = stars.into_iter().map(Into::into).collect();
        self
    }

    /// The absolute address of the poster.
    #[must_use]
    pub fn poster_url(mut self, address: impl Into<String>) -> Self {
        self.poster_url = Some(address.into());
        self
    }

    /// The absolute address of a trailer.
    #[must_use]
    pub fn trailer_url(mut self, address: impl Into<String>) -> Self {
        self.trailer_url = Some(address.into());
        self
    }

    /// The movie's identifier at IMDb, such as `tt0079944`.
    #[must_use]
    pub fn imdb_id(mut self, id: impl Into<String>) -> Self {
        self.imdb_id = Some(id.into());
        self
    }

    /// The movie's identifier at TMDB.
    #[must_use]
    pub const fn tmdb_id(mut self, id: i64) -> Self {
        self.tmdb_id = Some(id);
        self
    }

    /// The name that the movie is sorted by; computed from the title when it is not given.
    #[must_use]
    pub fn sort_name(mut self, name: impl Into<String>) -> Self {
        self.sort_name = Some(name.into());
        self
    }

    /// Whether the movie is on sale; by default it is.
    #[must_use]
    pub const fn is_available(mut self, is_available: bool) -> Self {
        self.is_withdrawn = !is_available;
        self
    }

    /// Checks the facts, as [`Facts::check`] does. `this_year` bounds the year of release.
    ///
    /// # Errors
    /// Every rule that is broken, and every required fact that is missing.
    pub fn build(self, this_year: i32) -> Result<CheckedFacts, InvalidFacts> {
        let missing: Vec<FactField> = [
            (FactField::Name, self.name.is_none()),
            (FactField::Year, self.year.is_none()),
            (FactField::DurationMinutes, self.duration_minutes.is_none()),
            (FactField::Imdb, self.imdb.is_none()),
            (FactField::Votes, self.votes.is_none()),
            (FactField::Price, self.price.is_none()),
        ]
        .into_iter()
        .filter_map(|(field, is_missing)| is_missing.then_some(field))
        .collect();
        // Missing facts get valid placeholders, so that all other facts can be checked in the same call.
        let facts = Facts {
            identity: MovieIdentity {
                name: self.name.unwrap_or_else(|| "-".to_owned()),
                year: self.year.unwrap_or(this_year),
                duration_minutes: self.duration_minutes.unwrap_or(1),
            },
            imdb: self.imdb.unwrap_or_default(),
            votes: self.votes.unwrap_or_default(),
            meta_score: self.meta_score,
            gross: self.gross,
            description: self.description.unwrap_or_default(),
            price: self.price.unwrap_or(Money::zero(Currency::USD)),
            certification: self.certification.unwrap_or_else(|| NOT_RATED.to_owned()),
            genres: self.genres,
            directors: self.directors,
            stars: self.stars,
            poster_url: self.poster_url,
            trailer_url: self.trailer_url,
            imdb_id: self.imdb_id,
            tmdb_id: self.tmdb_id,
            sort_name: self.sort_name,
            is_available: !self.is_withdrawn,
        };
        let outcome = facts.check(this_year);
        let absent = |field| InvalidFact { field, index: None, fault: FactFault::Missing };
        let mut faults: Vec<InvalidFact> = missing.into_iter().map(absent).collect();
        if let Err(invalid) = &outcome {
            faults.extend_from_slice(invalid.faults());
        }
        InvalidFacts::from_faults(faults).map_or(outcome, Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> FactsBuilder {
        FactsBuilder::new()
            .name("Alien")
            .year(1979)
            .duration_minutes(117)
            .imdb(8.5)
            .votes(1_000_000)
            .price(Money::from_minor(999, Currency::USD))
    }

    #[test]
    fn optional_facts_have_defaults() {
        let facts = complete().build(2026).unwrap();
        assert_eq!((facts.certification.as_str(), facts.is_available), (NOT_RATED, true));
        assert_eq!((facts.meta_score, facts.gross, facts.poster_url.as_deref()), (None, None, None));
        assert_eq!(facts.description, "A movie of 1979.");
    }

    #[test]
    fn all_given_facts_are_kept() {
        let facts = complete()
            .meta_score(89.0)
            .gross(78_900_000)
            .description("In space.")
            .certification("R")
            .genres(["Horror"])
            .directors(["Ridley Scott"])
            .stars(["Sigourney Weaver"])
            .poster_url("https://example.com/p.jpg")
            .trailer_url("https://example.com/t")
            .imdb_id("tt0078748")
            .tmdb_id(348)
            .sort_name("Alien 1")
            .is_available(false)
            .build(2026)
            .unwrap()
            .into_inner();
        let expected = Facts {
            identity: MovieIdentity { name: "Alien".into(), year: 1979, duration_minutes: 117 },
            imdb: 8.5,
            votes: 1_000_000,
            meta_score: Some(89.0),
            gross: Some(78_900_000),
            description: "In space.".into(),
            price: Money::from_minor(999, Currency::USD),
            certification: "R".into(),
            genres: vec!["Horror".into()],
            directors: vec!["Ridley Scott".into()],
            stars: vec!["Sigourney Weaver".into()],
            poster_url: Some("https://example.com/p.jpg".into()),
            trailer_url: Some("https://example.com/t".into()),
            imdb_id: Some("tt0078748".into()),
            tmdb_id: Some(348),
            sort_name: Some("Alien 1".into()),
            is_available: false,
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn missing_facts_and_other_faults_are_reported_together() {
        let invalid = FactsBuilder::new().votes(-1).stars([" "]).build(2026).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "name: is missing; year: is missing; duration_minutes: is missing; imdb: is missing; \
             votes: is less than 0; price: is missing; stars.0: is missing"
        );
    }
}
