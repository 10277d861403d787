use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use chrono::Datelike;
use domain::{
    catalog::{
        CatalogUnit, CheckedImport, Facts, ImportedFacts, InvalidFacts, Movie, MovieIdentity, NameKind,
        ProposedName, ResolvedNames,
    },
    id::{CertificationId, DirectorId, GenreId, Id, Kind, StarId},
    store::{Attempt, StoreError, retried},
    text::fold,
    time::Instant,
};
use uuid::Uuid;

use super::{Catalog, audit::entries};

/// The result of importing a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// A new movie.
    Added,
    /// A movie that existed, with other facts.
    Updated,
    /// A movie that existed, with the same facts.
    Unchanged,
    /// A later row is about the same movie and is imported instead.
    Superseded,
    /// It breaks a rule.
    Rejected(InvalidFacts),
}

/// An import failed. Rows that were imported before stay imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often an import is tried again because other imports add the same movies at the same time.
const TRIES: u32 = 5;

/// The identifiers of names, by kind and folded name.
type Resolved = HashMap<(NameKind, String), Uuid>;

/// The outcome of each row; `None` if another import added one of the movies at the same time, so that nothing may be
/// committed.
type Outcomes = Option<Vec<ImportOutcome>>;

/// A row that is to be imported, or its outcome if it needs no store.
type Row = Result<CheckedImport, ImportOutcome>;

impl Catalog {
    /// Imports rows in one transaction, and returns the outcome of each row in order.
    ///
    /// A movie is identified by name, year and running time. A new one is added; an existing one takes over the facts that
    /// the row has, and keeps those that are absent from it. Of several rows about one movie the last valid one is
    /// imported, so that repeating an import changes nothing. Changes of the price or the availability of an existing movie
    /// are written to the audit log. With `dry_run` nothing is committed.
    ///
    /// New names of genres, people and certifications are committed before the movies, in a transaction of their own:
    /// parallel imports that share a name would otherwise wait for each other's whole transaction. A file that is imported
    /// in several calls must leave out the rows that [`Repeats`](super::Repeats) finds.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import(
        &self,
        rows: Vec<ImportedFacts>,
        dry_run: bool,
    ) -> Result<Vec<ImportOutcome>, ImportError> {
        let now = self.clock.now();
        let rows = without_rejected_and_repeated(rows, now.year());
        for _ in 0..TRIES {
            let outcomes = if dry_run {
                retried(&*self.backoff, |attempt| self.try_dry_run(attempt, &rows, now)).await?
            } else {
                let names = retried(&*self.backoff, |attempt| self.try_commit_names(attempt, &rows)).await?;
                retried(&*self.backoff, |attempt| self.try_commit_movies(attempt, &rows, &names, now)).await?
            };
            if let Some(outcomes) = outcomes {
                return Ok(outcomes);
            }
        }
        Err(StoreError::unavailable("other imports kept adding the same movies at the same time").into())
    }

    /// Checks facts that are not to be imported, for example because another part of their row is unreadable.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn check(&self, facts: Facts) -> Result<(), InvalidFacts> {
        facts.check_identity(self.clock.now().year()).map(drop)
    }

    /// Commits the new names of the rows; returns the identifiers of all names.
    async fn try_commit_names(&self, attempt: Attempt, rows: &[Row]) -> Result<Resolved, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, has_new) = self.resolve(&mut *unit, facts_of(rows)).await?;
        if has_new {
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

    /// Does the same without a commit.
    async fn try_dry_run(
        &self,
        attempt: Attempt,
        rows: &[Row],
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, _) = self.resolve(&mut *unit, facts_of(rows)).await?;
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
            let resolved = resolved_names(&imported.facts, names);
            outcomes.push(match known.remove(&imported.facts.identity) {
                None => {
                    added.push(Movie::create(self.ids.next(), imported.facts, resolved, now));
                    ImportOutcome::Added
                }
                Some(mut movie) => {
                    let before = movie.offer();
                    let (facts, resolved) = imported.completed_from(&movie, resolved);
                    if movie.revise(facts, resolved, now) {
                        changed.push((movie, before));
                        ImportOutcome::Updated
                    } else {
                        ImportOutcome::Unchanged
                    }
                }
            });
        }
        // All imports write movies in the same order, which prevents deadlocks.
        added.sort_by(by_identity);
        changed.sort_by(|(one, _), (other, _)| by_identity(one, other));
        if unit.insert_movies(&added).await?.len() < added.len() {
            return Ok(None);
        }
        let mut audited = Vec::new();
        for (movie, before) in &changed {
            unit.update_movie(movie).await?;
            audited.extend(entries(&*self.ids, movie.id, *before, movie.offer(), now));
        }
        unit.append_audit_entries(&audited).await?;
        Ok(Some(outcomes))
    }

    /// The identifiers of all names, and whether any name is new.
    async fn resolve(
        &self,
        unit: &mut dyn CatalogUnit,
        rows: impl Iterator<Item = &Facts> + Clone,
    ) -> Result<(Resolved, bool), StoreError> {
        let mut resolved = Resolved::new();
        let mut has_new = false;
        for kind in [NameKind::Certification, NameKind::Genre, NameKind::Director, NameKind::Star] {
            let mut proposed: HashMap<String, ProposedName> = HashMap::new();
            for name in rows.clone().flat_map(|facts| names_of(facts, kind)) {
                proposed
                    .entry(fold(name))
                    .or_insert_with(|| ProposedName { id: self.ids.uuid(), name: name.clone() });
            }
            // All imports add names in the same order, which prevents deadlocks.
            let mut keys: Vec<_> = proposed.into_iter().collect();
            keys.sort_by(|(left, _), (right, _)| left.cmp(right));
            let (keys, names): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
            let ids = unit.resolve_names(kind, &names).await?;
            has_new |= names.iter().zip(&ids).any(|(proposed, id)| proposed.id == *id);
            resolved.extend(keys.into_iter().map(|key| (kind, key)).zip(ids));
        }
        Ok((resolved, has_new))
    }
}

