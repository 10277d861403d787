use super::{
    facts::{CheckedFacts, MovieIdentity},
    names::ResolvedNames,
};
use crate::{
    id::{CertificationId, DirectorId, GenreId, MovieId, StarId},
    money::Money,
    time::Instant,
};

/// A movie of the catalogue.
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
    /// Increases with every change of the movie itself, not of its counters.
    pub version: i64,
    /// When it was added.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
}

impl Movie {
    /// A new movie with these facts. `names` are the rows that the names in the facts stand for.
    #[must_use]
    pub fn create(id: MovieId, facts: CheckedFacts, names: ResolvedNames, now: Instant) -> Self {
        let facts = facts.into_inner();
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

    /// Its price, and whether it is on sale.
    #[must_use]
    pub const fn offer(&self) -> Offer {
        Offer { price: self.price, is_available: self.is_available }
    }

    /// Replaces the facts. Returns whether anything changed; only then the version increases.
    pub fn revise(&mut self, facts: CheckedFacts, names: ResolvedNames, now: Instant) -> bool {
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

/// A movie's price, and whether it is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it costs.
    pub price: Money,
    /// Whether it is on sale.
    pub is_available: bool,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{catalog::FactsBuilder, money::Currency};

    #[test]
    fn the_same_facts_again_change_nothing() {
        let names = ResolvedNames {
            certification: CertificationId::from_uuid(Uuid::nil()),
            genres: vec![],
            directors: vec![],
            stars: vec![],
        };
        let now = Instant::UNIX_EPOCH;
        let later = now + chrono::TimeDelta::days(1);
        let facts = |votes| {
            FactsBuilder::new()
                .name("Alien")
                .year(1979)
                .duration_minutes(117)
                .imdb(8.5)
                .votes(votes)
                .price(Money::from_minor(999, Currency::USD))
                .build(2026)
                .unwrap()
        };
        let mut movie = Movie::create(MovieId::from_uuid(Uuid::nil()), facts(5), names.clone(), now);
        assert!(!movie.revise(facts(5), names.clone(), later));
        assert_eq!((movie.version, movie.updated_at), (1, now));
        assert!(movie.revise(facts(6), names, later));
        assert_eq!((movie.version, movie.updated_at, movie.created_at), (2, later, now));
    }
}
