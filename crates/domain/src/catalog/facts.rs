use std::{collections::HashSet, ops::Deref};

use super::{
    description::compose_description,
    facts_error::{Bound, FactFault, FactField, InvalidFact, InvalidFacts},
    names::{MAX_NAME_LENGTH, is_blank},
    web_address::is_web_address,
};
use crate::{
    money::Money,
    text::{clean_name, fold, has_control_character},
};

/// The maximum length of a movie's name, in characters.
pub const MAX_MOVIE_NAME_LENGTH: usize = 250;

/// The maximum length of a description, in characters.
pub const MAX_DESCRIPTION_LENGTH: usize = 10_000;

/// The highest price in minor units: ten digits, so that the sum of a full cart is far from overflowing.
const MAX_PRICE: i64 = 9_999_999_999;

/// The earliest year of release that is accepted.
const FIRST_YEAR: i32 = 1870;

/// How many years ahead a movie may be announced.
const YEARS_AHEAD: i32 = 5;

/// The maximum running time, in minutes.
const MAX_DURATION_MINUTES: i32 = 100_000;

/// The identity of a movie, which is unique. Names are compared literally.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MovieIdentity {
    /// The title.
    pub name: String,
    /// The year of release.
    pub year: i32,
    /// The running time in minutes.
    pub duration_minutes: i32,
}

/// Unchecked facts about a movie. Genres, people and the certification are given by name.
///
/// [`Facts::check`] converts them into [`CheckedFacts`]. [`FactsBuilder`](super::FactsBuilder) collects the facts one
/// by one and reports missing ones.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Facts {
    /// Title, year and running time.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub identity: MovieIdentity,
    /// The rating at IMDb, 0–10.
    pub imdb: f64,
    /// How many people voted at IMDb.
    pub votes: i64,
    /// The score at Metacritic, 0–100.
    pub meta_score: Option<f64>,
    /// The box office gross, in whole major units of a currency that is not stored.
    pub gross: Option<i64>,
    /// The description; composed from the other facts when it is empty.
    pub description: String,
    /// The price.
    pub price: Money,
    /// The age certification.
    pub certification: String,
    /// The genres, the main one first.
    pub genres: Vec<String>,
    /// The directors, in the order of the credits.
    pub directors: Vec<String>,
    /// The actors, in the order of the credits.
    pub stars: Vec<String>,
    /// The absolute address of the poster.
    pub poster_url: Option<String>,
    /// The absolute address of a trailer.
    pub trailer_url: Option<String>,
    /// The movie's identifier at IMDb, such as `tt0079944`.
    pub imdb_id: Option<String>,
    /// The movie's identifier at TMDB.
    pub tmdb_id: Option<i64>,
    /// The name that the movie is sorted by, instead of the computed one.
    pub sort_name: Option<String>,
    /// Whether the movie is on sale.
    pub is_available: bool,
}

/// Facts that satisfy every rule: trimmed, without repeated names, and with a description.
///
/// The fields can be read like those of [`Facts`], but not changed.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedFacts(Facts);

impl CheckedFacts {
    /// Returns the facts, so that they can be changed and checked again.
    #[must_use]
    pub fn into_inner(self) -> Facts {
        self.0
    }

    /// Replaces some facts by values of a stored movie, which also satisfy every rule.
    pub(super) fn with_stored(mut self, take_over: impl FnOnce(&mut Facts)) -> Self {
        take_over(&mut self.0);
        self
    }
}

impl Deref for CheckedFacts {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl Facts {
    /// Trims texts, cleans names by [`clean_name`], and checks every rule. Then removes repeated names (compared by
    /// [`fold`]), and composes a description when there is none. The year of release may be up to five years after
    /// `this_year`.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn check(mut self, this_year: i32) -> Result<CheckedFacts, InvalidFacts> {
        self.trim();
        if let Some(invalid) = InvalidFacts::from_faults(self.faults(this_year)) {
            return Err(invalid);
        }
        for names in [&mut self.genres, &mut self.directors, &mut self.stars] {
            let mut seen = HashSet::new();
            names.retain(|name| seen.insert(fold(name)));
        }
        if self.description.is_empty() {
            self.description =
                compose_description(self.identity.year, &self.genres, &self.directors, &self.stars);
        }
        Ok(CheckedFacts(self))
    }

