use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use chrono::Datelike;
use domain::{
    catalog::{
        CatalogUnit, CheckedFacts, Facts, InvalidFacts, Movie, MovieIdentity, NameKind, ProposedName,
        ResolvedNames,
    },
    id::{CertificationId, DirectorId, GenreId, Id, Kind, StarId},
    store::{Attempt, StoreError, retried},
    text::fold,
    time::Instant,
};
use uuid::Uuid;

use super::{Catalog, audit::entries};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// A new movie.
    Added,
    /// A movie that was there, with other facts.
    Updated,
    /// A movie that was there, with the same facts.
    Unchanged,
    /// A later row is about the same movie, and counts in its place.
    Superseded,
    /// It breaks a rule.
    Rejected(InvalidFacts),
}

/// An import stopped. What was imported before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often an import begins anew because another one added the same movies at the same moment.
const TRIES: u32 = 5;

type Resolved = HashMap<(NameKind, String), Uuid>;

/// What became of each row; `None` when another import added one of the movies at the same moment, so that nothing is to be
/// kept.
type Outcomes = Option<Vec<ImportOutcome>>;

/// A row that is to be imported, or what became of it already.
type Row = Result<CheckedFacts, ImportOutcome>;

impl Catalog {
    /// Brings movies in, in one transaction: adds what is new by (name, year, duration), takes over what differs, and says
    /// of each row, in order, what became of it. Idempotent: of several rows of one movie the last good one counts. With
    /// `dry_run` all of it is tried and nothing kept. New names of genres, people and certifications are kept before the
    /// movies are: who brings in several parts at once would else wait for the whole of another part wherever they share one. Who brings in a file in several parts leaves out of them what
    /// [`Repeats`](super::Repeats) finds. Whatever moves the price or the availability of a movie that was there is written
    /// into the audit log.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import(&self, rows: Vec<Facts>, dry_run: bool) -> Result<Vec<ImportOutcome>, ImportError> {
        let now = self.clock.now();
        let rows = settle(rows, now.year());
        for _ in 0..TRIES {
            let outcomes = if dry_run {
                retried(&*self.backoff, |attempt| self.try_out(attempt, &rows, now)).await?
            } else {
                let names = retried(&*self.backoff, |attempt| self.keep_names(attempt, &rows)).await?;
                retried(&*self.backoff, |attempt| self.keep_movies(attempt, &rows, &names, now)).await?
            };
            if let Some(outcomes) = outcomes {
                return Ok(outcomes);
            }
        }
        Err(StoreError::unavailable("others kept adding the same movies while they were imported").into())
    }

    /// Keeps the new names of the rows; gives the identifiers of all.
    async fn keep_names(&self, attempt: Attempt, rows: &[Row]) -> Result<Resolved, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, has_new) = self.resolve(&mut *unit, rows.iter().flatten().map(|facts| &**facts)).await?;
        if has_new {
            unit.commit().await?;
        }
        Ok(names)
    }

    async fn keep_movies(
        &self,
        attempt: Attempt,
        rows: &[Row],
        names: &Resolved,
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let outcomes = self.bring_in(&mut *unit, rows, names, now).await?;
        if outcomes.is_some() {
            unit.commit().await?;
        }
        Ok(outcomes)
    }

    /// Does all of it, and keeps nothing.
    async fn try_out(&self, attempt: Attempt, rows: &[Row], now: Instant) -> Result<Outcomes, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let (names, _) = self.resolve(&mut *unit, rows.iter().flatten().map(|facts| &**facts)).await?;
        self.bring_in(&mut *unit, rows, &names, now).await
    }

    async fn bring_in(
        &self,
        unit: &mut dyn CatalogUnit,
        rows: &[Row],
        names: &Resolved,
        now: Instant,
    ) -> Result<Outcomes, StoreError> {
        let identities: Vec<MovieIdentity> =
            rows.iter().flatten().map(|facts| facts.identity.clone()).collect();
        let known = unit.find_movies_for_update(&identities).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|movie| (movie.identity.clone(), movie)).collect();

        let mut outcomes = Vec::with_capacity(rows.len());
        let mut added = Vec::new();
        let mut changed = Vec::new();
        for row in rows {
            let facts = match row {
                Ok(facts) => facts.clone(),
                Err(outcome) => {
                    outcomes.push(outcome.clone());
                    continue;
                }
            };
            let resolved = resolved_names(&facts, names);
            outcomes.push(match known.remove(&facts.identity) {
                None => {
                    added.push(Movie::create(self.ids.next(), facts, resolved, now));
                    ImportOutcome::Added
                }
                Some(mut movie) => {
                    let before = movie.offer();
                    if movie.revise(facts, resolved, now) {
                        changed.push((movie, before));
                        ImportOutcome::Updated
                    } else {
                        ImportOutcome::Unchanged
                    }
                }
            });
        }
        // One order for everybody: two imports at once do not wait for each other in a circle.
        added.sort_by(in_order);
        changed.sort_by(|(one, _), (other, _)| in_order(one, other));
        if unit.insert_movies(&added).await?.len() < added.len() {
            return Ok(None);
        }
        let mut told = Vec::new();
        for (movie, before) in &changed {
            unit.update_movie(movie).await?;
            told.extend(entries(&*self.ids, movie.id, *before, movie.offer(), now));
        }
        unit.append_audit_entries(&told).await?;
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
            // One order for everybody: two imports at once do not wait for each other in a circle.
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

