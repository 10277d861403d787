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

/// The outcome of each row; `None` if another import added one of the movies at the same time, so that nothing may be
/// committed.
type Outcomes = Option<Vec<ImportOutcome>>;

/// A row that is to be imported, or its outcome if it needs no store.
type Row = Result<CheckedPartialFacts, ImportOutcome>;

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
        rows: Vec<PartialFacts>,
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
        let (names, has_new) = self.resolve(&mut *unit, |kind| names_in(rows, kind)).await?;
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
                    let before = movie.offer();
                    if imported.apply_to(&mut movie, resolved, now) {
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
        let cause = Cause { ids: &*self.ids, actor: None, origin: None, at: now };
        let mut audited = Vec::new();
        for (movie, before) in &changed {
            unit.update_movie(movie).await?;
            audited.extend(cause.offer_entries(movie.id, *before, movie.offer()));
        }
        unit.append_audit_entries(&audited).await?;
        Ok(Some(outcomes))
    }
}

/// Checks the rows, and sorts out those that break a rule and those that a later row supersedes.
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

/// The facts of the rows that are to be imported.
fn facts_of(rows: &[Row]) -> impl Iterator<Item = &Facts> + Clone {
    rows.iter().flatten().map(|imported| &*imported.facts)
}

/// The names of this kind in the rows that are to be imported.
fn names_in(rows: &[Row], kind: NameKind) -> impl Iterator<Item = &String> {
    facts_of(rows).flat_map(move |facts| names_of(facts, kind))
}