    /// Checks every rule and returns only the identity, which is faster than [`Facts::check`].
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn check_identity(mut self, this_year: i32) -> Result<MovieIdentity, InvalidFacts> {
        self.trim();
        match InvalidFacts::from_faults(self.faults(this_year)) {
            Some(invalid) => Err(invalid),
            None => Ok(self.identity),
        }
    }

    fn trim(&mut self) {
        let names = self.genres.iter_mut().chain(&mut self.directors).chain(&mut self.stars);
        names
            .chain([&mut self.identity.name, &mut self.certification])
            .chain(&mut self.sort_name)
            .for_each(|name| if name.is_ascii() { trim(name) } else { *name = clean_name(name) });
        std::iter::once(&mut self.description)
            .chain(&mut self.poster_url)
            .chain(&mut self.trailer_url)
            .chain(&mut self.imdb_id)
            .for_each(trim);
    }

    /// Checks facts that are already trimmed. Returns the invalid ones, in any order.
    pub(super) fn faults(&self, this_year: i32) -> Vec<InvalidFact> {
        let mut faults = Faults(Vec::new());
        let years = (FIRST_YEAR.into(), this_year.saturating_add(YEARS_AHEAD).into());
        faults.check_name(FactField::Name, None, &self.identity.name, MAX_MOVIE_NAME_LENGTH);
        faults.check_number(FactField::Year, self.identity.year.into(), years.0, Some(years.1));
        let minutes = self.identity.duration_minutes.into();
        faults.check_number(FactField::DurationMinutes, minutes, 1, Some(MAX_DURATION_MINUTES.into()));
        faults.check_score(FactField::Imdb, self.imdb, 10);
        faults.check_number(FactField::Votes, self.votes, 0, None);
        if let Some(score) = self.meta_score {
            faults.check_score(FactField::MetaScore, score, 100);
        }
        if let Some(gross) = self.gross {
            faults.check_number(FactField::Gross, gross, 0, None);
        }
        if self.description.chars().count() > MAX_DESCRIPTION_LENGTH {
            faults.add(FactField::Description, None, FactFault::TooLong { most: MAX_DESCRIPTION_LENGTH });
        }
        // A description may have line breaks and other control characters except NUL, which PostgreSQL cannot store.
        if self.description.contains('\0') {
            faults.add(FactField::Description, None, FactFault::ControlCharacter);
        }
        faults.check_price(self.price);
        faults.check_name(FactField::Certification, None, &self.certification, MAX_NAME_LENGTH);
        for (field, names) in [
            (FactField::Genres, &self.genres),
            (FactField::Directors, &self.directors),
            (FactField::Stars, &self.stars),
        ] {
            for (index, name) in names.iter().enumerate() {
                faults.check_name(field, Some(index), name, MAX_NAME_LENGTH);
            }
        }
        for (field, address) in
            [(FactField::PosterUrl, &self.poster_url), (FactField::TrailerUrl, &self.trailer_url)]
        {
            if address.as_deref().is_some_and(|address| !is_web_address(address)) {
                faults.add(field, None, FactFault::NotAWebAddress);
            }
        }
        if self.imdb_id.as_deref().is_some_and(|id| !is_imdb_id(id)) {
            faults.add(FactField::ImdbId, None, FactFault::NotAnImdbId);
        }
        if let Some(id) = self.tmdb_id {
            faults.check_number(FactField::TmdbId, id, 1, None);
        }
        if let Some(name) = &self.sort_name {
            faults.check_name(FactField::SortName, None, name, MAX_MOVIE_NAME_LENGTH);
        }
        faults.0
    }
}

