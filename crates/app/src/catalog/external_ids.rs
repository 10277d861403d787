use std::collections::{HashMap, hash_map::Entry};

use domain::catalog::{ExternalIds, FactFault, FactField, Facts, InvalidFacts, MovieIdentity};

/// The movies that own the IMDb and TMDB identifiers in the rows of an import.
#[derive(Default)]
pub(super) struct ExternalIdOwners {
    imdb: HashMap<String, MovieIdentity>,
    tmdb: HashMap<i64, MovieIdentity>,
}

impl ExternalIdOwners {
    /// Creates the table of owners from stored movies.
    pub(super) fn of(stored: Vec<ExternalIds>) -> Self {
        let mut owners = Self::default();
        for ExternalIds { movie, imdb_id, tmdb_id } in stored {
            owners.imdb.extend(imdb_id.map(|id| (id, movie.clone())));
            owners.tmdb.extend(tmdb_id.map(|id| (id, movie)));
        }
        owners
    }

    /// Records the identifiers of a row to import.
    ///
    /// # Errors
    /// When an identifier belongs to another movie. An identifier that a row of the same import removes from a movie
    /// still belongs to that movie; the next import can give it to another movie.
    pub(super) fn claim(&mut self, facts: &Facts) -> Result<(), InvalidFacts> {
        let movie = &facts.identity;
        let taken = |field| InvalidFacts::of_field(field, FactFault::BelongsToAnotherMovie);
        let is_foreign = |owner: Option<&MovieIdentity>| owner.is_some_and(|owner| owner != movie);
        if is_foreign(facts.imdb_id.as_ref().and_then(|id| self.imdb.get(id))) {
            return Err(taken(FactField::ImdbId));
        }
        if is_foreign(facts.tmdb_id.and_then(|id| self.tmdb.get(&id))) {
            return Err(taken(FactField::TmdbId));
        }
        self.imdb.extend(facts.imdb_id.clone().map(|id| (id, movie.clone())));
        if let Some(Entry::Vacant(free)) = facts.tmdb_id.map(|id| self.tmdb.entry(id)) {
            free.insert(movie.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::fixtures::facts;

    fn with_ids(name: &str, imdb_id: Option<&str>, tmdb_id: Option<i64>) -> Facts {
        Facts { imdb_id: imdb_id.map(str::to_owned), tmdb_id, ..facts(name) }
    }

    #[test]
    fn an_identifier_belongs_to_one_movie() {
        let stored = ExternalIds {
            movie: facts("Stored").identity,
            imdb_id: Some("tt0000001".to_owned()),
            tmdb_id: Some(1),
        };
        let mut owners = ExternalIdOwners::of(vec![stored]);
        let mut claim = |name, imdb_id, tmdb_id| {
            owners.claim(&with_ids(name, imdb_id, tmdb_id)).err().map(|invalid| invalid.to_string())
        };
        let taken = |field: &str| Some(format!("{field}: belongs to another movie"));
        assert_eq!(claim("Stored", Some("tt0000001"), Some(1)), None);
        assert_eq!(claim("Other", Some("tt0000001"), None), taken("imdb_id"));
        assert_eq!(claim("Other", Some("tt0000002"), Some(1)), taken("tmdb_id"));
        assert_eq!(claim("Third", Some("tt0000002"), Some(2)), None, "a refused row claims no identifier");
        assert_eq!(claim("Other", Some("tt0000002"), None), taken("imdb_id"));
        assert_eq!(claim("Other", None, None), None);
    }
}