fn by_identity(one: &Movie, other: &Movie) -> Ordering {
    let key = |movie: &Movie| (movie.identity.year, movie.identity.duration_minutes);
    one.identity.name.cmp(&other.identity.name).then_with(|| key(one).cmp(&key(other)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard, atomic::Ordering};

    use domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditState},
        catalog::{OptionalFact, ResolvedNames},
        id::{CertificationId, Id},
    };
    use uuid::Uuid;

    use super::*;
    use crate::catalog::doubles::{MemoryCatalog, MockQueries, Shelf, catalog_on, facts, price};

    fn catalog() -> (Catalog, Arc<MemoryCatalog>) {
        let store = Arc::new(MemoryCatalog::default());
        (catalog_on(&store, MockQueries::new()), store)
    }

    async fn import(catalog: &Catalog, rows: Vec<Facts>) -> Vec<ImportOutcome> {
        catalog.import(complete(rows), false).await.unwrap()
    }

    /// Rows of a source that has all facts.
    fn complete(rows: Vec<Facts>) -> Vec<PartialFacts> {
        rows.into_iter().map(PartialFacts::from).collect()
    }

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    /// A movie that another import added.
    fn of_another(name: &str) -> Movie {
        let names = ResolvedNames {
            certification: CertificationId::from_uuid(Uuid::from_u128(901)),
            genres: Vec::new(),
            directors: Vec::new(),
            stars: Vec::new(),
        };
        Movie::create(
            Id::from_uuid(Uuid::from_u128(900)),
            facts(name).check(2026).unwrap(),
            names,
            Instant::default(),
        )
    }

    #[tokio::test]
    async fn every_row_has_its_outcome_in_order() {
        let (catalog, store) = catalog();
        import(&catalog, vec![facts("Same"), facts("Other")]).await;
        let rows = vec![
            facts("New"),
            Facts { imdb: 11.0, ..facts("Bad") },
            facts("Same"),
            Facts { price: price("1.00"), ..facts("Other") },
        ];
        let outcomes = import(&catalog, rows).await;
        assert_eq!(
            outcomes,
            [
                ImportOutcome::Added,
                ImportOutcome::Rejected(Facts { imdb: 11.0, ..facts("Bad") }.check(2026).unwrap_err()),
                ImportOutcome::Unchanged,
                ImportOutcome::Updated
            ]
        );
        let shelf = store.shelf();
        let of = |name: &str| shelf.movies.iter().find(|movie| movie.identity.name == name).unwrap();
        assert_eq!(shelf.movies.len(), 3);
        assert_eq!((of("Same").version, of("Other").version), (1, 2));
        assert_eq!(of("Other").price, price("1.00"));
    }

    #[tokio::test]
    async fn a_movie_keeps_the_facts_that_its_row_does_not_have() {
        let (catalog, store) = catalog();
        import(&catalog, vec![facts("Kept")]).await;
        let before = store.shelf().movies[0].clone();
        let row = |votes| PartialFacts {
            facts: Facts {
                votes,
                genres: Vec::new(),
                stars: Vec::new(),
                price: price("0.00"),
                ..facts("Kept")
            },
            absent: [OptionalFact::Genres, OptionalFact::Price].into_iter().collect(),
        };
        let outcomes = catalog.import(vec![row(7)], false).await.unwrap();
        assert_eq!(outcomes, [ImportOutcome::Updated]);
        let after = store.shelf().movies[0].clone();
        assert_eq!((after.votes, after.price, &after.genre_ids), (7, before.price, &before.genre_ids));
        assert!(after.star_ids.is_empty() && !before.star_ids.is_empty());
        assert_eq!(catalog.import(vec![row(7)], false).await.unwrap(), [ImportOutcome::Unchanged]);
        assert_eq!(store.shelf().audit, []);
    }

    #[tokio::test]
    async fn a_repeated_import_changes_nothing() {
        let (catalog, store) = catalog();
        let rows = || vec![facts("One"), facts("Two")];
        import(&catalog, rows()).await;
        let before = store.shelf().movies.clone();
        assert_eq!(import(&catalog, rows()).await, [const { ImportOutcome::Unchanged }; 2]);
        assert_eq!(store.shelf().movies, before);
    }

    #[tokio::test]
    async fn of_several_rows_about_one_movie_the_last_valid_one_is_imported() {
        let (catalog, store) = catalog();
        let rows = || {
            vec![
                facts("Twice"),
                Facts { genres: vec!["Western".to_owned()], ..facts(" Twice ") },
                Facts { votes: 5, ..facts("Twice") },
                Facts { votes: -1, ..facts("Twice") },
            ]
        };
        let outcomes = |last| {
            let rejected =
                ImportOutcome::Rejected(Facts { votes: -1, ..facts("Twice") }.check(2026).unwrap_err());
            [ImportOutcome::Superseded, ImportOutcome::Superseded, last, rejected]
        };
        assert_eq!(import(&catalog, rows()).await, outcomes(ImportOutcome::Added));
        let before = store.shelf().movies.clone();
        assert_eq!((before.len(), before[0].votes, before[0].version), (1, 5, 1));
        let names = store.shelf().names.clone();
        assert!(names.iter().all(|(_, key, _)| key != "western"), "{names:?}");
        assert_eq!(import(&catalog, rows()).await, outcomes(ImportOutcome::Unchanged));
        assert_eq!(store.shelf().movies, before);
    }

    #[tokio::test]
    async fn changes_of_price_and_availability_are_audited_and_others_are_not() {
        let (catalog, store) = catalog();
        let rows = || vec![facts("Dear"), facts("Gone"), facts("Both"), facts("Old")];
        import(&catalog, rows()).await;
        import(&catalog, rows()).await;
        assert_eq!(store.shelf().audit, []);
        let later = vec![
            Facts { price: price("1.00"), ..facts("Dear") },
            Facts { price: price("12.50"), ..facts("Dear") },
            Facts { is_available: false, ..facts("Gone") },
            Facts { price: price("0.00"), is_available: false, ..facts("Both") },
            Facts { votes: 2_000, ..facts("Old") },
            facts("New"),
        ];
        let before = store.shelf().clone();
        catalog.import(complete(later.clone()), true).await.unwrap();
        assert_eq!(*store.shelf(), before);
        import(&catalog, later.clone()).await;
        import(&catalog, later).await;
        let shelf = store.shelf();
        let told: Vec<_> = shelf
            .audit
            .iter()
            .map(|entry| {
                let AuditEntry { action, actor, object: Some(object), before, after, .. } = entry.clone()
                else {
                    panic!("about nothing")
                };
                let movie = shelf.movies.iter().find(|movie| AuditObject::Movie(movie.id) == object).unwrap();
                assert_eq!((actor, entry.at), (None, movie.updated_at));
                (movie.identity.name.as_str(), action, before.unwrap(), after.unwrap())
            })
            .collect();
        let state = |name: &str, text: &str| AuditState::of([(name, text)]);
        let (price, on_sale) = (|text| state("price", text), |text| state("is_available", text));
        assert_eq!(
            told,
            [
                ("Both", AuditAction::PriceChanged, price("9.99 USD"), price("0.00 USD")),
                ("Both", AuditAction::AvailabilityChanged, on_sale("true"), on_sale("false")),
                ("Dear", AuditAction::PriceChanged, price("9.99 USD"), price("12.50 USD")),
                ("Gone", AuditAction::AvailabilityChanged, on_sale("true"), on_sale("false")),
            ]
        );
    }

    #[tokio::test]
    async fn the_same_title_of_another_year_is_another_movie() {
        let (catalog, store) = catalog();
        let mut remake = facts("Solaris");
        remake.identity.year = 2002;
        assert_eq!(
            import(&catalog, vec![facts("Solaris"), remake]).await,
            [const { ImportOutcome::Added }; 2]
        );
        assert_eq!(store.shelf().movies.len(), 2);
    }

    #[tokio::test]
    async fn names_are_resolved_once_per_kind_and_shared_whatever_their_case_and_accents() {
        let (catalog, store) = catalog();
        let shouted = Facts {
            genres: vec!["CRIME".to_owned(), "drama".to_owned()],
            directors: vec!["AGNES VARDA".to_owned()],
            ..facts("Two")
        };
        import(&catalog, vec![facts("One"), shouted]).await;
        let shelf = store.shelf();
        let mut lookups = shelf.lookups.clone();
        lookups.dedup();
        assert_eq!((shelf.lookups.len(), lookups.len()), (4, 4));
        assert_eq!(shelf.names.len(), 5);
        let [one, two] = &shelf.movies[..] else { panic!("two movies") };
        assert_eq!(one.director_ids, two.director_ids);
        assert_eq!(one.genre_ids, [two.genre_ids[1], two.genre_ids[0]]);
        assert_ne!(one.certification_id.as_uuid(), Uuid::nil());
    }

    #[tokio::test]
    async fn new_names_are_committed_before_the_movies_that_have_them() {
        let (catalog, store) = catalog();
        let names = Arc::default();
        let seen = Arc::clone(&names);
        store.meddle(move |shelf| *lock(&seen) = (shelf.names.len(), shelf.movies.len()));
        import(&catalog, vec![facts("One")]).await;
        let all = store.shelf().names.len();
        assert_eq!((*lock(&names), store.races.take_count()), ((all, 0), 2));
        import(&catalog, vec![facts("Two")]).await;
        assert_eq!((*lock(&names), store.races.take_count()), ((all, 1), 1));
    }

    #[tokio::test]
    async fn a_dry_run_returns_the_same_and_commits_nothing() {
        let (catalog, store) = catalog();
        let rows = || vec![facts("One"), Facts { votes: -1, ..facts("Bad") }];
        let tried = catalog.import(complete(rows()), true).await.unwrap();
        assert_eq!(*store.shelf(), Shelf::default());
        assert_eq!(import(&catalog, rows()).await, tried);
    }

    #[tokio::test]
    async fn a_movie_that_another_import_adds_at_the_same_time_is_revised() {
        let (catalog, store) = catalog();
        store.meddle(|shelf| {
            if shelf.movies.is_empty() {
                shelf.movies.push(of_another("Both"));
            }
        });
        let outcomes = import(&catalog, vec![facts("Mine"), facts("Both")]).await;
        assert_eq!(outcomes, [ImportOutcome::Added, ImportOutcome::Updated]);
        let shelf = store.shelf();
        assert_eq!(shelf.movies.len(), 2);
        assert_eq!((shelf.movies[0].version, shelf.movies[0].genre_ids.len()), (2, 2));
    }

    #[tokio::test]
    async fn movies_are_added_in_one_order_whatever_the_order_of_the_rows() {
        let (catalog, store) = catalog();
        import(&catalog, vec![facts("B"), facts("C"), facts("A")]).await;
        let names: Vec<_> = store.shelf().movies.iter().map(|movie| movie.identity.name.clone()).collect();
        assert_eq!(names, ["A", "B", "C"]);
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_no_trace() {
        let (catalog, store) = catalog();
        store.fails_on_commit.store(true, Ordering::Relaxed);
        let failed = catalog.import(complete(vec![facts("One")]), false).await;
        assert!(matches!(failed, Err(ImportError::Store(StoreError::Failed(_)))));
        assert_eq!(*store.shelf(), Shelf::default());
    }

    #[tokio::test]
    async fn an_import_that_loses_races_imports_everything_once() {
        let (catalog, store) = catalog();
        store.races.lose(4);
        assert_eq!(
            import(&catalog, vec![facts("One"), facts("Two")]).await,
            [const { ImportOutcome::Added }; 2]
        );
        assert_eq!(store.shelf().movies.len(), 2);
        // The names are lost four times, and then they and the movies are kept.
        assert_eq!(store.races.take_count(), 6);
        let before = store.shelf().clone();
        store.races.lose(6);
        let lost = catalog.import(complete(vec![facts("Three")]), false).await;
        assert!(matches!(lost, Err(ImportError::Store(StoreError::Conflict(_)))));
        assert_eq!(store.races.take_count(), 5);
        assert_eq!(*store.shelf(), before);
    }

    #[tokio::test]
    async fn no_rows_have_no_outcomes() {
        let (catalog, _) = catalog();
        assert_eq!(import(&catalog, Vec::new()).await, []);
    }
}
