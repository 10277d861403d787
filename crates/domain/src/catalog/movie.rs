use uuid::Uuid;

use super::poster_url::is_poster_url;
use crate::{
    id::{CertificationId, DirectorId, GenreId, MovieId, StarId},
    money::Money,
    text::fold,
    time::Instant,
};

/// The longest name of a movie, in characters (R51).
pub const MAX_MOVIE_NAME_LENGTH: usize = 250;

/// The longest name of a genre, star, director or certification, in characters (R47–R50).
pub const MAX_NAME_LENGTH: usize = 100;

/// The highest price in minor units: `decimal(10, 2)` (R51). A full cart of them is far from what a sum can hold.
const MAX_PRICE: i64 = 9_999_999_999;

/// The longest description, in characters.
pub const MAX_DESCRIPTION_LENGTH: usize = 10_000;

/// Which of the names that movies share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// Genres.
    Genre,
    /// Actors.
    Star,
    /// Directors.
    Director,
    /// Age certifications.
    Certification,
}

/// What makes a movie the same movie: no two share it (R51). Names are compared to the letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MovieIdentity {
    /// The title.
    pub name: String,
    /// The year of release.
    pub year: i32,
    /// The running time in minutes.
    pub duration_minutes: i32,
}

/// What is known of a movie, with names where the catalogue keeps rows: the shape of an import and of a new movie.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Title, year and running time.
    pub identity: MovieIdentity,
    /// The rating at IMDb, 0–10.
    pub imdb: f64,
    /// How many voted at IMDb.
    pub votes: i64,
    /// The score at Metacritic, 0–100.
    pub meta_score: Option<f64>,
    /// What it grossed, in whole units of account.
    pub gross: Option<i64>,
    /// A text about it; composed from the facts when empty.
    pub description: String,
    /// What it costs.
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
    /// Whether it is on sale.
    pub is_available: bool,
}

/// A fact is out of bounds. Each names the field of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMovie {
    /// The name is empty.
    #[error("name: is missing")]
    NameMissing,
    /// The name is too long.
    #[error("name: longer than 250 characters")]
    NameTooLong,
    /// The year is before the first movies, or too far ahead.
    #[error("year: not between 1870 and five years from now")]
    Year,
    /// The running time is not positive.
    #[error("duration_minutes: less than 1 or more than 100,000")]
    Duration,
    /// The rating is out of bounds.
    #[error("imdb: not between 0 and 10")]
    Imdb,
    /// Votes are negative.
    #[error("votes: less than 0")]
    Votes,
    /// The score is out of bounds.
    #[error("meta_score: not between 0 and 100")]
    MetaScore,
    /// The gross is negative.
    #[error("gross: less than 0")]
    Gross,
    /// The price is out of bounds.
    #[error("price: less than 0, or of more than ten digits")]
    Price,
    /// The description is too long.
    #[error("description: longer than 10,000 characters")]
    DescriptionTooLong,
    /// The poster's address is none, or too long.
    #[error("poster_url: not an absolute http or https address of 2,000 characters at most")]
    PosterUrl,
    /// A genre, star, director or certification has no name.
    #[error("certification, genres, directors, stars: a name is empty")]
    EmptyName,
    /// A genre, star, director or certification has too long a name.
    #[error("certification, genres, directors, stars: a name is longer than 100 characters")]
    LongName,
    /// A NUL character, which no database keeps.
    #[error("a text holds a NUL character")]
    Nul,
}

