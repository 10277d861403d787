use serde_json::{Value, json};

use super::encoded;
use crate::support::{Caller, Engine, TestApp, cases};

cases! {
    facets_list_the_choices_of_the_whole_catalogue,
    choosing_a_facet_makes_its_count_the_total_of_the_list,
    a_group_ignores_its_own_filter_and_lists_a_chosen_value_that_has_no_movies,
    facets_take_the_filters_of_the_list_and_nothing_else,
    facets_have_the_caching_headers_of_the_catalogue,
}

async fn facets(visitor: &Caller, query: &str) -> Value {
    visitor.get(format!("/movies/facets{query}")).await.expect(200).json()
}

fn list<'a>(facets: &'a Value, group: &str) -> &'a [Value] {
    facets[group].as_array().expect("the group is a list")
}

async fn facets_list_the_choices_of_the_whole_catalogue(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let bands =
        [("0.00", Some("5.00")), ("5.00", Some("10.00")), ("10.00", Some("15.00")), ("15.00", Some("20.00"))];
    let bands = bands.into_iter().chain([("20.00", None)]);
    let bands: Vec<_> = bands.map(|(min, max)| json!({"min": min, "max": max, "count": 0})).collect();
    let empty = json!({"genres": [], "certifications": [], "decades": [], "price_bands": bands});
    assert_eq!(facets(&app.anonymous(), "").await, empty);
    let movies = app.import_small_catalogue().await;
    let all = facets(&app.anonymous(), "").await;
    let genres = list(&all, "genres");
    let drama = json!({"id": movies.genre("Drama").await, "name": "Drama", "count": genres[0]["count"]});
    assert_eq!(genres[0], drama, "the most frequent genre is first");
    let counts = |group| list(&all, group).iter().map(|value| value["count"].as_i64().unwrap());
    assert!(
        counts("genres").is_sorted_by(|a, b| a >= b) && counts("certifications").is_sorted_by(|a, b| a >= b)
    );
    for group in ["certifications", "decades", "price_bands"] {
        assert_eq!(counts(group).sum::<i64>(), 12, "{group}");
    }
    let decades: Vec<_> =
        list(&all, "decades").iter().map(|value| value["decade"].as_i64().unwrap()).collect();
    assert!(decades.is_sorted_by(|a, b| a > b), "the newest decade is first: {decades:?}");
    let bounds = |bands: &[Value]| -> Vec<_> {
        bands.iter().map(|band| (band["min"].clone(), band["max"].clone())).collect()
    };
    assert_eq!(
        bounds(list(&all, "price_bands")),
        bounds(&bands),
        "the price bands are the same as without movies"
    );
}

/// Returns, for each value of the facets, the query that selects this value, and the count of the value.
fn choices(facets: &Value) -> Vec<(String, i64)> {
    let mut choices = Vec::new();
    let mut add = |choice: String, value: &Value| choices.push((choice, value["count"].as_i64().unwrap()));
    for genre in list(facets, "genres") {
        add(format!("genre={}", genre["id"].as_str().unwrap()), genre);
    }
    for name in list(facets, "certifications") {
        add(format!("certification={}", name["id"].as_str().unwrap()), name);
    }
    for decade in list(facets, "decades") {
        let first = decade["decade"].as_i64().unwrap();
        add(format!("year_min={first}&year_max={}", first + 9), decade);
    }
    for band in list(facets, "price_bands") {
        let max = match band["max"].as_str() {
            Some(max) => {
                format!("&price_max={}.99", max.split('.').next().unwrap().parse::<i64>().unwrap() - 1)
            }
            None => String::new(),
        };
        add(format!("price_min={}{max}", band["min"].as_str().unwrap()), band);
    }
    choices
}

async fn choosing_a_facet_makes_its_count_the_total_of_the_list(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    for filter in ["imdb_min=8.5", "search=godfather", "duration_max=120&title=a", "search=nothingatall"] {
        for (choice, count) in choices(&facets(&visitor, &format!("?{filter}")).await) {
            let list = visitor.get(format!("/movies?{filter}&{choice}")).await.expect(200).json();
            assert_eq!(list["total_items"], json!(count), "{filter}&{choice}");
        }
    }
}

async fn a_group_ignores_its_own_filter_and_lists_a_chosen_value_that_has_no_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let (crime, comedy) = (movies.genre("Crime").await, movies.genre("Comedy").await);
    let all = facets(&visitor, "").await;
    let of_crime = facets(&visitor, &format!("?genre={crime}")).await;
    assert_eq!(of_crime["genres"], all["genres"]);
    assert_ne!(of_crime["decades"], all["decades"]);
    let seventies = facets(&visitor, "?year_min=1970&year_max=1979&price_max=9.99").await;
    let without_years = facets(&visitor, "?price_max=9.99").await;
    assert_eq!(seventies["decades"], without_years["decades"]);

    let query = format!("?genre={comedy}&search=godfather&year_min=1920&year_max=1929&price_min=20");
    let none = facets(&visitor, &query).await;
    assert_eq!(none["genres"], json!([{"id": comedy, "name": "Comedy", "count": 0}]));
    assert_eq!(none["certifications"], json!([]));
    assert_eq!(none["decades"], json!([{"decade": 1920, "count": 0}]));
    let bands = list(&none, "price_bands");
    assert_eq!((bands.len(), &bands[4]), (5, &json!({"min": "20.00", "max": null, "count": 0})));
}

async fn facets_take_the_filters_of_the_list_and_nothing_else(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    for (query, field) in [
        ("?page=1", "page"),
        ("?sort=year", "sort"),
        ("?genre=drama", "genre"),
        ("?year_min=x", "year_min"),
        ("?price_min=free", "price_min"),
    ] {
        let refused = visitor.get(format!("/movies/facets{query}")).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], json!(field));
    }
    let query = format!("?search={}&year_min=&genre=", encoded("%_'\"\\"));
    assert_eq!(facets(&visitor, &query).await["genres"], json!([]));
}

async fn facets_have_the_caching_headers_of_the_catalogue(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let answer = app.anonymous().get("/movies/facets").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=5"));
    assert!(answer.header("vary").is_some_and(|vary| vary.starts_with("Authorization")));
    assert!(answer.header("etag").is_some_and(|tag| tag.starts_with("W/")));
}