/// Puts the rows in order, and tells those that need no store: what breaks a rule, and what a later row supersedes.
fn settle(rows: Vec<Facts>, this_year: i32) -> Vec<Row> {
    let tidied = rows.into_iter().map(|facts| facts.check(this_year).map_err(ImportOutcome::Rejected));
    let mut rows: Vec<Row> = tidied.collect();
    let mut seen = HashSet::new();
    for row in rows.iter_mut().rev() {
        if row.as_ref().is_ok_and(|facts| !seen.insert(facts.identity.clone())) {
            *row = Err(ImportOutcome::Superseded);
        }
    }
    rows
}

fn in_order(one: &Movie, other: &Movie) -> Ordering {
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
    // Every name of a row was resolved before, its certification too.
    let certification = certifications.first().copied().unwrap_or_else(|| Id::from_uuid(Uuid::nil()));
    ResolvedNames { certification, genres, directors, stars }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard, atomic::Ordering};

    use domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditState},
        id::CertificationId,
    };

    use super::*;
    use crate::catalog::doubles::{MemoryCatalog, MockQueries, Shelf, catalog_on, facts, price};

    fn catalog() -> (Catalog, Arc<MemoryCatalog>) {
        let store = Arc::new(MemoryCatalog::default());
        (catalog_on(&store, MockQueries::new()), store)
    }

    async fn import(catalog: &Catalog, rows: Vec<Facts>) -> Vec<ImportOutcome> {
        catalog.import(rows, false).await.unwrap()
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
    async fn a_repeated_import_changes_nothing() {
        let (catalog, store) = catalog();
        let rows = || vec![facts("One"), facts("Two")];
        import(&catalog, rows()).await;
        let before = store.shelf().movies.clone();
        assert_eq!(import(&catalog, rows()).await, [const { ImportOutcome::Unchanged }; 2]);
        assert_eq!(store.shelf().movies, before);
    }

    #[tokio::test]
    async fn of_a_movie_that_stands_several_times_the_last_good_row_counts() {
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
    async fn a_moved_price_or_availability_is_told_and_nothing_else_is() {
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
        catalog.import(later.clone(), true).await.unwrap();
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
    async fn names_are_looked_up_once_a_kind_and_shared_however_they_are_written() {
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
    async fn new_names_are_kept_before_the_movies_that_have_them() {
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
    async fn a_dry_run_says_the_same_and_keeps_nothing() {
        let (catalog, store) = catalog();
        let rows = || vec![facts("One"), Facts { votes: -1, ..facts("Bad") }];
        let tried = catalog.import(rows(), true).await.unwrap();
        assert_eq!(*store.shelf(), Shelf::default());
        assert_eq!(import(&catalog, rows()).await, tried);
    }

    #[tokio::test]
    async fn a_movie_that_another_import_adds_meanwhile_is_revised() {
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
    async fn a_failed_commit_keeps_nothing() {
        let (catalog, store) = catalog();
        store.fails_on_commit.store(true, Ordering::Relaxed);
        let failed = catalog.import(vec![facts("One")], false).await;
        assert!(matches!(failed, Err(ImportError::Store(StoreError::Failed(_)))));
        assert_eq!(*store.shelf(), Shelf::default());
    }

    #[tokio::test]
    async fn an_import_that_loses_races_brings_everything_in_once() {
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
        let lost = catalog.import(vec![facts("Three")], false).await;
        assert!(matches!(lost, Err(ImportError::Store(StoreError::Conflict(_)))));
        assert_eq!(store.races.take_count(), 5);
        assert_eq!(*store.shelf(), before);
    }

    #[tokio::test]
    async fn nothing_at_all_is_imported_as_nothing() {
        let (catalog, _) = catalog();
        assert_eq!(import(&catalog, Vec::new()).await, []);
    }
}