impl Facts {
    /// Puts the facts in order: trims, drops names that stand twice (by their folded key), and composes a missing
    /// description; then checks every bound.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn tidy(mut self, this_year: i32) -> Result<Self, InvalidMovie> {
        self.trim();
        self.check(this_year)?;
        for names in [&mut self.genres, &mut self.directors, &mut self.stars] {
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| seen.insert(fold(name)));
        }
        if self.description.is_empty() {
            self.description = compose_description(&self);
        }
        Ok(self)
    }

    /// Which movie the facts are about, once they are in order: for those who need no more of them.
    ///
    /// # Errors
    /// The first bound that is broken, as [`Facts::tidy`] finds it.
    pub fn tidy_identity(mut self, this_year: i32) -> Result<MovieIdentity, InvalidMovie> {
        self.trim();
        self.check(this_year)?;
        Ok(self.identity)
    }

    fn trim(&mut self) {
        let names = self.genres.iter_mut().chain(&mut self.directors).chain(&mut self.stars);
        names
            .chain([&mut self.identity.name, &mut self.certification, &mut self.description])
            .chain(&mut self.poster_url)
            .for_each(trim);
    }

    fn check(&self, this_year: i32) -> Result<(), InvalidMovie> {
        let name_length = self.identity.name.chars().count();
        let names = || {
            std::iter::once(&self.certification).chain(&self.genres).chain(&self.directors).chain(&self.stars)
        };
        let texts = || names().chain([&self.identity.name, &self.description]).chain(&self.poster_url);
        let faults = [
            (name_length == 0, InvalidMovie::NameMissing),
            (name_length > MAX_MOVIE_NAME_LENGTH, InvalidMovie::NameTooLong),
            (!(1870..=this_year.saturating_add(5)).contains(&self.identity.year), InvalidMovie::Year),
            (!(1..=100_000).contains(&self.identity.duration_minutes), InvalidMovie::Duration),
            (!(0.0..=10.0).contains(&self.imdb), InvalidMovie::Imdb),
            (self.votes < 0, InvalidMovie::Votes),
            (self.meta_score.is_some_and(|score| !(0.0..=100.0).contains(&score)), InvalidMovie::MetaScore),
            (self.gross.is_some_and(|gross| gross < 0), InvalidMovie::Gross),
            (!(0..=MAX_PRICE).contains(&self.price.minor()), InvalidMovie::Price),
            (self.description.chars().count() > MAX_DESCRIPTION_LENGTH, InvalidMovie::DescriptionTooLong),
            (self.poster_url.as_deref().is_some_and(|url| !is_poster_url(url)), InvalidMovie::PosterUrl),
            (names().any(|name| is_nameless(name)), InvalidMovie::EmptyName),
            (names().any(|name| name.chars().count() > MAX_NAME_LENGTH), InvalidMovie::LongName),
            (texts().any(|text| text.contains('\0')), InvalidMovie::Nul),
        ];
        faults.into_iter().find(|(is_broken, _)| *is_broken).map_or(Ok(()), |(_, fault)| Err(fault))
    }
}

/// Whether nothing is left of a name when it is folded: a letter of ASCII stays for certain.
fn is_nameless(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_alphanumeric()) && fold(name).is_empty()
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

/// A description made of the facts: for movies that come without one (requirements.md section 7).
#[must_use]
pub fn compose_description(facts: &Facts) -> String {
    let genres = facts.genres.iter().map(|genre| genre.to_lowercase()).collect::<Vec<_>>();
    let kind = if genres.is_empty() { "movie".to_owned() } else { format!("{} movie", enumerate(&genres)) };
    let mut text = format!("A {kind} of {}", facts.identity.year);
    if !facts.directors.is_empty() {
        text.push_str(", directed by ");
        text.push_str(&enumerate(&facts.directors));
    }
    if !facts.stars.is_empty() {
        text.push_str(", with ");
        text.push_str(&enumerate(&facts.stars));
    }
    // A name may bring it along: "Robert Downey, Jr."
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

fn enumerate(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The score by which movies are popular: the votes at IMDb as the prior, so that without any activity the order is that
/// of the votes.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "votes are far below 2^53, where f64 is exact"
)]
pub const fn popularity(votes: i64) -> f64 {
    votes as f64
}

