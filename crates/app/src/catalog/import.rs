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
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditState},
        catalog::OptionalFact,
        id::CertificationId,
        storage::WholeUnit,
    };

    use super::*;
    use crate::{
        catalog::doubles::catalog,
        doubles::{
            fixtures::{facts, price},
            rows::Rows,
        },
    };

    async fn import(catalog: &Catalog, rows: Vec<Facts>) -> Vec<ImportOutcome> {
        catalog.import(complete(rows), false).await.unwrap()
    }

    /// Rows of a source that has all facts.
    fn complete(rows: Vec<Facts>) -> Vec<ImportedFacts> {
        rows.into_iter().map(ImportedFacts::from).collect()
    }

    /// Adds a movie named "Both", as another import does.
    async fn add_both(unit: &mut dyn WholeUnit) {
        let certification = Uuid::from_u128(901);
        let proposed = ProposedName { id: certification, name: "G".to_owned() };
        unit.resolve_names(NameKind::Certification, &[proposed]).await.unwrap();
        let names = ResolvedNames {
            certification: CertificationId::from_uuid(certification),
            genres: Vec::new(),
            directors: Vec::new(),
            stars: Vec::new(),
        };
        let facts = facts("Both").check(2026).unwrap();
        let id = Id::from_uuid(Uuid::from_u128(900));
        unit.insert_movies(&[Movie::create(id, facts, names, Instant::default())]).await.unwrap();
    }

    #[tokio::test]
    async fn every_row_has_its_outcome_in_order() {
        let (catalog, store) = catalog().await;
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
        let shelf = store.rows().await;
        let of = |name: &str| shelf.movies.iter().find(|movie| movie.identity.name == name).unwrap();
        assert_eq!(shelf.movies.len(), 3);
        assert_eq!((of("Same").version, of("Other").version), (1, 2));
        assert_eq!(of("Other").price, price("1.00"));
    }

    #[tokio::test]
    async fn a_movie_keeps_the_facts_that_its_row_does_not_have() {
        let (catalog, store) = catalog().await;
        import(&catalog, vec![facts("Kept")]).await;
        let before = store.rows().await.movies[0].clone();
        let row = |votes| ImportedFacts {
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
        let after = store.rows().await.movies[0].clone();
        assert_eq!((after.votes, after.price, &after.genre_ids), (7, before.price, &before.genre_ids));
        assert!(after.star_ids.is_empty() && !before.star_ids.is_empty());
        assert_eq!(catalog.import(vec![row(7)], false).await.unwrap(), [ImportOutcome::Unchanged]);
        assert_eq!(store.rows().await.audit, []);
    }

    #[tokio::test]
    async fn a_repeated_import_changes_nothing() {
        let (catalog, store) = catalog().await;
        let rows = || vec![facts("One"), facts("Two")];
        import(&catalog, rows()).await;
        let before = store.rows().await.movies.clone();
        assert_eq!(import(&catalog, rows()).await, [const { ImportOutcome::Unchanged }; 2]);
        assert_eq!(store.rows().await.movies, before);
    }

    #[tokio::test]
    async fn of_several_rows_about_one_movie_the_last_valid_one_is_imported() {
        let (catalog, store) = catalog().await;
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
        let before = store.rows().await.movies.clone();
        assert_eq!((before.len(), before[0].votes, before[0].version), (1, 5, 1));
        let names = store.rows().await.names.clone();
        assert!(names.iter().all(|key| key != "western"), "{names:?}");
        assert_eq!(import(&catalog, rows()).await, outcomes(ImportOutcome::Unchanged));
        assert_eq!(store.rows().await.movies, before);
    }

    #[tokio::test]
    async fn changes_of_price_and_availability_are_audited_and_others_are_not() {
        let (catalog, store) = catalog().await;
        let rows = || vec![facts("Dear"), facts("Gone"), facts("Both"), facts("Old")];
        import(&catalog, rows()).await;
        import(&catalog, rows()).await;
        assert_eq!(store.rows().await.audit, []);
        let later = vec![
            Facts { price: price("1.00"), ..facts("Dear") },
            Facts { price: price("12.50"), ..facts("Dear") },
            Facts { is_available: false, ..facts("Gone") },
            Facts { price: price("0.00"), is_available: false, ..facts("Both") },
            Facts { votes: 2_000, ..facts("Old") },
            facts("New"),
        ];
        let before = store.rows().await;
        catalog.import(complete(later.clone()), true).await.unwrap();
        assert_eq!(store.rows().await, before);
        import(&catalog, later.clone()).await;
        import(&catalog, later).await;
        let shelf = store.rows().await;
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
        let (catalog, store) = catalog().await;
        let mut remake = facts("Solaris");
        remake.identity.year = 2002;
        assert_eq!(
            import(&catalog, vec![facts("Solaris"), remake]).await,
            [const { ImportOutcome::Added }; 2]
        );
        assert_eq!(store.rows().await.movies.len(), 2);
    }

    #[tokio::test]
    async fn names_are_resolved_once_per_kind_and_shared_whatever_their_case_and_accents() {
        let (catalog, store) = catalog().await;
        let shouted = Facts {
            genres: vec!["CRIME".to_owned(), "drama".to_owned()],
            directors: vec!["AGNES VARDA".to_owned()],
            ..facts("Two")
        };
        import(&catalog, vec![facts("One"), shouted]).await;
        let shelf = store.rows().await;
        let lookups = store.take_calls().into_iter().filter(|call| *call == "resolve_names");
        assert_eq!(lookups.count(), 4);
        assert_eq!(shelf.names.len(), 5);
        let [one, two] = &shelf.movies[..] else { panic!("two movies") };
        assert_eq!(one.director_ids, two.director_ids);
        assert_eq!(one.genre_ids, [two.genre_ids[1], two.genre_ids[0]]);
        assert_ne!(one.certification_id.as_uuid(), Uuid::nil());
    }

    #[tokio::test]
    async fn new_names_are_committed_before_the_movies_that_have_them() {
        let (catalog, store) = catalog().await;
        let seen = Arc::new(Mutex::new((0, 0)));
        let (committed, database) = (Arc::clone(&seen), Arc::downgrade(&store));
        store
            .interrupt(&["insert_movies"], move |_| {
                let database = database.upgrade().unwrap();
                *committed.lock().unwrap() = (database.names().len(), database.movie_ids().len());
                Box::pin(async {})
            })
            .await;
        import(&catalog, vec![facts("One")]).await;
        let all = store.names().len();
        assert_eq!((*seen.lock().unwrap(), store.take_commits()), ((all, 0), 2));
        import(&catalog, vec![facts("Two")]).await;
        assert_eq!((*seen.lock().unwrap(), store.take_commits()), ((all, 1), 1));
    }

    #[tokio::test]
    async fn a_dry_run_returns_the_same_and_commits_nothing() {
        let (catalog, store) = catalog().await;
        let rows = || vec![facts("One"), Facts { votes: -1, ..facts("Bad") }];
        let tried = catalog.import(complete(rows()), true).await.unwrap();
        assert_eq!(store.rows().await, Rows::default());
        assert_eq!(import(&catalog, rows()).await, tried);
    }

    #[tokio::test]
    async fn a_movie_that_another_import_adds_at_the_same_time_is_revised() {
        let (catalog, store) = catalog().await;
        // It is added after the first search: inserting finds it, and so does the search of the next attempt.
        let mut calls = 0;
        store
            .interrupt(&["find_movies_for_update", "insert_movies"], move |unit| {
                calls += 1;
                let is_first = calls == 1;
                Box::pin(async move {
                    if !is_first {
                        add_both(unit).await;
                    }
                })
            })
            .await;
        let outcomes = import(&catalog, vec![facts("Mine"), facts("Both")]).await;
        assert_eq!(outcomes, [ImportOutcome::Added, ImportOutcome::Updated]);
        let shelf = store.rows().await;
        assert_eq!(shelf.movies.len(), 2);
        assert_eq!((shelf.movies[0].version, shelf.movies[0].genre_ids.len()), (2, 2));
    }

    #[tokio::test]
    async fn movies_are_added_in_one_order_whatever_the_order_of_the_rows() {
        let (catalog, store) = catalog().await;
        import(&catalog, vec![facts("B"), facts("C"), facts("A")]).await;
        let names: Vec<_> =
            store.rows().await.movies.iter().map(|movie| movie.identity.name.clone()).collect();
        assert_eq!(names, ["A", "B", "C"]);
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_no_trace() {
        let (catalog, store) = catalog().await;
        store.fail_commits();
        let failed = catalog.import(complete(vec![facts("One")]), false).await;
        assert!(matches!(failed, Err(ImportError::Store(StoreError::Failed(_)))));
        assert_eq!(store.rows().await, Rows::default());
    }

    #[tokio::test]
    async fn an_import_that_loses_races_imports_everything_once() {
        let (catalog, store) = catalog().await;
        store.lose_commits(4);
        assert_eq!(
            import(&catalog, vec![facts("One"), facts("Two")]).await,
            [const { ImportOutcome::Added }; 2]
        );
        assert_eq!(store.rows().await.movies.len(), 2);
        // The names are lost four times, and then they and the movies are kept.
        assert_eq!(store.take_commits(), 6);
        let before = store.rows().await;
        store.lose_commits(6);
        let lost = catalog.import(complete(vec![facts("Three")]), false).await;
        assert!(matches!(lost, Err(ImportError::Store(StoreError::Conflict(_)))));
        assert_eq!(store.take_commits(), 5);
        assert_eq!(store.rows().await, before);
    }

    #[tokio::test]
    async fn no_rows_have_no_outcomes() {
        let (catalog, _) = catalog().await;
        assert_eq!(import(&catalog, Vec::new()).await, []);
    }
}
