use serde_json::{Value, json};

use super::texts;
use crate::support::{Engine, TestApp, cases, facts, snapshot};

cases! {
    genres_are_one_page_by_name_with_their_counts,
    the_envelope_is_that_of_every_list,
    only_movies_on_sale_are_counted,
    a_new_movie_is_counted_at_once,
    another_node_counts_the_movies_imported_by_this_one,
    genres_take_no_parameters,
    the_movies_of_a_genre_can_be_listed,
    names_that_differ_in_case_or_accents_are_one_genre,
    directors_stars_and_certifications_are_paged_by_name_with_their_counts,
    a_search_finds_names_by_their_words_in_any_spelling,
    the_other_pages_of_a_list_are_linked_and_read_by_cursor,
    invalid_parameters_of_a_list_are_reported_together,
    each_kind_shows_its_own_names_and_not_those_of_other_kinds,
    names_may_be_cached_and_are_not_sent_twice,
}

const KINDS: [&str; 4] = ["genres", "directors", "stars", "certifications"];

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

async fn another_node_counts_the_movies_imported_by_this_one(engine: Engine) {
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

async fn the_movies_of_a_genre_can_be_listed(engine: Engine) {
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

async fn directors_stars_and_certifications_are_paged_by_name_with_their_counts(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    app.withdraw("Alien").await;
    let list = async |path: &str| counts(&app.anonymous().get(path).await.expect(200).json());
    let directors = [("Agnès Varda", 10), ("Jean-Pierre Jeunet", 1)];
    assert_eq!(list("/directors").await, expected(&directors));
    let stars = [
        ("Audrey Tautou", 1),
        ("Jean Gabin", 10),
        ("Mathieu Kassovitz", 1),
        ("Michèle Morgan", 10),
        ("Rufus", 1),
    ];
    assert_eq!(list("/stars").await, expected(&stars));
    let certifications =
        [("A", 2), ("Not Rated", 1), ("Passed", 1), ("R", 2), ("U", 2), ("U/A", 2), ("UA", 1)];
    assert_eq!(list("/certifications").await, expected(&certifications));
    assert_eq!(list("/certifications?page=2&page_size=3").await, expected(&certifications[3..6]));
}

async fn a_search_finds_names_by_their_words_in_any_spelling(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for (path, found) in [
        ("/directors?search=AGNES", vec!["Agnès Varda"]),
        ("/directors?search=jeunet%20jean", vec!["Jean-Pierre Jeunet"]),
        ("/stars?search=mich%C3%A8le%20gabin", vec![]),
        (
            "/stars?search=",
            vec!["Audrey Tautou", "Jean Gabin", "Mathieu Kassovitz", "Michèle Morgan", "Rufus"],
        ),
        ("/certifications?search=u", vec!["U", "U/A", "UA"]),
    ] {
        let list = app.anonymous().get(path).await.expect(200).json();
        assert_eq!(texts(&list, "name"), found, "{path}");
        assert_eq!(list["total_items"], found.len(), "{path}");
    }
}

async fn the_other_pages_of_a_list_are_linked_and_read_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for (kind, total) in [("stars", 5), ("certifications", 7)] {
        let first = app.anonymous().get(format!("/{kind}?page_size=2")).await.expect(200);
        assert_eq!(first.json()["total_items"], total);
        let link = format!("/api/v1/{kind}?page_size=2&page=2>; rel=\"next\"");
        assert!(first.header("link").unwrap().contains(&link), "{first}");
        let whole = app.anonymous().get(format!("/{kind}")).await.expect(200).json();
        let mut read = texts(&first.json(), "name");
        let mut cursor = first.json()["next_cursor"].clone();
        while let Some(text) = cursor.as_str() {
            let page =
                app.anonymous().get(format!("/{kind}?page_size=2&cursor={text}")).await.expect(200).json();
            assert_eq!((&page["page"], &page["total_items"]), (&Value::Null, &Value::Null));
            read.extend(texts(&page, "name"));
            cursor = page["next_cursor"].clone();
        }
        assert_eq!(read, texts(&whole, "name"), "{kind}");
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        let other = format!("/{kind}?search=a&cursor={cursor}");
        app.anonymous().get(other).await.problem(400, "cursor_invalid");
    }
}

async fn invalid_parameters_of_a_list_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for kind in ["directors", "stars", "certifications"] {
        let long = "x".repeat(251);
        let answer =
            app.anonymous().get(format!("/{kind}?page=0&page_size=101&search={long}&sort=name")).await;
        answer.invalid(&[
            ("page", "too_small"),
            ("page_size", "too_large"),
            ("search", "too_long"),
            ("sort", "unknown"),
        ]);
    }
}

async fn each_kind_shows_its_own_names_and_not_those_of_other_kinds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for kind in KINDS {
        let list = app.anonymous().get(format!("/{kind}")).await.expect(200).json();
        let first = &list["items"][0];
        let id = first["id"].as_str().unwrap();
        let shown = app.anonymous().get(format!("/{kind}/{id}")).await.expect(200).json();
        assert_eq!(shown, *first);
        for other in KINDS.iter().filter(|other| **other != kind) {
            app.anonymous().get(format!("/{other}/{id}")).await.problem(404, "not_found");
        }
        app.anonymous().get(format!("/{kind}/drama")).await.problem(400, "malformed_request");
    }
}

async fn names_may_be_cached_and_are_not_sent_twice(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for kind in KINDS {
        let list = app.anonymous().get(format!("/{kind}")).await.expect(200);
        let one = format!("/{kind}/{}", list.json()["items"][0]["id"].as_str().unwrap());
        for path in [format!("/{kind}"), one] {
            let first = app.anonymous().get(&path).await.expect(200);
            assert_eq!(first.header("cache-control"), Some("public, max-age=5"), "{path}");
            let tag = first.header("etag").unwrap();
            assert!(tag.starts_with("W/\""), "{path}: {tag}");
            app.anonymous().get(&path).header("if-none-match", tag).await.expect(304);
            assert_eq!(ann.get(&path).await.expect(200).header("cache-control"), Some("private, no-store"));
        }
    }
}
