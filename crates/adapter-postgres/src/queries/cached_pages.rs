//! Tests of what is cached of a page of movies: the identifiers of its movies, and the facts of the movies.

use domain::{
    catalog::{MovieFilter, MovieQueries, MovieSort, Range},
    id::{GenreId, UserId},
    page::PageRequest,
};
use uuid::Uuid;

use crate::{
    plan::filled,
    queries::{movie_filter::conditions, movie_row::SummaryRow, plans::sorts, short_lists::page_key},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_before_and_a_movie_take_one_statement_each() {
    let Some((database, _guard)) = filled().await else { return };
    let viewer = Some(UserId::from_uuid(Uuid::from_u128(3)));
    let genre =
        MovieFilter { genres: vec![GenreId::from_uuid(Uuid::from_u128(1))], ..MovieFilter::default() };
    let request = |number| PageRequest::numbered(number, 20).unwrap();
    // The first request counts the movies of the genre and the total, and both numbers are cached. The facts of movies
    // that were not read before take one more statement. Page 90 is the last page: a scan in the order of the list
    // finds no row after it. The scan has a limit, so this does not show that there are no more matches, and the page
    // is read again with the index of the genre. Page 400 is after the last page: it is read only with the index of
    // the genre. It has no rows, so the total is counted again.
    for (number, statements) in [(1, 4), (1, 1), (2, 2), (2, 1), (89, 2), (90, 3), (400, 2)] {
        let before = database.statements();
        let page =
            database.movie_page(&genre, &[MovieSort::POPULAR], &request(number), viewer).await.unwrap();
        assert_eq!(page.total.unwrap().items, 1_800, "page {number}");
        assert_eq!(database.statements().wrapping_sub(before), statements, "page {number}");
    }
    let rare = MovieFilter { year: Range { min: Some(1_960), max: Some(1_961) }, ..genre.clone() };
    // The second request caches the short list.
    for (number, statements) in [(1, None), (2, None), (1, Some(1)), (2, Some(1))] {
        let before = database.statements();
        let page = database.movie_page(&rare, &[MovieSort::POPULAR], &request(number), viewer).await.unwrap();
        assert!(page.total.is_some_and(|total| (21..=500).contains(&total.items)), "{:?}", page.total);
        let taken = database.statements().wrapping_sub(before);
        assert!(statements.is_none_or(|wanted| wanted == taken), "page {number}: {taken}");
    }
    let page = database.movie_page(&genre, &[MovieSort::POPULAR], &request(1), viewer).await.unwrap();
    let before = database.statements();
    assert!(database.movie_detail(page.items[0].id, viewer).await.unwrap().is_some());
    assert_eq!(database.statements().wrapping_sub(before), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_before_is_read_by_identifiers_until_the_catalogue_changes() {
    let Some((database, _guard)) = filled().await else { return };
    let filter =
        MovieFilter { genres: vec![GenreId::from_uuid(Uuid::from_u128(1))], ..MovieFilter::default() };
    let (sorts, request) = (sorts("-imdb"), PageRequest::numbered(2, 20).unwrap());
    let read = async || database.movie_page(&filter, &sorts, &request, None).await.unwrap();
    let first = read().await;
    let key = page_key(&filter, &conditions(&filter), &sorts, &request).unwrap();
    let known = database.cache().searches().list(&key, database.cache().last_version()).unwrap();
    assert_eq!(known.len(), 21, "the page and the next row");
    let before = database.statements();
    let again = read().await;
    assert_eq!((&again.items, again.total, &again.next), (&first.items, first.total, &first.next));
    assert_eq!(database.statements() - before, 1);

    let moved = first.items[3].id;
    let mut unit = UnitOfWork::begin(&database).await.unwrap();
    let mut change = Statement::<()>::new("UPDATE movies SET imdb = 0 WHERE id = ");
    change.bind(moved.as_uuid());
    unit.execute(change).await.unwrap();
    unit.note_catalog_change();
    unit.finish().await.unwrap();
    let changed = read().await;
    assert!(changed.items.iter().all(|movie| movie.id != moved));
    assert_eq!(changed.items[3].id, first.items[4].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_movies_are_read_once_for_each_version_of_the_catalogue() {
    let Some((database, _guard)) = filled().await else { return };
    let (sorts, request) = (sorts("-imdb"), PageRequest::numbered(1, 20).unwrap());
    let genre =
        MovieFilter { genres: vec![GenreId::from_uuid(Uuid::from_u128(1))], ..MovieFilter::default() };
    for filter in [MovieFilter::default(), genre] {
        let read = async || database.movie_page(&filter, &sorts, &request, None).await.unwrap().items;
        let first = read().await;
        let before = database.statements();
        assert_eq!(read().await, first);
        let without_facts = database.statements() - before;

        // Renames a movie as another node does: this node learns of the change only by the version of the catalogue.
        let renamed = first[3].id;
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let mut change = Statement::<()>::new("UPDATE movies SET name = 'Another Name' WHERE id = ");
        change.bind(renamed.as_uuid());
        unit.execute(change).await.unwrap();
        unit.note_catalog_change();
        unit.finish().await.unwrap();
        let changed = read().await;
        assert_eq!((changed[3].id, changed[3].name.as_str()), (renamed, "Another Name"));
        let before = database.statements();
        assert_eq!(read().await, changed);
        assert_eq!(database.statements() - before, without_facts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_are_newer_than_the_rows_are_not_combined_with_them() {
    let Some((database, _guard)) = filled().await else { return };
    let sorts = sorts("-imdb");
    let read = async |number| {
        let request = PageRequest::numbered(number, 20).unwrap();
        let page = database.rows_of_page(&MovieFilter::default(), &sorts, &request, None).await.unwrap();
        page.items
    };
    let is_consistent = async |rows: &[SummaryRow]| database.facts_of(rows.iter()).await.unwrap().is_some();
    let changes = ["UPDATE movies SET name = 'Another Name' WHERE id = ", "DELETE FROM movies WHERE id = "];
    for (page, sql) in (1..).zip(changes) {
        let rows = read(page).await;
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let mut change = Statement::<()>::new(sql);
        change.bind(rows[3].id.0);
        unit.execute(change).await.unwrap();
        unit.note_catalog_change();
        unit.finish().await.unwrap();
        assert!(!is_consistent(&rows).await, "{sql}");
        let current = read(page).await;
        assert!(is_consistent(&current).await);
        // The cache contains the facts of the current version by now.
        assert!(!is_consistent(&rows).await, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_by_popularity_is_read_again_if_the_order_of_its_movies_has_changed() {
    let Some((database, _guard)) = filled().await else { return };
    let filter =
        MovieFilter { genres: vec![GenreId::from_uuid(Uuid::from_u128(1))], ..MovieFilter::default() };
    let (sorts, request) = (sorts("-popularity"), PageRequest::numbered(1, 20).unwrap());
    let read = async || database.movie_page(&filter, &sorts, &request, None).await.unwrap().items;
    let first = read().await;
    assert_eq!(read().await, first);
    // Changes the popularity as another node does: the version of the catalogue and the cache of this node stay
    // unchanged.
    let mut unit = UnitOfWork::begin(&database).await.unwrap();
    let mut change = Statement::<()>::new("UPDATE movies SET popularity = -1 WHERE id = ");
    change.bind(first[0].id.as_uuid());
    unit.execute(change).await.unwrap();
    unit.finish().await.unwrap();
    let changed = read().await;
    assert!(changed.iter().all(|movie| movie.id != first[0].id));
    assert_eq!(changed[0].id, first[1].id);
}
