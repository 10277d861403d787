use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use chrono::Datelike;
use domain::catalog::{Facts, MovieIdentity};

use super::Catalog;

/// Finds the rows of a file that a later row about the same movie supersedes.
///
/// Callers must record all rows with [`Catalog::note_row`] before they import the first one. Otherwise an import in
/// several parts would import the earlier and the later row, one after the other, so that every run of the import would
/// change the movie.
#[derive(Debug, Default)]
pub struct Repeats {
    /// The number of the last row of each movie so far. The key is a digest of the movie's identity, which needs less
    /// memory than the identity.
    last: HashMap<[u64; 2], u64>,
    superseded: HashSet<u64>,
}

impl Repeats {
    /// The numbers of the rows that must not be imported.
    #[must_use]
    pub fn superseded(self) -> HashSet<u64> {
        self.superseded
    }

    fn note(&mut self, row: u64, identity: &MovieIdentity) {
        let digest = |half: u8| {
            let mut hasher = DefaultHasher::new();
            (half, identity).hash(&mut hasher);
            hasher.finish()
        };
        self.superseded.extend(self.last.insert([digest(0), digest(1)], row));
    }
}

impl Catalog {
    /// Records a row in `repeats`. Callers must pass the row numbers in ascending order. Rows that break a rule do not
    /// supersede other rows.
    pub fn note_row(&self, row: u64, facts: Facts, repeats: &mut Repeats) {
        if let Ok(identity) = facts.check_identity(self.clock.now().year()) {
            repeats.note(row, &identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::doubles::{MockQueries, browsing},
        doubles::fixtures::facts,
    };

    #[test]
    fn all_valid_rows_about_a_movie_except_the_last_are_superseded() {
        let catalog = browsing(MockQueries::new());
        let mut remake = facts("Solaris");
        remake.identity.year = 2002;
        let bad = Facts { votes: -1, ..facts("Solaris") };
        let rows = [facts("Solaris"), facts("Stalker"), facts(" Solaris"), remake, facts("Solaris"), bad];
        let mut repeats = Repeats::default();
        for (row, facts) in (10..).zip(rows) {
            catalog.note_row(row, facts, &mut repeats);
        }
        assert_eq!(repeats.superseded(), HashSet::from([10, 12]));
    }
}
