use super::{
    facts::{CheckedFacts, Facts},
    facts_error::InvalidFacts,
    movie::Movie,
    names::ResolvedNames,
};
use crate::time::Instant;

/// Declares the facts that can be omitted, each with its bit in a [`FactSet`].
macro_rules! optional_facts {
    ($($(#[$doc:meta])* $fact:ident = $bit:literal;)*) => {
        /// A fact that an import or a change may omit. An existing movie keeps its own value of an omitted fact.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OptionalFact {
            $($(#[$doc])* $fact,)*
        }

        impl OptionalFact {
            /// All optional facts.
            pub const ALL: [Self; [$($bit),*].len()] = [$(Self::$fact),*];

            const fn bit(self) -> u32 {
                match self {
                    $(Self::$fact => 1 << $bit,)*
                }
            }
        }
    };
}

optional_facts! {
    /// The title.
    Name = 0;
    /// The year of release.
    Year = 1;
    /// The running time in minutes.
    DurationMinutes = 2;
    /// The rating at IMDb.
    Imdb = 3;
    /// The number of votes at IMDb.
    Votes = 4;
    /// The score at Metacritic.
    MetaScore = 5;
    /// The box office gross.
    Gross = 6;
    /// The description.
    Description = 7;
    /// The price.
    Price = 8;
    /// The age certification.
    Certification = 9;
    /// The genres.
    Genres = 10;
    /// The directors.
    Directors = 11;
    /// The actors.
    Stars = 12;
    /// The poster.
    PosterUrl = 13;
    /// The address of a trailer.
    TrailerUrl = 14;
    /// The identifier at IMDb.
    ImdbId = 15;
    /// The identifier at TMDB.
    TmdbId = 16;
    /// The name that the movie is sorted by.
    SortName = 17;
    /// Whether the movie is on sale.
    IsAvailable = 18;
}

/// A set of optional facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FactSet(u32);

impl FactSet {
    /// Adds a fact.
    pub const fn insert(&mut self, fact: OptionalFact) {
        self.0 |= fact.bit();
    }

    /// Whether the fact is in the set.
    #[must_use]
    pub const fn contains(self, fact: OptionalFact) -> bool {
        self.0 & fact.bit() != 0
    }
}

impl FromIterator<OptionalFact> for FactSet {
    fn from_iter<I: IntoIterator<Item = OptionalFact>>(facts: I) -> Self {
        let mut set = Self::default();
        facts.into_iter().for_each(|fact| set.insert(fact));
        set
    }
}

/// Facts of a movie, some of which may be omitted, for example because an import has no column for them, or because a
/// change keeps them.
///
/// ```
/// use domain::catalog::{FactSet, Facts, OptionalFact, PartialFacts};
///
/// fn without_genres(facts: Facts) -> PartialFacts {
///     PartialFacts { facts, absent: FactSet::from_iter([OptionalFact::Genres]) }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PartialFacts {
    /// All facts. Omitted facts have valid default values, which are used only for a new movie.
    pub facts: Facts,
    /// The omitted facts.
    pub absent: FactSet,
}

impl From<Facts> for PartialFacts {
    fn from(facts: Facts) -> Self {
        Self { facts, absent: FactSet::default() }
    }
}

impl PartialFacts {
    /// Checks every rule, as [`Facts::check`] does.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn check(self, this_year: i32) -> Result<CheckedPartialFacts, InvalidFacts> {
        Ok(CheckedPartialFacts { facts: self.facts.check(this_year)?, absent: self.absent })
    }
}

/// Checked facts of a movie, some of which may be omitted.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedPartialFacts {
    /// All facts. Omitted facts have valid default values, which are used only for a new movie.
    pub facts: CheckedFacts,
    /// The omitted facts.
    pub absent: FactSet,
}

impl From<CheckedFacts> for CheckedPartialFacts {
    fn from(facts: CheckedFacts) -> Self {
        Self { facts, absent: FactSet::default() }
    }
}

