use std::sync::{Arc, Mutex};

use domain::{
    audit::{AuditAction, AuditEntry, AuditObject, AuditState},
    catalog::{OptionalFact, ProposedName, ResolvedNames},
    id::{CertificationId, Id},
    storage::WholeUnit,
};
use uuid::Uuid;

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

/// Returns rows in which no fact is absent.
fn complete(rows: Vec<Facts>) -> Vec<PartialFacts> {
    rows.into_iter().map(PartialFacts::from).collect()
}

/// Adds a movie named "Both", as a concurrent import would.
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
    let row = |votes| PartialFacts {
        facts: Facts { votes, genres: Vec::new(), stars: Vec::new(), price: price("0.00"), ..facts("Kept") },
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
            let AuditEntry { action, actor, object: Some(object), before, after, .. } = entry.clone() else {
                panic!("an entry without an object")
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
    assert_eq!(import(&catalog, vec![facts("Solaris"), remake]).await, [const { ImportOutcome::Added }; 2]);
    assert_eq!(store.rows().await.movies.len(), 2);
}

#[tokio::test]
async fn names_are_resolved_once_per_kind_and_shared_regardless_of_case_and_accents() {
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
async fn a_dry_run_returns_the_same_outcomes_and_commits_nothing() {
    let (catalog, store) = catalog().await;
    let rows = || vec![facts("One"), Facts { votes: -1, ..facts("Bad") }];
    let tried = catalog.import(complete(rows()), true).await.unwrap();
    assert_eq!(store.rows().await, Rows::default());
    assert_eq!(import(&catalog, rows()).await, tried);
}

#[tokio::test]
async fn a_movie_that_another_import_adds_concurrently_is_updated() {
    let (catalog, store) = catalog().await;
    // The callback adds the movie before every intercepted call except the first `find_movies_for_update`. So the first
    // attempt does not find the movie, `insert_movies` detects that it exists, and the next attempt finds it.
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
async fn movies_are_added_in_a_fixed_order_regardless_of_the_rows() {
    let (catalog, store) = catalog().await;
    import(&catalog, vec![facts("B"), facts("C"), facts("A")]).await;
    let names: Vec<_> = store.rows().await.movies.iter().map(|movie| movie.identity.name.clone()).collect();
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
    store.lose_commits(6);
    assert_eq!(import(&catalog, vec![facts("One"), facts("Two")]).await, [const { ImportOutcome::Added }; 2]);
    assert_eq!(store.rows().await.movies.len(), 2);
    // The commit of the names is lost in all five attempts of the first try and once in the second try. Then the names
    // and the movies are committed.
    assert_eq!(store.take_commits(), 8);
    let before = store.rows().await;
    // All names exist by now, so only the movies are committed. Five tries with five attempts each fail.
    store.lose_commits(26);
    let lost = catalog.import(complete(vec![facts("Three")]), false).await;
    assert!(matches!(lost, Err(ImportError::Store(StoreError::Unavailable(_)))));
    assert_eq!(store.take_commits(), 25);
    assert_eq!(store.rows().await, before);
}

#[tokio::test]
async fn an_import_without_rows_has_no_outcomes() {
    let (catalog, _) = catalog().await;
    assert_eq!(import(&catalog, Vec::new()).await, []);
}