/// A movie as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Movie {
    /// Its identifier.
    pub id: MovieId,
    /// Title, year and running time.
    pub identity: MovieIdentity,
    /// The rating at IMDb, 0–10.
    pub imdb: f64,
    /// How many voted at IMDb.
    pub votes: i64,
    /// The score at Metacritic, 0–100.
    pub meta_score: Option<f64>,
    /// What it grossed, in whole units of account.
    pub gross: Option<i64>,
    /// A text about it.
    pub description: String,
    /// What it costs.
    pub price: Money,
    /// The age certification.
    pub certification_id: CertificationId,
    /// The genres, the main one first.
    pub genre_ids: Vec<GenreId>,
    /// The directors, in the order of the credits.
    pub director_ids: Vec<DirectorId>,
    /// The actors, in the order of the credits.
    pub star_ids: Vec<StarId>,
    /// The absolute address of the poster.
    pub poster_url: Option<String>,
    /// Whether it is on sale.
    pub is_available: bool,
    /// Counts changes of the movie itself (not of its counters), for `ETag`.
    pub version: i64,
    /// When it was added.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
}

impl Movie {
    /// Adds a movie of these facts, whose names were resolved to `names` by [`ResolvedNames`].
    #[must_use]
    pub fn create(id: MovieId, facts: Facts, names: ResolvedNames, now: Instant) -> Self {
        Self {
            id,
            identity: facts.identity,
            imdb: facts.imdb,
            votes: facts.votes,
            meta_score: facts.meta_score,
            gross: facts.gross,
            description: facts.description,
            price: facts.price,
            certification_id: names.certification,
            genre_ids: names.genres,
            director_ids: names.directors,
            star_ids: names.stars,
            poster_url: facts.poster_url,
            is_available: facts.is_available,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// For how much it is sold, if at all.
    #[must_use]
    pub const fn offer(&self) -> Offer {
        Offer { price: self.price, is_available: self.is_available }
    }

    /// Takes over the facts; says whether anything changed, and counts the change then.
    pub fn revise(&mut self, facts: Facts, names: ResolvedNames, now: Instant) -> bool {
        let mut revised = Self::create(self.id, facts, names, now);
        revised.version = self.version;
        revised.created_at = self.created_at;
        revised.updated_at = self.updated_at;
        if revised == *self {
            return false;
        }
        revised.version = self.version.saturating_add(1);
        revised.updated_at = now;
        *self = revised;
        true
    }
}

/// For how much a movie is sold, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it costs.
    pub price: Money,
    /// Whether it is on sale.
    pub is_available: bool,
}

/// The rows that the names of some facts stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedNames {
    /// The certification's row.
    pub certification: CertificationId,
    /// The genres' rows, in order.
    pub genres: Vec<GenreId>,
    /// The directors' rows, in order.
    pub directors: Vec<DirectorId>,
    /// The stars' rows, in order.
    pub stars: Vec<StarId>,
}

