use super::{encoded, names, sorted};
use crate::support::{Engine, TestApp, cases, facts};

cases! {
    a_search_finds_every_word_of_a_title_in_any_spelling,
    a_search_that_finds_nothing_is_an_empty_list,
    a_title_is_found_literally,
    special_characters_of_databases_are_matched_literally,
    a_genre_shows_its_movies,
    several_genres_mean_any_of_them,
    movies_are_filtered_by_their_ids,
    an_unknown_genre_has_no_movies,
    ids_that_are_not_uuids_are_reported,
    bounds_are_inclusive,
    bounds_that_are_not_numbers_are_reported,
    people_and_certifications_filter_too,
    an_empty_parameter_counts_as_absent,
    movies_must_match_all_filters,
    the_total_counts_the_matches_of_the_filter,
}

async fn a_search_finds_every_word_of_a_title_in_any_spelling(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for (search, found) in [
        ("godfather", &["The Godfather", "The Godfather: Part II"][..]),
        ("GODFATHER the", &["The Godfather", "The Godfather: Part II"]),
        ("part godfather", &["The Godfather: Part II"]),
        ("amelie", &["Amélie"]),
        ("AMÉLIE", &["Amélie"]),
        ("  elite   SQUAD ", &["Élite Squad"]),
        ("12", &["12 Angry Men"]),
        ("alien", &["Alien", "Aliens"]),
    ] {
        let list = app.anonymous().get(format!("/movies?search={}", encoded(search))).await;
        assert_eq!(
            sorted(names(&list)),
            sorted(found.iter().map(|&name| name.to_owned()).collect()),
            "{search}"
        );
    }
    assert_eq!(
        names(&app.anonymous().get("/movies?search=the+godfather").await).len(),
        2,
        "a plus sign is a space"
    );
}

async fn a_search_that_finds_nothing_is_an_empty_list(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?search=nothingatall").await.expect(200).json();
    assert_eq!((&list["items"], &list["total_items"]), (&serde_json::json!([]), &serde_json::json!(0)));
    let everything = app.anonymous().get("/movies?search=").await;
    assert_eq!(names(&everything).len(), 12, "an empty search finds all movies");
}

async fn a_title_is_found_literally(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let find =
        async |title: &str| names(&app.anonymous().get(format!("/movies?title={}", encoded(title))).await);
    assert_eq!(find("godfather: part").await, ["The Godfather: Part II"]);
    assert_eq!(find("part godfather").await, [""; 0]);
    assert_eq!(find("AMELIE").await, ["Amélie"]);
}

async fn special_characters_of_databases_are_matched_literally(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    app.import(vec![
        facts("100% Wolf_Man", 2020),
        facts("100 Wolves", 2020),
        facts("O'Brien \\ \"Co\"", 2020),
    ])
    .await;
    let visitor = app.anonymous();
    for parameter in ["search", "title"] {
        let find =
            async |text: &str| names(&visitor.get(format!("/movies?{parameter}={}", encoded(text))).await);
        assert_eq!(find("100% wolf_").await, ["100% Wolf_Man"], "{parameter}");
        assert_eq!(find("o'brien").await, ["O'Brien \\ \"Co\""], "{parameter}");
        assert_eq!(find("\"co\"").await, ["O'Brien \\ \"Co\""], "{parameter}");
        for text in [
            "%",
            "_",
            "' OR '1'='1",
            "'; DROP TABLE movies; --",
            "*",
            "a & b | !c:*",
            "(((",
            "\u{202e}",
            "-",
            "NEAR/2",
        ] {
            assert!(find(text).await.len() < 15, "{parameter}: {text}");
        }
        if parameter == "title" {
            assert_eq!(find("100%").await, ["100% Wolf_Man"]);
            assert_eq!(find("f_m").await, ["100% Wolf_Man"]);
            assert_eq!(find("\\").await, ["O'Brien \\ \"Co\""]);
        }
        let long = "long ".repeat(200);
        let answer = visitor.get(format!("/movies?{parameter}={}", encoded(&long))).await;
        assert!(matches!(answer.status, 200 | 422), "{answer}");
    }
}

async fn a_genre_shows_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let genre = movies.genre("Sci-Fi").await;
    let list = app.anonymous().get(format!("/movies?genre={genre}")).await;
    assert_eq!(sorted(names(&list)), ["Alien", "Aliens", "Blade Runner", "Metropolis"]);
    for item in list.json()["items"].as_array().unwrap() {
        assert!(item["genres"].as_array().unwrap().iter().any(|genre| genre["name"] == "Sci-Fi"), "{item}");
    }
}

async fn movies_are_filtered_by_their_ids(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (alien, m) = (movies.id("Alien"), movies.id("M"));
    let gone = "0190a1b2-0000-7000-8000-000000000000";
    let list = app.anonymous().get(format!("/movies?id={m}&id={alien}&id={gone}&id={m}&sort=name")).await;
    assert_eq!(names(&list), ["Alien", "M"]);
    assert_eq!(list.json()["total_items"], 2);
    assert_eq!(names(&app.anonymous().get(format!("/movies?id={m}&title=alien")).await), [""; 0]);
    let ids = |count: usize| vec![format!("id={gone}"); count].join("&");
    app.anonymous().get(format!("/movies?page_size=100&{}", ids(100))).await.expect(200);
    app.anonymous().get(format!("/movies?{}", ids(101))).await.invalid(&[("id", "too_long")]);
    app.anonymous()
        .get(format!("/movies?id=x&id={m}&id=1"))
        .await
        .invalid(&[("id", "invalid_format"), ("id", "invalid_format")]);
}