/// Whether the text is an identifier at IMDb: `tt` and 7 to 10 digits.
#[must_use]
pub fn is_imdb_id(text: &str) -> bool {
    text.strip_prefix("tt").is_some_and(|digits| {
        (7..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Collects the invalid facts.
struct Faults(Vec<InvalidFact>);

impl Faults {
    fn add(&mut self, field: FactField, index: Option<usize>, fault: FactFault) {
        self.0.push(InvalidFact { field, index, fault });
    }

    fn check_name(&mut self, field: FactField, index: Option<usize>, name: &str, most: usize) {
        let has_control_character = has_control_character(name);
        if is_blank(name) && !has_control_character {
            self.add(field, index, FactFault::Missing);
        } else if name.chars().count() > most {
            self.add(field, index, FactFault::TooLong { most });
        }
        if has_control_character {
            self.add(field, index, FactFault::ControlCharacter);
        }
    }

    fn check_number(&mut self, field: FactField, number: i64, least: i64, most: Option<i64>) {
        if number < least {
            self.add(field, None, FactFault::TooSmall { least: Bound::Number(least) });
        }
        if let Some(most) = most.filter(|most| number > *most) {
            self.add(field, None, FactFault::TooLarge { most: Bound::Number(most) });
        }
    }

    fn check_score(&mut self, field: FactField, score: f64, most: u8) {
        if score.is_nan() {
            self.add(field, None, FactFault::NotANumber);
        } else if score < 0.0 {
            self.add(field, None, FactFault::TooSmall { least: Bound::Number(0) });
        } else if score > f64::from(most) {
            self.add(field, None, FactFault::TooLarge { most: Bound::Number(most.into()) });
        }
    }

    fn check_price(&mut self, price: Money) {
        let bound = |minor| Bound::Price(Money::from_minor(minor, price.currency()));
        if price.minor() < 0 {
            self.add(FactField::Price, None, FactFault::TooSmall { least: bound(0) });
        } else if price.minor() > MAX_PRICE {
            self.add(FactField::Price, None, FactFault::TooLarge { most: bound(MAX_PRICE) });
        }
    }
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIS_YEAR: i32 = 2026;

    fn facts() -> Facts {
        Facts {
            identity: MovieIdentity { name: " Amélie ".into(), year: 2001, duration_minutes: 122 },
            imdb: 8.3,
            votes: 703_810,
            meta_score: Some(69.0),
            gross: None,
            description: String::new(),
            price: Money::from_minor(999, "USD".parse().unwrap()),
            certification: "R".into(),
            genres: vec!["Comedy".into(), "Romance".into(), "comedy ".into()],
            directors: vec!["Jean-Pierre Jeunet".into()],
            stars: vec!["Audrey Tautou".into(), "Mathieu Kassovitz".into()],
            poster_url: None,
            trailer_url: None,
            imdb_id: None,
            tmdb_id: None,
            sort_name: None,
            is_available: true,
        }
    }

    /// Changes the facts, checks them, and returns the text of the error, or an empty text.
    fn error(change: impl FnOnce(&mut Facts)) -> String {
        let mut facts = facts();
        change(&mut facts);
        facts.check(THIS_YEAR).err().map(|invalid| invalid.to_string()).unwrap_or_default()
    }

    #[test]
    fn checking_trims_removes_repeated_names_and_composes_the_description() {
        let checked = facts().check(THIS_YEAR).unwrap();
        assert_eq!(checked.identity.name, "Amélie");
        assert_eq!(checked.genres, ["Comedy", "Romance"]);
        assert_eq!(
            checked.description,
            "A comedy and romance movie of 2001, directed by Jean-Pierre Jeunet, with Audrey Tautou and Mathieu Kassovitz."
        );
    }

    #[test]
    fn checking_facts_again_does_not_change_them() {
        let checked = facts().check(THIS_YEAR).unwrap();
        assert_eq!(checked.clone().into_inner().check(THIS_YEAR), Ok(checked));
    }

    #[test]
    fn checking_only_the_identity_is_consistent_with_checking_all_facts() {
        let identity = facts().check(THIS_YEAR).map(|facts| facts.identity.clone());
        assert_eq!(facts().check_identity(THIS_YEAR), identity);
        let bad = || Facts { genres: vec![" ".into()], ..facts() };
        assert_eq!(bad().check_identity(THIS_YEAR).err(), bad().check(THIS_YEAR).err());
        assert!(bad().check_identity(THIS_YEAR).is_err());
    }

    #[test]
    fn an_existing_description_is_kept() {
        let given = Facts { description: " A text.\nOf two lines. ".into(), ..facts() };
        assert_eq!(given.check(THIS_YEAR).unwrap().description, "A text.\nOf two lines.");
    }

    #[test]
    fn all_faults_are_reported_in_the_order_of_the_fields() {
        let bad = Facts {
            identity: MovieIdentity { name: " ".into(), year: 1869, duration_minutes: 0 },
            imdb: 10.1,
            votes: -1,
            meta_score: Some(f64::NAN),
            gross: Some(-1),
            description: "x".repeat(10_001),
            price: Money::from_minor(-1, "USD".parse().unwrap()),
            certification: String::new(),
            genres: vec!["Drama".into(), "x".repeat(101), "\u{301}".into()],
            directors: vec!["a\nb".into()],
            stars: vec!["\0".into()],
            poster_url: Some("javascript:alert(1)".into()),
            trailer_url: Some("/trailer".into()),
            imdb_id: Some("0079944".into()),
            tmdb_id: Some(0),
            sort_name: Some(" ".into()),
            is_available: true,
        };
        let invalid = bad.check(THIS_YEAR).unwrap_err();
        let lines: Vec<String> = invalid.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "name: is missing",
                "year: is less than 1870",
                "duration_minutes: is less than 1",
                "imdb: is more than 10",
                "votes: is less than 0",
                "meta_score: is not a number",
                "gross: is less than 0",
                "description: is longer than 10000 characters",
                "price: is less than 0.00 USD",
                "certification: is missing",
                "genres.1: is longer than 100 characters",
                "genres.2: is missing",
                "directors.0: contains a line break or another control character",
                "stars.0: contains a line break or another control character",
                "poster_url: is not an absolute http or https address of 2,000 characters at most",
                "trailer_url: is not an absolute http or https address of 2,000 characters at most",
                "imdb_id: is not `tt` and 7 to 10 digits",
                "tmdb_id: is less than 1",
                "sort_name: is missing",
            ]
        );
        assert_eq!(invalid.to_string(), lines.join("; "));
    }

    #[test]
    fn values_at_both_bounds_are_accepted_and_values_beyond_them_are_refused() {
        for year in [1870, 2031] {
            assert_eq!(error(|facts| facts.identity.year = year), "");
        }
        assert_eq!(error(|facts| facts.identity.year = 2032), "year: is more than 2031");
        assert_eq!(error(|facts| facts.identity.duration_minutes = 100_000), "");
        assert_eq!(
            error(|facts| facts.identity.duration_minutes = 100_001),
            "duration_minutes: is more than 100000"
        );
        assert_eq!(error(|facts| facts.identity.name = "é".repeat(250)), "");
        assert_eq!(
            error(|facts| facts.identity.name = "é".repeat(251)),
            "name: is longer than 250 characters"
        );
        for (imdb, meta_score) in [(0.0, 0.0), (10.0, 100.0)] {
            assert_eq!(error(|facts| (facts.imdb, facts.meta_score) = (imdb, Some(meta_score))), "");
        }
        assert_eq!(error(|facts| facts.imdb = -0.1), "imdb: is less than 0");
        assert_eq!(error(|facts| facts.imdb = f64::INFINITY), "imdb: is more than 10");
        assert_eq!(error(|facts| facts.meta_score = Some(100.5)), "meta_score: is more than 100");
        let price =
            |minor| move |facts: &mut Facts| facts.price = Money::from_minor(minor, facts.price.currency());
        assert_eq!(error(price(0)) + &error(price(9_999_999_999)), "");
        assert_eq!(error(price(10_000_000_000)), "price: is more than 99999999.99 USD");
        assert_eq!(error(|facts| facts.poster_url = Some(" https://a.example/p.jpg\n".into())), "");
        assert_eq!(error(|facts| facts.stars.push("千".into())), "");
        for id in ["tt0079944", "tt0000001", "tt1234567890"] {
            assert_eq!(error(|facts| facts.imdb_id = Some(id.into())), "");
        }
        for id in ["", "tt", "tt007994", "tt12345678901", "TT0079944", "nm0079944", "tt007994a", "tt 0079944"]
        {
            let fault = "imdb_id: is not `tt` and 7 to 10 digits";
            assert_eq!(error(|facts| facts.imdb_id = Some(id.into())), fault, "{id}");
        }
    }

    #[test]
    fn names_have_one_line_and_no_text_contains_nul() {
        let control = "contains a line break or another control character";
        for name in ["a\nb", "a\tb", "a\0b", "a\u{1b}[2Jb", "a\u{2028}b"] {
            assert_eq!(error(|facts| facts.identity.name = name.into()), format!("name: {control}"));
            assert_eq!(error(|facts| facts.genres = vec![name.into()]), format!("genres.0: {control}"));
        }
        assert_eq!(error(|facts| facts.description = "a\0b".into()), format!("description: {control}"));
    }
}