/// A name with the identifier it would get if it is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedName {
    /// The identifier for a new row.
    pub id: Uuid,
    /// The name as written.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

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
            is_available: true,
        }
    }

    #[test]
    fn tidying_trims_joins_equal_names_and_composes_the_description() {
        let tidy = facts().tidy(2026).unwrap();
        assert_eq!(tidy.identity.name, "Amélie");
        assert_eq!(tidy.genres, ["Comedy", "Romance"]);
        assert_eq!(
            tidy.description,
            "A comedy and romance movie of 2001, directed by Jean-Pierre Jeunet, with Audrey Tautou and Mathieu Kassovitz."
        );
    }

    #[test]
    fn the_identity_alone_is_that_of_the_tidied_facts_and_refused_like_them() {
        assert_eq!(facts().tidy_identity(2026), facts().tidy(2026).map(|facts| facts.identity));
        let bad = || Facts { genres: vec![" ".into()], ..facts() };
        assert_eq!(bad().tidy_identity(2026), Err(bad().tidy(2026).unwrap_err()));
    }

    #[test]
    fn a_composed_description_ends_in_one_full_stop() {
        let facts = Facts { stars: vec!["Robert Downey, Jr.".into()], ..facts() };
        let text = facts.tidy(2026).unwrap().description;
        assert!(text.ends_with("with Robert Downey, Jr."), "{text}");
    }

    #[test]
    fn a_description_that_is_there_is_kept() {
        let given = Facts { description: " A text. ".into(), ..facts() };
        assert_eq!(given.tidy(2026).unwrap().description, "A text.");
    }

    #[test]
    fn bounds_are_kept_at_both_ends() {
        let with = |change: fn(&mut Facts)| {
            let mut facts = facts();
            change(&mut facts);
            facts.tidy(2026).err()
        };
        assert_eq!(with(|facts| facts.identity.year = 1870), None);
        assert_eq!(with(|facts| facts.identity.year = 1869), Some(InvalidMovie::Year));
        assert_eq!(with(|facts| facts.identity.year = 2031), None);
        assert_eq!(with(|facts| facts.identity.year = 2032), Some(InvalidMovie::Year));
        assert_eq!(with(|facts| facts.identity.name = "  ".into()), Some(InvalidMovie::NameMissing));
        assert_eq!(with(|facts| facts.identity.name = "a".repeat(251)), Some(InvalidMovie::NameTooLong));
        assert_eq!(with(|facts| facts.identity.duration_minutes = 0), Some(InvalidMovie::Duration));
        assert_eq!(with(|facts| facts.imdb = 10.1), Some(InvalidMovie::Imdb));
        assert_eq!(with(|facts| facts.imdb = f64::NAN), Some(InvalidMovie::Imdb));
        assert_eq!(with(|facts| facts.votes = -1), Some(InvalidMovie::Votes));
        assert_eq!(with(|facts| facts.meta_score = Some(100.5)), Some(InvalidMovie::MetaScore));
        assert_eq!(with(|facts| facts.gross = Some(-1)), Some(InvalidMovie::Gross));
        let price = |minor| {
            let mut facts = facts();
            facts.price = Money::from_minor(minor, facts.price.currency());
            facts.tidy(2026).err()
        };
        assert_eq!([-1, 10_000_000_000].map(price), [Some(InvalidMovie::Price); 2]);
        assert_eq!([0, 9_999_999_999].map(price), [None; 2]);
        assert_eq!(with(|facts| facts.poster_url = Some(" https://a.example/p.jpg\n".into())), None);
        let script = with(|facts| facts.poster_url = Some("javascript:alert(1)".into()));
        assert_eq!(script, Some(InvalidMovie::PosterUrl));
        assert_eq!(with(|facts| facts.genres.push(" ".into())), Some(InvalidMovie::EmptyName));
        assert_eq!(with(|facts| facts.stars.push("\u{301}".into())), Some(InvalidMovie::EmptyName));
        assert_eq!(with(|facts| facts.stars.push("千".into())), None);
        assert_eq!(with(|facts| facts.stars.push("x".repeat(101))), Some(InvalidMovie::LongName));
        assert_eq!(with(|facts| facts.identity.name = "a\0b".into()), Some(InvalidMovie::Nul));
    }

    #[test]
    fn the_same_facts_again_change_nothing() {
        let names = ResolvedNames {
            certification: CertificationId::from_uuid(Uuid::nil()),
            genres: vec![],
            directors: vec![],
            stars: vec![],
        };
        let now = Instant::UNIX_EPOCH;
        let tidy = facts().tidy(2026).unwrap();
        let mut movie = Movie::create(MovieId::from_uuid(Uuid::nil()), tidy.clone(), names.clone(), now);
        assert!(!movie.revise(tidy.clone(), names.clone(), now + chrono::TimeDelta::days(1)));
        assert_eq!(movie.version, 1);
        assert!(movie.revise(Facts { votes: 1, ..tidy }, names, now + chrono::TimeDelta::days(1)));
        assert_eq!(movie.version, 2);
    }

    #[test]
    fn without_activity_popularity_orders_like_votes() {
        assert!(popularity(2) > popularity(1) && popularity(1) > popularity(0));
    }
}