impl CheckedPartialFacts {
    /// Applies the facts to the movie, which keeps its own values for omitted facts. An uploaded poster is also kept if
    /// the given poster address is the address at which the API shows this poster. `names` must be the resolved names
    /// of [`CheckedPartialFacts::facts`]. Returns whether anything changed; the version increases only then.
    pub fn apply_to(self, movie: &mut Movie, names: ResolvedNames, now: Instant) -> bool {
        let is_shown =
            |address: &String| movie.uploaded_poster().is_some_and(|poster| poster.is_shown_at(address));
        let keeps_poster = self.absent.contains(OptionalFact::PosterUrl)
            || self.facts.poster_url.as_ref().is_some_and(is_shown);
        let (facts, names) = self.completed_from(movie, names);
        let mut revised = Movie::create(movie.id, facts, names, now);
        if keeps_poster {
            revised.poster.clone_from(&movie.poster);
        }
        movie.replace_with(revised, now)
    }

    /// Returns all facts and names, with omitted ones taken from the movie. The poster is handled by the caller.
    fn completed_from(self, movie: &Movie, mut names: ResolvedNames) -> (CheckedFacts, ResolvedNames) {
        let is_absent = |fact| self.absent.contains(fact);
        let facts = self.facts.with_stored(|facts| {
            if is_absent(OptionalFact::Name) {
                facts.identity.name.clone_from(&movie.identity.name);
            }
            if is_absent(OptionalFact::Year) {
                facts.identity.year = movie.identity.year;
            }
            if is_absent(OptionalFact::DurationMinutes) {
                facts.identity.duration_minutes = movie.identity.duration_minutes;
            }
            if is_absent(OptionalFact::Imdb) {
                facts.imdb = movie.imdb;
            }
            if is_absent(OptionalFact::Votes) {
                facts.votes = movie.votes;
            }
            if is_absent(OptionalFact::MetaScore) {
                facts.meta_score = movie.meta_score;
            }
            if is_absent(OptionalFact::Gross) {
                facts.gross = movie.gross;
            }
            if is_absent(OptionalFact::Description) {
                facts.description.clone_from(&movie.description);
            }
            if is_absent(OptionalFact::Price) {
                facts.price = movie.price;
            }
            if is_absent(OptionalFact::TrailerUrl) {
                facts.trailer_url.clone_from(&movie.trailer_url);
            }
            if is_absent(OptionalFact::ImdbId) {
                facts.imdb_id.clone_from(&movie.imdb_id);
            }
            if is_absent(OptionalFact::TmdbId) {
                facts.tmdb_id = movie.tmdb_id;
            }
            if is_absent(OptionalFact::SortName) {
                facts.sort_name.clone_from(&movie.sort_name);
            }
            if is_absent(OptionalFact::IsAvailable) {
                facts.is_available = movie.is_available;
            }
        });
        if is_absent(OptionalFact::Certification) {
            names.certification = movie.certification_id;
        }
        if is_absent(OptionalFact::Genres) {
            names.genres.clone_from(&movie.genre_ids);
        }
        if is_absent(OptionalFact::Directors) {
            names.directors.clone_from(&movie.director_ids);
        }
        if is_absent(OptionalFact::Stars) {
            names.stars.clone_from(&movie.star_ids);
        }
        (facts, names)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        catalog::{MovieIdentity, Poster, UploadedPoster},
        id::Id,
        money::Money,
    };

    fn facts() -> Facts {
        Facts {
            identity: MovieIdentity { name: "Amélie".into(), year: 2001, duration_minutes: 122 },
            imdb: 8.3,
            votes: 2,
            meta_score: None,
            gross: None,
            description: String::new(),
            price: Money::from_minor(0, "USD".parse().unwrap()),
            certification: "Not Rated".into(),
            genres: Vec::new(),
            directors: Vec::new(),
            stars: Vec::new(),
            poster_url: None,
            trailer_url: None,
            imdb_id: None,
            tmdb_id: None,
            sort_name: None,
            is_available: true,
        }
    }

    fn names(number: u128) -> ResolvedNames {
        let id = Uuid::from_u128(number);
        ResolvedNames {
            certification: Id::from_uuid(id),
            genres: vec![Id::from_uuid(id)],
            directors: vec![Id::from_uuid(id)],
            stars: vec![Id::from_uuid(id)],
        }
    }

