use std::cmp::Ordering;

use domain::catalog::{Facts, computed_sort_name, sort_key};

use super::names;
use crate::support::{Engine, TestApp, cases, facts, small_catalogue};

cases! {
    sorts_by_one_key_order_both_ways_with_the_id_breaking_ties,
    several_sort_keys_apply_in_order,
    names_sort_without_case_accents_and_leading_articles,
    an_invalid_sort_is_reported,
    relevance_needs_a_search,
    a_search_is_sorted_by_relevance,
    created_at_sorts_by_the_time_of_import,
    movies_without_a_rating_are_sorted_by_the_next_key,
}

type Compare = fn(&Facts, &Facts) -> Ordering;

async fn sorts_by_one_key_order_both_ways_with_the_id_breaking_ties(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let sorts: [(&str, Compare); 6] = [
        ("name", |a, b| {
            sort_key(computed_sort_name(&a.identity.name))
                .cmp(&sort_key(computed_sort_name(&b.identity.name)))
        }),
        ("year", |a, b| a.identity.year.cmp(&b.identity.year)),
        ("price", |a, b| a.price.minor().cmp(&b.price.minor())),
        ("imdb", |a, b| a.imdb.total_cmp(&b.imdb)),
        ("votes", |a, b| a.votes.cmp(&b.votes)),
        ("popularity", |a, b| a.votes.cmp(&b.votes)),
    ];
    for (key, compare) in sorts {
        let mut expected = small_catalogue();
        expected.sort_by(|a, b| {
            compare(a, b).then_with(|| movies.id(&a.identity.name).cmp(&movies.id(&b.identity.name)))
        });
        let mut expected: Vec<_> = expected.into_iter().map(|movie| movie.identity.name).collect();
        assert_eq!(names(&app.anonymous().get(format!("/movies?sort={key}")).await), expected, "{key}");
        expected.reverse();
        assert_eq!(names(&app.anonymous().get(format!("/movies?sort=-{key}")).await), expected, "-{key}");
    }
}

async fn several_sort_keys_apply_in_order(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let mut expected = small_catalogue();
    expected.sort_by(|a, b| b.imdb.total_cmp(&a.imdb).then_with(|| a.identity.year.cmp(&b.identity.year)));
    let expected: Vec<_> = expected.into_iter().map(|movie| movie.identity.name).collect();
    assert_eq!(names(&app.anonymous().get("/movies?sort=-imdb,year").await), expected);
}

async fn names_sort_without_case_accents_and_leading_articles(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    assert_eq!(
        names(&app.anonymous().get("/movies?sort=name").await),
        [
            "12 Angry Men",
            "aftersun",
            "Alien",
            "Aliens",
            "Amélie",
            "Blade Runner",
            "Élite Squad",
            "The Godfather",
            "The Godfather: Part II",
            "M",
            "Metropolis",
            "Zootopia",
        ]
    );
}

async fn an_invalid_sort_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for sort in ["id", "Name", "--name", "-", "name,", ",name", "name%20desc", "name;drop", "%F0%9F%8E%AC"] {
        app.anonymous().get(format!("/movies?sort={sort}")).await.invalid(&[("sort", "invalid_value")]);
    }
}

async fn relevance_needs_a_search(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for query in [
        "sort=relevance",
        "sort=-relevance",
        "sort=-relevance&search=alien",
        "sort=name,relevance",
        "sort=relevance&search=",
    ] {
        app.anonymous().get(format!("/movies?{query}")).await.invalid(&[("sort", "invalid_value")]);
    }
    let faults = [("page", "too_small"), ("sort", "invalid_value")];
    app.anonymous().get("/movies?sort=relevance&page=0").await.invalid(&faults);
    app.anonymous().get("/movies?sort=relevance&page=501").await.invalid(&[("sort", "invalid_value")]);
    app.anonymous().get("/movies?sort=relevance&search=alien").await.expect(200);
}

async fn a_search_is_sorted_by_relevance(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    app.import(vec![Facts { votes: 9_000_000, ..facts("My Alien", 2010) }]).await;
    let found = app.anonymous().get("/movies?search=alien").await;
    assert_eq!(
        names(&found),
        ["Alien", "Aliens", "My Alien"],
        "the exact name first, then a name that begins with the text, then one that contains it"
    );
    assert_eq!(names(&app.anonymous().get("/movies?search=alien&sort=relevance").await), names(&found));
    let by_votes = app.anonymous().get("/movies?search=alien&sort=-votes").await;
    assert_eq!(names(&by_votes), ["My Alien", "Alien", "Aliens"]);
}

async fn created_at_sorts_by_the_time_of_import(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in ["Zebra", "Apple", "Mango"] {
        app.advance(chrono::TimeDelta::seconds(1));
        app.import(vec![facts(name, 2000)]).await;
    }
    assert_eq!(names(&app.anonymous().get("/movies?sort=created_at").await), ["Zebra", "Apple", "Mango"]);
    assert_eq!(names(&app.anonymous().get("/movies?sort=-created_at").await), ["Mango", "Apple", "Zebra"]);
}

async fn movies_without_a_rating_are_sorted_by_the_next_key(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    // No movie has a rating, so all movies are in the order of the next sort key.
    let by_name = names(&app.anonymous().get("/movies?sort=name").await);
    for sort in ["rating,name", "-rating,name"] {
        assert_eq!(names(&app.anonymous().get(format!("/movies?sort={sort}")).await), by_name, "{sort}");
    }
}
