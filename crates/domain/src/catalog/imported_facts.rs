use super::{
    facts::{CheckedFacts, Facts},
    facts_error::InvalidFacts,
    movie::Movie,
    names::ResolvedNames,
};

/// A fact that a source may leave out: an existing movie then keeps the value that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionalFact {
    /// The score at Metacritic.
    MetaScore,
    /// The gross earnings.
    Gross,
    /// The description.
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
    /// The address of the poster.
    PosterUrl,
    /// Whether it is on sale.
    IsAvailable,
}

impl OptionalFact {
    const fn bit(self) -> u16 {
        match self {
            Self::MetaScore => 1,
            Self::Gross => 1 << 1,
            Self::Description => 1 << 2,
            Self::Price => 1 << 3,
            Self::Certification => 1 << 4,
            Self::Genres => 1 << 5,
            Self::Directors => 1 << 6,
            Self::Stars => 1 << 7,
            Self::PosterUrl => 1 << 8,
            Self::IsAvailable => 1 << 9,
        }
    }
}

/// A set of optional facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FactSet(u16);

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

/// A movie as the source of an import describes it. The source may say nothing about some facts, for example because its
/// table has no such column.
///
/// ```
/// use domain::catalog::{FactSet, Facts, ImportedFacts, OptionalFact};
///
/// fn without_genres(facts: Facts) -> ImportedFacts {
///     ImportedFacts { facts, absent: FactSet::from_iter([OptionalFact::Genres]) }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedFacts {
    /// All facts of a new movie. Those that the source says nothing about have default values.
    pub facts: Facts,
    /// The facts that the source says nothing about.
    pub absent: FactSet,
}

impl From<Facts> for ImportedFacts {
    fn from(facts: Facts) -> Self {
        Self { facts, absent: FactSet::default() }
    }
}

impl ImportedFacts {
    /// Checks every rule, as [`Facts::check`] does.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn check(self, this_year: i32) -> Result<CheckedImport, InvalidFacts> {
        Ok(CheckedImport { facts: self.facts.check(this_year)?, absent: self.absent })
    }
}

/// What a source says about a movie, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedImport {
    /// All facts of a new movie.
    pub facts: CheckedFacts,
    /// The facts that the source says nothing about.
    pub absent: FactSet,
}

impl CheckedImport {
    /// The facts and names for [`Movie::revise`]: those of the source, and where it says nothing those of the movie.
    /// `names` are the resolved names of [`CheckedImport::facts`].
    #[must_use]
    pub fn completed_from(self, movie: &Movie, mut names: ResolvedNames) -> (CheckedFacts, ResolvedNames) {
        let absent = self.absent;
        let facts = self.facts.with_stored(|facts| {
            if absent.contains(OptionalFact::MetaScore) {
                facts.meta_score = movie.meta_score;
            }
            if absent.contains(OptionalFact::Gross) {
                facts.gross = movie.gross;
            }
            if absent.contains(OptionalFact::Description) {
                facts.description.clone_from(&movie.description);
            }
            if absent.contains(OptionalFact::Price) {
                facts.price = movie.price;
            }
            if absent.contains(OptionalFact::PosterUrl) {
                facts.poster_url.clone_from(&movie.poster_url);
            }
            if absent.contains(OptionalFact::IsAvailable) {
                facts.is_available = movie.is_available;
            }
        });
        if absent.contains(OptionalFact::Certification) {
            names.certification = movie.certification_id;
        }
        if absent.contains(OptionalFact::Genres) {
            names.genres.clone_from(&movie.genre_ids);
        }
        if absent.contains(OptionalFact::Directors) {
            names.directors.clone_from(&movie.director_ids);
        }
        if absent.contains(OptionalFact::Stars) {
            names.stars.clone_from(&movie.star_ids);
        }
        (facts, names)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{catalog::MovieIdentity, id::Id, money::Money, time::Instant};

    const ALL: [OptionalFact; 10] = [
        OptionalFact::MetaScore,
        OptionalFact::Gross,
        OptionalFact::Description,
        OptionalFact::Price,
        OptionalFact::Certification,
        OptionalFact::Genres,
        OptionalFact::Directors,
        OptionalFact::Stars,
        OptionalFact::PosterUrl,
        OptionalFact::IsAvailable,
    ];

    fn facts(votes: i64) -> Facts {
        Facts {
            identity: MovieIdentity { name: "Amélie".into(), year: 2001, duration_minutes: 122 },
            imdb: 8.3,
            votes,
            meta_score: None,
            gross: None,
            description: String::new(),
            price: Money::from_minor(0, "USD".parse().unwrap()),
            certification: "Not Rated".into(),
            genres: Vec::new(),
            directors: Vec::new(),
            stars: Vec::new(),
            poster_url: None,
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

    fn movie() -> Movie {
        let facts = Facts {
            meta_score: Some(69.0),
            gross: Some(33_225_499),
            description: "A waitress in Paris.".into(),
            price: Money::from_minor(999, "USD".parse().unwrap()),
            poster_url: Some("https://posters.example/amelie.jpg".into()),
            is_available: false,
            ..facts(1)
        };
        let facts = facts.check(2026).unwrap();
        Movie::create(Id::from_uuid(Uuid::from_u128(1)), facts, names(7), Instant::default())
    }

    #[test]
    fn what_the_source_says_nothing_about_stays_as_it_is() {
        let imported =
            ImportedFacts { facts: facts(2), absent: ALL.into_iter().collect() }.check(2026).unwrap();
        let mut revised = movie();
        let (facts, names) = imported.completed_from(&revised, names(8));
        assert!(revised.revise(facts, names, Instant::default()));
        assert_eq!(revised, Movie { votes: 2, version: 2, ..movie() });
    }

    #[test]
    fn each_fact_that_the_source_gives_replaces_the_old_value() {
        for given in ALL {
            let absent: FactSet = ALL.into_iter().filter(|fact| *fact != given).collect();
            let mut revised = movie();
            let imported = ImportedFacts { facts: facts(1), absent }.check(2026).unwrap();
            let (facts, names) = imported.completed_from(&revised, names(8));
            assert!(revised.revise(facts.clone(), names.clone(), Instant::default()), "{given:?}");
            let kept = movie();
            let changed = [
                revised.meta_score != kept.meta_score,
                revised.gross != kept.gross,
                revised.description != kept.description,
                revised.price != kept.price,
                revised.certification_id != kept.certification_id,
                revised.genre_ids != kept.genre_ids,
                revised.director_ids != kept.director_ids,
                revised.star_ids != kept.star_ids,
                revised.poster_url != kept.poster_url,
                revised.is_available != kept.is_available,
            ];
            assert_eq!(changed, ALL.map(|fact| fact == given), "{given:?}");
        }
    }

    #[test]
    fn complete_facts_replace_everything() {
        let imported = ImportedFacts::from(facts(2)).check(2026).unwrap();
        assert_eq!(imported.clone().completed_from(&movie(), names(8)), (imported.facts, names(8)));
    }
}