    /// A movie that differs in every optional fact from a movie with [`facts`] and the names `names(8)`, as used by
    /// [`applied`].
    fn movie() -> Movie {
        let facts = Facts {
            identity: MovieIdentity { name: "Amelie".into(), year: 2002, duration_minutes: 121 },
            imdb: 8.2,
            votes: 1,
            meta_score: Some(69.0),
            gross: Some(33_225_499),
            description: "A waitress in Paris.".into(),
            price: Money::from_minor(999, "USD".parse().unwrap()),
            poster_url: Some("https://posters.example/amelie.jpg".into()),
            trailer_url: Some("https://trailers.example/amelie".into()),
            imdb_id: Some("tt0211915".into()),
            tmdb_id: Some(194),
            sort_name: Some("Fabuleux destin".into()),
            is_available: false,
            ..facts()
        };
        let facts = facts.check(2026).unwrap();
        Movie::create(Id::from_uuid(Uuid::from_u128(1)), facts, names(7), Instant::default())
    }

    fn applied(absent: FactSet, movie: &Movie) -> (Movie, bool) {
        let mut changed = movie.clone();
        let facts = PartialFacts { facts: facts(), absent }.check(2026).unwrap();
        let has_changed = facts.apply_to(&mut changed, names(8), Instant::default());
        (changed, has_changed)
    }

    #[test]
    fn omitted_facts_are_kept() {
        assert_eq!(applied(OptionalFact::ALL.into_iter().collect(), &movie()), (movie(), false));
    }

    #[test]
    fn each_given_fact_replaces_only_its_own_value() {
        for given in OptionalFact::ALL {
            let absent = OptionalFact::ALL.into_iter().filter(|fact| *fact != given).collect();
            let (changed, has_changed) = applied(absent, &movie());
            assert!(has_changed, "{given:?}");
            let kept = movie();
            let differs = [
                changed.identity.name != kept.identity.name,
                changed.identity.year != kept.identity.year,
                changed.identity.duration_minutes != kept.identity.duration_minutes,
                changed.imdb.to_bits() != kept.imdb.to_bits(),
                changed.votes != kept.votes,
                changed.meta_score != kept.meta_score,
                changed.gross != kept.gross,
                changed.description != kept.description,
                changed.price != kept.price,
                changed.certification_id != kept.certification_id,
                changed.genre_ids != kept.genre_ids,
                changed.director_ids != kept.director_ids,
                changed.star_ids != kept.star_ids,
                changed.poster != kept.poster,
                changed.trailer_url != kept.trailer_url,
                changed.imdb_id != kept.imdb_id,
                changed.tmdb_id != kept.tmdb_id,
                changed.sort_name != kept.sort_name,
                changed.is_available != kept.is_available,
            ];
            assert_eq!(differs, OptionalFact::ALL.map(|fact| fact == given), "{given:?}");
        }
    }

    #[test]
    fn an_uploaded_poster_stays_when_the_poster_is_omitted_and_is_removed_when_none_is_given() {
        let uploaded = Poster::Uploaded(UploadedPoster { id: Id::from_uuid(Uuid::nil()), width: 342 });
        let movie = Movie { poster: Some(uploaded.clone()), ..movie() };
        let (kept, _) = applied([OptionalFact::PosterUrl].into_iter().collect(), &movie);
        assert_eq!(kept.poster, Some(uploaded));
        assert_eq!(applied(FactSet::default(), &movie).0.poster, None);
    }

    #[test]
    fn applying_the_same_facts_again_changes_nothing() {
        let (mut movie, names) = (movie(), names(7));
        let later = Instant::UNIX_EPOCH + chrono::TimeDelta::days(1);
        let complete = || CheckedPartialFacts::from(facts().check(2026).unwrap());
        assert!(complete().apply_to(&mut movie, names.clone(), later));
        assert_eq!((movie.version, movie.updated_at, movie.created_at), (2, later, Instant::UNIX_EPOCH));
        let before = movie.clone();
        assert!(!complete().apply_to(&mut movie, names, later + chrono::TimeDelta::days(1)));
        assert_eq!(movie, before);
    }
}
