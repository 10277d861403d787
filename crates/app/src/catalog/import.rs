use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use chrono::Datelike;
use domain::{
    catalog::{
        CatalogUnit, CheckedPartialFacts, Facts, InvalidFacts, Movie, MovieIdentity, NameKind, PartialFacts,
    },
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{
    Catalog,
    audit::Cause,
    external_ids::ExternalIdOwners,
    resolve::{Resolved, names_of, resolved_names},
};

/// The result of importing a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// A new movie was added.
    Added,
    /// The movie existed, and the row changed it.
    Updated,
    /// The movie existed, and the row did not change it.
    Unchanged,
    /// A later row is about the same movie and breaks no rule for its values, so this row is ignored.
    Superseded,
    /// The row breaks a rule.
    Rejected(InvalidFacts),
}

/// Why an import failed. Rows that earlier calls of [`Catalog::import`] imported stay imported. New names of the
/// failed call may stay as well.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The maximum number of tries of an import. The import is tried again when other transactions add the same movies
/// concurrently, or when a transaction of the import conflicts with another one in every attempt.
const TRIES: u32 = 5;

/// The outcome of each row. `None` if another transaction concurrently added one of the movies: the unit of work must
/// then not be committed.
type Outcomes = Option<Vec<ImportOutcome>>;

/// A row to import, or its outcome if that is already certain: rejected or superseded.
type Row = Result<CheckedPartialFacts, ImportOutcome>;