/// Checks the rows, and sorts out those that break a rule and those that a later row supersedes.
fn without_rejected_and_repeated(rows: Vec<ImportedFacts>, this_year: i32) -> Vec<Row> {
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

/// The facts of the rows that are to be imported.
fn facts_of(rows: &[Row]) -> impl Iterator<Item = &Facts> + Clone {
    rows.iter().flatten().map(|imported| &*imported.facts)
}

fn by_identity(one: &Movie, other: &Movie) -> Ordering {
    let key = |movie: &Movie| (movie.identity.year, movie.identity.duration_minutes);
    one.identity.name.cmp(&other.identity.name).then_with(|| key(one).cmp(&key(other)))
}

fn names_of(facts: &Facts, kind: NameKind) -> &[String] {
    match kind {
        NameKind::Genre => &facts.genres,
        NameKind::Star => &facts.stars,
        NameKind::Director => &facts.directors,
        NameKind::Certification => std::slice::from_ref(&facts.certification),
    }
}

fn resolved_names(facts: &Facts, names: &Resolved) -> ResolvedNames {
    fn ids<K: Kind>(facts: &Facts, kind: NameKind, names: &Resolved) -> Vec<Id<K>> {
        names_of(facts, kind)
            .iter()
            .filter_map(|name| names.get(&(kind, fold(name))).copied().map(Id::from_uuid))
            .collect()
    }
    let certifications: Vec<CertificationId> = ids(facts, NameKind::Certification, names);
    let genres: Vec<GenreId> = ids(facts, NameKind::Genre, names);
    let directors: Vec<DirectorId> = ids(facts, NameKind::Director, names);
    let stars: Vec<StarId> = ids(facts, NameKind::Star, names);
    // All names were resolved before, including the certification.
    let certification = certifications.first().copied().unwrap_or_else(|| Id::from_uuid(Uuid::nil()));
    ResolvedNames { certification, genres, directors, stars }
}

#[cfg(test)]
mod tests;