async fn several_genres_mean_any_of_them(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (horror, thriller) = (movies.genre("Horror").await, movies.genre("Thriller").await);
    let list = app.anonymous().get(format!("/movies?genre={horror}&genre={thriller}&genre={horror}")).await;
    assert_eq!(sorted(names(&list)), ["Alien", "Blade Runner", "M"], "each movie is listed once");
    assert_eq!(list.json()["total_items"], 3);
}

async fn an_unknown_genre_has_no_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?genre=0190a1b2-0000-7000-8000-000000000000").await;
    assert_eq!(names(&list), [""; 0]);
}

async fn ids_that_are_not_uuids_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in ["id", "genre", "director", "star", "certification"] {
        for bad in ["drama", "1", "0190a1b2000070008000000000000000"] {
            app.anonymous().get(format!("/movies?{name}={bad}")).await.invalid(&[(name, "invalid_format")]);
        }
    }
}

async fn bounds_are_inclusive(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let find = async |query: &str| sorted(names(&app.anonymous().get(format!("/movies?{query}")).await));
    assert_eq!(
        find("year_min=1972&year_max=1979").await,
        ["Alien", "The Godfather", "The Godfather: Part II"]
    );
    assert_eq!(find("year_max=1931").await, ["M", "Metropolis"]);
    assert_eq!(find("imdb_min=9.0").await, ["12 Angry Men", "The Godfather", "The Godfather: Part II"]);
    assert_eq!(find("imdb_min=8&imdb_max=8").await, ["Zootopia", "Élite Squad"]);
    assert_eq!(find("price_max=2.99").await, ["M", "Metropolis"]);
    assert_eq!(find("price_min=14.99").await, ["Zootopia", "aftersun"]);
    assert_eq!(find("price_min=4.99&price_max=5.99").await, ["12 Angry Men", "Élite Squad"]);
    assert_eq!(find("price_max=0").await, ["M"]);
    assert_eq!(find("duration_min=153&duration_max=175").await, ["Metropolis", "The Godfather"]);
    assert_eq!(find("year_min=2000&year_max=1990").await, [""; 0]);
}

async fn bounds_that_are_not_numbers_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in [
        "year_min",
        "year_max",
        "imdb_min",
        "imdb_max",
        "price_min",
        "price_max",
        "duration_min",
        "duration_max",
    ] {
        for bad in ["x", "NaN", "1e3", "inf", "1,5"] {
            app.anonymous().get(format!("/movies?{name}={bad}")).await.invalid(&[(name, "invalid_format")]);
        }
        let huge = "9".repeat(60);
        let answer = app.anonymous().get(format!("/movies?{name}={huge}")).await;
        assert!(matches!(answer.status, 200 | 422), "{answer}");
    }
}

async fn people_and_certifications_filter_too(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let visitor = app.anonymous();
    let amelie = visitor.get(format!("/movies/{}", movies.id("Amélie"))).await.expect(200).json();
    let id = |value: &serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let (director, star) = (id(&amelie["directors"][0]), id(&amelie["stars"][1]));
    assert_eq!(names(&visitor.get(format!("/movies?director={director}")).await), ["Amélie"]);
    assert_eq!(names(&visitor.get(format!("/movies?star={star}")).await), ["Amélie"]);
    let certification = id(&amelie["certification"]);
    let rated = visitor.get(format!("/movies?certification={certification}")).await;
    assert_eq!(sorted(names(&rated)), ["Aliens", "Amélie"]);
}

async fn an_empty_parameter_counts_as_absent(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    // An HTML form with empty fields sends all parameters without values.
    let form = "search=&title=&genre=&director=&star=&certification=&year_min=&year_max=&imdb_min=&imdb_max=\
                &price_min=&price_max=&duration_min=&duration_max=&sort=&page=&page_size=&cursor=";
    assert_eq!(names(&app.anonymous().get(format!("/movies?{form}")).await).len(), 12);
    let list = app.anonymous().get("/movies?year_min=1972&year_max=&search&title=&title=alien").await;
    assert_eq!(sorted(names(&list)), ["Alien", "Aliens"]);
    app.anonymous().get("/movies?colour=").await.invalid(&[("colour", "unknown")]);
}

async fn movies_must_match_all_filters(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let genre = movies.genre("Sci-Fi").await;
    let list = app
        .anonymous()
        .get(format!("/movies?genre={genre}&year_min=1950&price_max=7.99&search=alien&sort=year"))
        .await;
    assert_eq!(names(&list), ["Alien", "Aliens"]);
    let list = app.anonymous().get(format!("/movies?genre={genre}&search=godfather")).await;
    assert_eq!(names(&list), [""; 0]);
}

async fn the_total_counts_the_matches_of_the_filter(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let genre = movies.genre("Drama").await;
    let list = app.anonymous().get(format!("/movies?genre={genre}&page_size=2")).await.json();
    assert_eq!((&list["total_items"], &list["total_pages"]), (&6.into(), &3.into()));
}