impl Catalog {
    /// Imports the movies of the rows in one transaction, and returns the outcome of each row in order.
    ///
    /// A movie is identified by name, year and running time. A new movie is added. An existing movie takes over the
    /// facts (the data of a movie, see [`Facts`]) that the row has, and keeps the facts that the row does not have.
    /// Of several rows about one movie, only the last one whose facts are valid is used, so that repeating an import
    /// changes nothing. Changes of the price or the availability of an existing movie are written to the audit log.
    /// With `dry_run` nothing is committed.
    ///
    /// New names of genres, people and certifications are committed before the movies, in a separate transaction:
    /// concurrent imports that add the same name would otherwise wait for each other's complete transaction. If a file
    /// is imported in several calls, the rows that [`Repeats`](super::Repeats) finds must be omitted.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import(
        &self,
        rows: Vec<PartialFacts>,
        dry_run: bool,
    ) -> Result<Vec<ImportOutcome>, ImportError> {
        let now = self.clock.now();
        let rows = without_rejected_and_repeated(rows, now.year());
        for _ in 0..TRIES {
            let outcomes = if dry_run {
                retried(&*self.backoff, |attempt| self.try_dry_run(attempt, &rows, now)).await?
            } else {
                match self.commit(&rows, now).await {
                    // A transaction conflicted with another one in every attempt, for example because a moderator has
                    // deleted a name that was just resolved. The next try resolves the names again.
                    Err(StoreError::Conflict(_)) => None,
                    outcomes => outcomes?,
                }
            };
            if let Some(outcomes) = outcomes {
                return Ok(outcomes);
            }
        }
        Err(StoreError::unavailable("other imports kept adding the same movies at the same time").into())
    }

    /// Checks the facts of a movie that will not be imported, for example because another part of the row is
    /// unreadable.
    ///
    /// # Errors
    /// When the facts break rules. The error contains every broken rule.
    pub fn check(&self, facts: Facts) -> Result<(), InvalidFacts> {
        facts.check_identity(self.clock.now().year()).map(drop)
    }

    /// Commits the new names of the rows, and then the movies.
    async fn commit(&self, rows: &[Row], now: Instant) -> Result<Outcomes, StoreError> {
        let names = retried(&*self.backoff, |attempt| self.try_commit_names(attempt, rows)).await?;
        retried(&*self.backoff, |attempt| self.try_commit_movies(attempt, rows, &names, now)).await
    }

    /// Commits the new names of the rows; returns the identifiers of all names.
    async fn try_commit_names(&self, attempt: Attempt, rows: &[Row]) -> Result<Resolved, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, added) = self.resolve(&mut *unit, |kind| names_in(rows, kind)).await?;
        if !added.is_empty() {
            unit.commit().await?;
        }
        Ok(names)
    }

    async fn try_commit_movies(
        &self,
        attempt: Attempt,
        rows: &[Row],
        names: &Resolved,
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let outcomes = self.write(&mut *unit, rows, names, now).await?;
        if outcomes.is_some() {
            unit.commit().await?;
        }
        Ok(outcomes)
    }

    /// Does the same as an import, in one unit of work that is not committed.
    async fn try_dry_run(
        &self,
        attempt: Attempt,
        rows: &[Row],
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, _) = self.resolve(&mut *unit, |kind| names_in(rows, kind)).await?;
        self.write(&mut *unit, rows, &names, now).await
    }

    async fn write(
        &self,
        unit: &mut dyn CatalogUnit,
        rows: &[Row],
        names: &Resolved,
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let identities: Vec<MovieIdentity> = facts_of(rows).map(|facts| facts.identity.clone()).collect();
        let known = unit.find_movies_for_update(&identities).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|movie| (movie.identity.clone(), movie)).collect();

        let imdb_ids: Vec<String> = facts_of(rows).filter_map(|facts| facts.imdb_id.clone()).collect();
        let tmdb_ids: Vec<i64> = facts_of(rows).filter_map(|facts| facts.tmdb_id).collect();
        let mut owners = ExternalIdOwners::of(unit.find_external_ids(&imdb_ids, &tmdb_ids).await?);

        let mut outcomes = Vec::with_capacity(rows.len());
        let mut added = Vec::new();
        let mut changed = Vec::new();
        for row in rows {
            let imported = match row {
                Ok(imported) => imported.clone(),
                Err(outcome) => {
                    outcomes.push(outcome.clone());
                    continue;
                }
            };
            if let Err(invalid) = owners.claim(&imported.facts) {
                outcomes.push(ImportOutcome::Rejected(invalid));
                continue;
            }
            let resolved = resolved_names(&imported.facts, names);
            outcomes.push(match known.remove(&imported.facts.identity) {
                None => {
                    added.push(Movie::create(self.ids.next(), imported.facts, resolved, now));
                    ImportOutcome::Added
                }
                Some(mut movie) => {
                    let before = movie.clone();
                    if imported.apply_to(&mut movie, resolved, now) {
                        changed.push((movie, before));
                        ImportOutcome::Updated
                    } else {
                        ImportOutcome::Unchanged
                    }
                }
            });
        }
        // All imports write movies in the same order, which prevents deadlocks between imports.
        added.sort_by(by_identity);
        changed.sort_by(|(one, _), (other, _)| by_identity(one, other));
        if unit.insert_movies(&added).await?.len() < added.len() {
            return Ok(None);
        }
        let cause = Cause { ids: &*self.ids, actor: None, origin: None, at: now };
        let mut audited = Vec::new();
        for (movie, before) in &changed {
            unit.update_movie(movie).await?;
            self.recorder.replaced_poster(unit, before, Some(movie), now).await?;
            audited.extend(cause.offer_entries(movie.id, before.offer(), movie.offer()));
        }
        unit.append_audit_entries(&audited).await?;
        Ok(Some(outcomes))
    }
}

/// Checks the rows, and determines the outcome of rows that break a rule or are superseded by a later row.
fn without_rejected_and_repeated(rows: Vec<PartialFacts>, this_year: i32) -> Vec<Row> {
    let checked = rows.into_iter().map(|row| row.check(this_year).map_err(ImportOutcome::Rejected));
    let mut rows: Vec<Row> = checked.collect();
    let mut seen = HashSet::new();
    for row in rows.iter_mut().rev() {
        if row.as_ref().is_ok_and(|imported| !seen.insert(imported.facts.identity.clone())) {
            *row = Err(ImportOutcome::Superseded);
        }
    }
    rows
}

/// Returns the facts of the rows to import.
fn facts_of(rows: &[Row]) -> impl Iterator<Item = &Facts> + Clone {
    rows.iter().flatten().map(|imported| &*imported.facts)
}

/// Returns the names of this kind in the rows to import.
fn names_in(rows: &[Row], kind: NameKind) -> impl Iterator<Item = &String> {
    facts_of(rows).flat_map(move |facts| names_of(facts, kind))
}

fn by_identity(one: &Movie, other: &Movie) -> Ordering {
    let key = |movie: &Movie| (movie.identity.year, movie.identity.duration_minutes);
    one.identity.name.cmp(&other.identity.name).then_with(|| key(one).cmp(&key(other)))
}

#[cfg(test)]
mod tests;
