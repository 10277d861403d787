use serde_json::{Value, json};

use crate::support::{Engine, TestApp, cases, facts, snapshot};

cases! {
    genres_are_one_page_by_name_with_their_counts,
    the_envelope_is_that_of_every_list,
    only_movies_on_sale_are_counted,
    a_new_movie_is_counted_at_once,
    another_node_counts_what_this_one_brought_in,
    genres_take_no_parameters,
    a_genre_leads_to_its_movies,
    names_that_differ_in_case_or_accents_are_one_genre,
}

fn counts(list: &Value) -> Vec<(String, i64)> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (item["name"].as_str().unwrap().to_owned(), item["movies_count"].as_i64().unwrap()))
        .collect()
}

fn expected(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
    counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

async fn genres_are_one_page_by_name_with_their_counts(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/genres").await.expect(200).json();
    assert_eq!(
        counts(&list),
        expected(&[
            ("Action", 3),
            ("Adventure", 2),
            ("Animation", 1),
            ("Comedy", 2),
            ("Crime", 5),
            ("Drama", 6),
            ("Horror", 1),
            ("Mystery", 1),
            ("Romance", 1),
            ("Sci-Fi", 4),
            ("Thriller", 2),
        ])
    );
}

async fn the_envelope_is_that_of_every_list(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import(vec![facts("One", 2000)]).await;
    let list = app.anonymous().get("/genres").await.expect(200).json();
    assert!(list["page_size"].as_u64().is_some(), "{list}");
    let mut list = list;
    list["page_size"] = json!("[size]");
    snapshot!(list, @r#"
    {
      "items": [
        {
          "id": "[id]",
          "name": "Drama",
          "movies_count": 1
        }
      ],
      "page": 1,
      "page_size": "[size]",
      "total_items": 1,
      "total_pages": 1,
      "total_is_estimate": false,
      "next_cursor": null
    }
    "#);
}

async fn only_movies_on_sale_are_counted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    app.withdraw("Alien").await;
    let list = app.anonymous().get("/genres").await.expect(200).json();
    let counts = counts(&list);
    let count = |name: &str| counts.iter().find(|(genre, _)| genre == name).unwrap().1;
    assert_eq!((count("Sci-Fi"), count("Horror")), (3, 0));
}

async fn a_new_movie_is_counted_at_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import(vec![facts("One", 2000)]).await;
    assert_eq!(counts(&app.anonymous().get("/genres").await.json()), expected(&[("Drama", 1)]));
    app.import(vec![facts("Two", 2001)]).await;
    assert_eq!(counts(&app.anonymous().get("/genres").await.json()), expected(&[("Drama", 2)]));
}

async fn another_node_counts_what_this_one_brought_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    let there = other_node.anonymous();
    app.import(vec![facts("One", 2000)]).await;
    for count in 1..=3 {
        assert_eq!(counts(&there.get("/genres").await.json()), expected(&[("Drama", count)]));
        assert_eq!(there.get("/movies").await.json()["total_items"], count);
        app.import(vec![facts(&format!("Next {count}"), 2000)]).await;
    }
    let one_less = domain::catalog::Facts { is_available: false, ..facts("One", 2000) };
    app.import_unread(vec![one_less]).await;
    assert_eq!(counts(&there.get("/genres").await.json()), expected(&[("Drama", 3)]));
    assert_eq!(there.get("/movies").await.json()["total_items"], 3);
}

async fn genres_take_no_parameters(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .get("/genres?page=1&search=x")
        .await
        .invalid(&[("page", "unknown"), ("search", "unknown")]);
}

async fn a_genre_leads_to_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/genres").await.expect(200).json();
    for genre in list["items"].as_array().unwrap() {
        let id = genre["id"].as_str().unwrap();
        let movies = app.anonymous().get(format!("/movies?genre={id}")).await.expect(200).json();
        assert_eq!(movies["total_items"], genre["movies_count"], "{genre}");
    }
}

async fn names_that_differ_in_case_or_accents_are_one_genre(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let with = |name: &str, genre: &str| domain::catalog::Facts {
        genres: vec![genre.to_owned()],
        ..facts(name, 2000)
    };
    app.import(vec![with("One", "Film Noir"), with("Two", "film  noir"), with("Three", "Film Nöir")]).await;
    assert_eq!(counts(&app.anonymous().get("/genres").await.json()), expected(&[("Film Noir", 3)]));
}
