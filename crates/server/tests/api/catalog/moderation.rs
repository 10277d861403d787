//! Moderators create, change, withdraw and delete movies.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::names;
use crate::support::{Answer, Engine, SignedIn, TestApp, cases};

cases! {
    a_movie_that_is_created_is_shown_with_all_its_fields,
    all_missing_and_invalid_fields_of_a_movie_are_reported,
    values_that_violate_a_rule_are_reported,
    a_movie_of_the_same_name_year_and_duration_exists_already,
    an_external_identifier_belongs_to_one_movie,
    a_change_keeps_omitted_fields,
    null_clears_what_can_be_cleared,
    a_change_that_changes_nothing_keeps_the_version,
    of_two_moderators_with_one_version_the_second_is_refused,
    a_change_for_another_version_is_refused,
    a_withdrawn_movie_is_listed_for_moderators_only,
    a_movie_that_was_bought_is_not_deleted,
    an_ordered_movie_is_not_deleted,
    a_movie_in_carts_is_deleted_only_with_force,
    a_deleted_movie_is_not_found,
    every_change_is_in_the_audit_log_with_before_and_after,
    a_change_of_a_movie_updates_the_search_immediately,
    of_many_movies_that_get_the_same_identifier_concurrently_one_is_changed,
    a_movie_added_to_a_cart_during_its_deletion_is_in_no_cart_afterwards,
    actions_on_a_movie_during_its_deletion_succeed_before_it_or_get_404,
    movies_are_found_by_their_external_identifiers,
}

/// Creates a moderator.
pub(super) async fn moderator(app: &TestApp, name: &str) -> SignedIn {
    let moderator = app.user(name).await;
    app.change_user(&moderator, |user| user.role = Role::Moderator).await;
    moderator
}

/// Returns the body of a request that creates a movie.
pub(super) fn new_movie(name: &str) -> Value {
    json!({
        "name": name,
        "year": 1979,
        "duration_minutes": 162,
        "imdb": 8.1,
        "votes": 150_000,
        "description": "Three men in the Zone.",
        "price": {"amount": "9.99", "currency": "USD"},
        "certification": "PG-13",
        "genres": ["Drama", "Sci-Fi", "drama"],
        "directors": ["Andrei Tarkovsky"],
        "stars": ["Aleksandr Kaydanovskiy", "Alisa Freyndlikh"],
    })
}

pub(super) fn with(mut body: Value, changes: Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (&mut body, changes) else {
        panic!("not two objects")
    };
    fields.extend(changes);
    body
}

pub(super) async fn create(moderator: &SignedIn, body: Value) -> Value {
    moderator.post("/movies", body).await.expect(201).json()
}

async fn change(moderator: &SignedIn, movie: &Value, changes: Value) -> Answer {
    let path = format!("/movies/{}", movie["id"].as_str().unwrap());
    moderator.call(Method::PATCH, path).json(&changes).await
}

pub(super) fn path_of(movie: &Value) -> String {
    format!("/movies/{}", movie["id"].as_str().unwrap())
}

async fn a_movie_that_is_created_is_shown_with_all_its_fields(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let body = with(
        new_movie("The Stalker"),
        json!({
            "meta_score": 85.0, "gross": 234_723, "poster_url": "https://images.example.com/s.jpg",
            "trailer_url": "https://videos.example.com/s", "imdb_id": "tt0079944", "tmdb_id": 1398,
        }),
    );
    let answer = moderator.post("/movies", body).await.expect(201);
    let movie = answer.json();
    let location = answer.header("location").unwrap();
    assert!(location.ends_with(&format!("/api/v1{}", path_of(&movie))), "{location}");
    let shown = moderator.get(path_of(&movie)).await.expect(200);
    assert_eq!(shown.json(), movie);
    assert_eq!(shown.header("etag"), answer.header("etag"));
    let reference = |members: &[&str]| -> Value { members.iter().map(|name| movie[*name].clone()).collect() };
    assert_eq!(
        reference(&["name", "sort_name", "year", "duration_minutes", "imdb", "votes", "meta_score", "gross"]),
        json!(["The Stalker", "Stalker", 1979, 162, 8.1, 150_000, 85.0, 234_723])
    );
    assert_eq!(
        reference(&["poster_url", "poster_srcset", "trailer_url", "imdb_id", "tmdb_id", "is_available"]),
        json!([
            "https://images.example.com/s.jpg",
            null,
            "https://videos.example.com/s",
            "tt0079944",
            1398,
            true
        ])
    );
    let named = |list: &str| {
        movie[list].as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(named("genres"), ["Drama", "Sci-Fi"]);
    assert_eq!(named("stars"), ["Aleksandr Kaydanovskiy", "Alisa Freyndlikh"]);
    assert_eq!(movie["certification"]["name"], "PG-13");
    assert_eq!(movie["rating"], json!({"average": null, "count": 0}));
    assert_eq!(names(&app.anonymous().get("/movies").await), ["The Stalker"]);
    let genres = app.anonymous().get("/genres").await.json();
    assert_eq!(genres["items"][0]["movies_count"], 1);
}

async fn all_missing_and_invalid_fields_of_a_movie_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let required = [
        "name",
        "year",
        "duration_minutes",
        "imdb",
        "votes",
        "description",
        "price",
        "certification",
        "genres",
        "directors",
        "stars",
    ];
    let faults: Vec<_> = required.iter().map(|field| (*field, "required")).collect();
    moderator.post("/movies", json!({})).await.invalid(&faults);
    let body = json!({"name": " ", "year": 1869, "colour": "red", "imdb": "8", "genres": ["", 7], "poster_url": "x"});
    moderator.post("/movies", body).await.invalid(&[
        ("name", "too_short"),
        ("year", "too_small"),
        ("colour", "unknown"),
        ("imdb", "wrong_type"),
        ("genres.0", "too_short"),
        ("genres.1", "wrong_type"),
        ("poster_url", "invalid_format"),
        ("duration_minutes", "required"),
        ("votes", "required"),
        ("description", "required"),
        ("price", "required"),
        ("certification", "required"),
        ("directors", "required"),
        ("stars", "required"),
    ]);
    assert_eq!(app.anonymous().get("/movies").await.json()["total_items"], 0);
}

async fn values_that_violate_a_rule_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    for (changes, field, code) in [
        (json!({"name": "x".repeat(251)}), "name", "too_long"),
        (json!({"name": null}), "name", "wrong_type"),
        (json!({"name": "a\nb"}), "name", "invalid_format"),
        (json!({"year": 9999}), "year", "too_large"),
        (json!({"duration_minutes": 0}), "duration_minutes", "too_small"),
        (json!({"imdb": 10.1}), "imdb", "too_large"),
        (json!({"meta_score": 101}), "meta_score", "too_large"),
        (json!({"votes": -1}), "votes", "too_small"),
        (json!({"gross": 0.5}), "gross", "wrong_type"),
        (json!({"gross": -1}), "gross", "too_small"),
        (json!({"description": " "}), "description", "too_short"),
        (json!({"price": {"amount": "9.99", "currency": "EUR"}}), "price.currency", "invalid_value"),
        (json!({"price": {"amount": "-1", "currency": "USD"}}), "price.amount", "too_small"),
        (json!({"price": {"amount": "-0.00", "currency": "USD"}}), "price.amount", "too_small"),
        (json!({"name": "\u{200b}"}), "name", "too_short"),
        (json!({"stars": ["\u{2060}"]}), "stars.0", "too_short"),
        (json!({"price": {"amount": "9.999", "currency": "USD"}}), "price.amount", "invalid_format"),
        (json!({"price": {"amount": 9.99, "currency": "USD"}}), "price.amount", "wrong_type"),
        (json!({"price": "9.99"}), "price", "wrong_type"),
        (json!({"genres": "Drama"}), "genres", "wrong_type"),
        (json!({"stars": ["x".repeat(101)]}), "stars.0", "too_long"),
        (json!({"poster_url": "javascript:alert(1)"}), "poster_url", "invalid_format"),
        (json!({"trailer_url": "//example.com"}), "trailer_url", "invalid_format"),
        (json!({"imdb_id": "0079944"}), "imdb_id", "invalid_format"),
        (json!({"imdb_id": "tt00799440000"}), "imdb_id", "too_long"),
        (json!({"tmdb_id": 0}), "tmdb_id", "too_small"),
        (json!({"sort_name": ""}), "sort_name", "too_short"),
        (json!({"is_available": "no"}), "is_available", "wrong_type"),
        (json!({"likes": 7}), "likes", "unknown"),
    ] {
        change(&moderator, &movie, changes).await.invalid(&[(field, code)]);
    }
    let both = json!({"price": {"amount": "9.999", "currency": "EUR"}});
    let faults = [("price.amount", "invalid_format"), ("price.currency", "invalid_value")];
    change(&moderator, &movie, both).await.invalid(&faults);
    // Invisible characters are removed from a name.
    let hidden = json!({"name": "Stal\u{202e}ker\u{200b}"});
    assert_eq!(change(&moderator, &movie, hidden).await.expect(200).json()["name"], "Stalker");
    assert_eq!(moderator.get(path_of(&movie)).await.json(), movie);
}

async fn a_movie_of_the_same_name_year_and_duration_exists_already(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    create(&moderator, new_movie("Stalker")).await;
    let again = with(new_movie("Stalker"), json!({"genres": ["New genre"]}));
    moderator.post("/movies", again).await.problem(409, "movie_exists");
    let genres = app.anonymous().get("/genres").await.json();
    assert_eq!(genres["total_items"], 2, "a refused movie creates no genres: {genres}");
    let other = create(&moderator, with(new_movie("Stalker"), json!({"year": 1980}))).await;
    change(&moderator, &other, json!({"year": 1979})).await.problem(409, "movie_exists");
    change(&moderator, &other, json!({"year": 1981})).await.expect(200);
}

async fn an_external_identifier_belongs_to_one_movie(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let ids = json!({"imdb_id": "tt0079944", "tmdb_id": 1398});
    let first = create(&moderator, with(new_movie("Stalker"), ids)).await;
    let imdb = with(new_movie("Other"), json!({"imdb_id": "tt0079944"}));
    moderator.post("/movies", imdb).await.problem(409, "external_id_taken");
    let other = create(&moderator, with(new_movie("Other"), json!({"tmdb_id": 7}))).await;
    change(&moderator, &other, json!({"tmdb_id": 1398})).await.problem(409, "external_id_taken");
    change(&moderator, &other, json!({"imdb_id": "tt0079944"})).await.problem(409, "external_id_taken");
    change(&moderator, &first, json!({"imdb_id": null, "tmdb_id": null})).await.expect(200);
    let taken_over = change(&moderator, &other, json!({"imdb_id": "tt0079944", "tmdb_id": 1398})).await;
    assert_eq!(taken_over.expect(200).json()["tmdb_id"], 1398);
}

async fn a_change_keeps_omitted_fields(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, with(new_movie("Stalker"), json!({"meta_score": 85}))).await;
    let changes = json!({"price": {"amount": "4.50", "currency": "USD"}, "stars": ["Nikolay Grinko"]});
    let answer = change(&moderator, &movie, changes).await.expect(200).json();
    assert_eq!(answer["price"]["amount"], "4.50");
    assert_eq!(answer["stars"][0]["name"], "Nikolay Grinko");
    for kept in
        ["name", "year", "description", "certification", "genres", "directors", "meta_score", "created_at"]
    {
        assert_eq!(answer[kept], movie[kept], "{kept}");
    }
    let merge_patch = moderator
        .call(Method::PATCH, path_of(&movie))
        .body("application/merge-patch+json", r#"{"imdb": 8.2}"#)
        .await;
    assert_eq!(merge_patch.expect(200).json()["imdb"], 8.2);
    assert_eq!(moderator.get(path_of(&movie)).await.json()["imdb"], 8.2);
}

async fn null_clears_what_can_be_cleared(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let optional = json!({
        "meta_score": 85, "gross": 1, "poster_url": "https://example.com/p", "trailer_url": "https://example.com/t",
        "imdb_id": "tt0079944", "tmdb_id": 1398, "sort_name": "Zone",
    });
    let movie = create(&moderator, with(new_movie("The Stalker"), optional.clone())).await;
    assert_eq!(movie["sort_name"], "Zone");
    let nulls: Value = optional
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let cleared = change(&moderator, &movie, nulls).await.expect(200).json();
    for name in ["meta_score", "gross", "poster_url", "trailer_url", "imdb_id", "tmdb_id"] {
        assert_eq!(cleared[name], json!(null), "{name}");
    }
    assert_eq!(cleared["sort_name"], "Stalker");
}

async fn a_change_that_changes_nothing_keeps_the_version(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    app.advance(chrono::TimeDelta::minutes(1));
    for changes in [json!({}), json!({"name": " Stalker ", "genres": ["drama", "SCI-FI"]})] {
        assert_eq!(change(&moderator, &movie, changes).await.expect(200).json(), movie);
    }
}

async fn of_two_moderators_with_one_version_the_second_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (moderator(&app, "ann").await, moderator(&app, "bob").await);
    let movie = create(&ann, new_movie("Stalker")).await;
    let path = path_of(&movie);
    let tag = app.anonymous().get(&path).await.expect(200).header("etag").unwrap().to_owned();
    let send = |moderator: &SignedIn, tag: &str, changes: Value| {
        moderator.call(Method::PATCH, &path).header("if-match", tag).json(&changes)
    };
    // Adding the movie to Bob's cart changes what Bob gets as `me` of the movie, but not the version of the movie.
    bob.post("/cart/items", json!({"movie_id": movie["id"]})).await.expect(201);
    let answer = send(&ann, &tag, json!({"votes": 1})).await.expect(200);
    let newer = answer.header("etag").unwrap().to_owned();
    send(&bob, &tag, json!({"votes": 2})).await.problem(412, "precondition_failed");
    assert_eq!(ann.get(&path).await.json()["votes"], 1);
    send(&bob, &newer, json!({"votes": 2})).await.expect(200);
    send(&bob, "*", json!({"votes": 3})).await.expect(200);
    bob.call(Method::PATCH, &path).json(&json!({"votes": 4})).await.expect(200);
}

async fn a_change_for_another_version_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    for tag in ["\"9-0\"", "W/\"1-0\"", "\"nonsense\"", "1", "\"9-0\", \"8-0\""] {
        let call = moderator.call(Method::PATCH, path_of(&movie)).header("if-match", tag);
        call.json(&json!({"votes": 2})).await.problem(412, "precondition_failed");
    }
    let unknown = "/movies/0190a1b2-0000-7000-8000-000000000000";
    let call = moderator.call(Method::PATCH, unknown).header("if-match", "\"1-0\"");
    call.json(&json!({"votes": 2})).await.problem(404, "not_found");
}

async fn a_withdrawn_movie_is_listed_for_moderators_only(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann) = (moderator(&app, "mo").await, app.user("ann").await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    let other = create(&moderator, new_movie("Solaris")).await;
    let similar = format!("{}/similar", path_of(&other));
    assert_eq!(names(&ann.get(&similar).await), ["Stalker"]);
    let withdrawn = change(&moderator, &movie, json!({"is_available": false})).await.expect(200).json();
    assert_eq!(withdrawn["is_available"], false);
    for caller in [&*moderator, &*ann, &app.anonymous()] {
        assert_eq!(names(&caller.get("/movies").await), ["Solaris"]);
    }
    assert!(names(&moderator.get(&similar).await).is_empty());
    for (path, list) in [
        ("/movies?search=stalker", "items"),
        ("/movies/suggestions?q=stalk", "items"),
        ("/movies/facets?search=stalker", "decades"),
    ] {
        assert_eq!(moderator.get(path).await.expect(200).json()[list], json!([]), "{path}");
    }
    ann.get(path_of(&movie)).await.problem(404, "not_found");
    ann.get(format!("{}/similar", path_of(&movie))).await.problem(404, "not_found");
    moderator.get(path_of(&movie)).await.expect(200);
    let facets = moderator.get("/movies/facets?is_available=false").await.expect(200).json();
    assert_eq!(facets["decades"], json!([{"decade": 1970, "count": 1}]));
    assert_eq!(names(&moderator.get("/movies?is_available=false").await), ["Stalker"]);
    assert_eq!(names(&moderator.get("/movies?is_available=true").await), ["Solaris"]);
    assert_eq!(names(&moderator.get("/movies?is_available=false&search=stal&sort=name").await), ["Stalker"]);
    for caller in [&*ann, &app.anonymous()] {
        for list in ["/movies", "/movies/facets"] {
            let path = format!("{list}?is_available=false");
            caller.get(path).await.invalid(&[("is_available", "unknown")]);
        }
    }
    moderator.get("/movies?is_available=x").await.invalid(&[("is_available", "invalid_format")]);
    change(&moderator, &movie, json!({"is_available": true})).await.expect(200);
    assert_eq!(app.anonymous().get("/movies").await.json()["total_items"], 2);
}

async fn a_movie_that_was_bought_is_not_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann) = (moderator(&app, "mo").await, app.user("ann").await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    app.sell(&ann, movie["id"].as_str().unwrap().to_owned()).await;
    for query in ["", "?force=true"] {
        let answer = moderator.delete(format!("{}{query}", path_of(&movie))).await;
        answer.problem(409, "movie_purchased");
    }
    moderator.get(path_of(&movie)).await.expect(200);
}

async fn an_ordered_movie_is_not_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann) = (moderator(&app, "mo").await, app.user("ann").await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    ann.post("/cart/items", json!({"movie_id": movie["id"]})).await.expect(201);
    let order = ann.call(Method::POST, "/orders").await.expect(201).json();
    moderator.delete(path_of(&movie)).await.problem(409, "movie_in_orders");
    let cancel = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
    ann.call(Method::POST, cancel).await.expect(200);
    for query in ["", "?force=true"] {
        let answer = moderator.delete(format!("{}{query}", path_of(&movie))).await;
        answer.problem(409, "movie_in_orders");
    }
}

async fn a_movie_in_carts_is_deleted_only_with_force(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann, bob) = (moderator(&app, "mo").await, app.user("ann").await, app.user("bob").await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    let other = create(&moderator, new_movie("Solaris")).await;
    for user in [&ann, &bob] {
        user.post("/cart/items", json!({"movie_id": movie["id"]})).await.expect(201);
    }
    ann.post("/cart/items", json!({"movie_id": other["id"]})).await.expect(201);
    for query in ["", "?force=false", "?force="] {
        let answer = moderator.delete(format!("{}{query}", path_of(&movie))).await;
        assert_eq!(answer.problem(409, "movie_in_carts").json()["carts"], 2);
    }
    moderator.delete(format!("{}?force=1", path_of(&movie))).await.invalid(&[("force", "invalid_format")]);
    moderator.delete(format!("{}?force=true", path_of(&movie))).await.expect(204);
    moderator.get(path_of(&movie)).await.problem(404, "not_found");
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!((&cart["items"][0]["movie"]["name"], &cart["unavailable"]), (&json!("Solaris"), &json!([])));
    assert_eq!(bob.get("/cart").await.json()["items"], json!([]));
    for (user, count) in [(&ann, 1), (&bob, 1), (&moderator, 0)] {
        let exported = user.get("/users/me/export").await.expect(200).json();
        let notices = exported["notifications"].as_array().unwrap();
        assert_eq!(notices.len(), count, "{notices:?}");
        for notice in notices {
            assert_eq!(notice["kind"], "movie_removed_from_cart");
            assert_eq!(notice["name"], "Stalker", "{notice}");
        }
    }
}

async fn a_deleted_movie_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    moderator
        .call(Method::DELETE, path_of(&movie))
        .json(&json!({"force": true}))
        .await
        .invalid(&[("force", "unknown")]);
    moderator.delete(path_of(&movie)).await.expect(204);
    moderator.delete(path_of(&movie)).await.problem(404, "not_found");
    change(&moderator, &movie, json!({"votes": 1})).await.problem(404, "not_found");
    assert_eq!(app.anonymous().get("/movies").await.json()["total_items"], 0);
    create(&moderator, new_movie("Stalker")).await;
}

async fn every_change_is_in_the_audit_log_with_before_and_after(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, admin) = (moderator(&app, "mo").await, app.admin().await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    let changes = json!({
        "price": {"amount": "4.50", "currency": "USD"}, "is_available": false, "genres": ["Drama"],
        "trailer_url": "https://example.com/t",
    });
    change(&moderator, &movie, changes).await.expect(200);
    change(&moderator, &movie, json!({"is_available": false})).await.expect(200);
    change(&moderator, &movie, json!({"year": 1869})).await.expect(422);
    moderator.delete(path_of(&movie)).await.expect(204);
    let path = format!("/admin/audit?object_id={}", movie["id"].as_str().unwrap());
    let log = admin.get(path).await.expect(200).json();
    let entries: Vec<Value> = log["items"].as_array().unwrap().iter().rev().cloned().collect();
    let mut told: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    told[1..4].sort_unstable();
    assert_eq!(
        told,
        ["movie_created", "availability_changed", "movie_changed", "price_changed", "movie_deleted"]
    );
    for entry in &entries {
        assert_eq!(entry["actor_id"], json!(moderator.id()), "{entry}");
        assert_eq!(entry["object"], json!({"kind": "movie", "id": movie["id"]}), "{entry}");
        assert!(entry["request_id"].is_string(), "{entry}");
    }
    let of = |action: &str| entries.iter().find(|entry| entry["action"] == action).unwrap().clone();
    let created = of("movie_created");
    assert_eq!(created["before"], json!(null));
    assert_eq!(created["after"]["genres"], "Drama, Sci-Fi");
    assert_eq!(created["after"]["price"], "9.99 USD");
    let edited = of("movie_changed");
    assert_eq!(edited["before"], json!({"genres": "Drama, Sci-Fi"}));
    assert_eq!(edited["after"], json!({"genres": "Drama", "trailer_url": "https://example.com/t"}));
    let (price, deleted) = (of("price_changed"), of("movie_deleted"));
    assert_eq!(
        (&price["before"]["price"], &price["after"]["price"]),
        (&json!("9.99 USD"), &json!("4.50 USD"))
    );
    assert_eq!((&deleted["before"]["name"], &deleted["after"]), (&json!("Stalker"), &json!(null)));
    // The new genre, which was created together with the movie, has its own entry.
    let log = admin.get("/admin/audit?action=name_created&page_size=100").await.expect(200).json();
    let is_of_genre = |entry: &&Value| {
        entry["after"] == json!({"name": "Sci-Fi"}) && entry["actor_id"] == json!(moderator.id())
    };
    let named: Vec<_> = log["items"].as_array().unwrap().iter().filter(is_of_genre).collect();
    assert_eq!((named.len(), &named[0]["object"]["kind"]), (1, &json!("genre")));
}

async fn a_change_of_a_movie_updates_the_search_immediately(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let visitor = app.anonymous();
    let movie = create(&moderator, new_movie("Stalker")).await;
    assert_eq!(names(&visitor.get("/movies?search=kaydanovskiy").await), ["Stalker"]);
    let changes = json!({"name": "The Zone", "stars": ["Nikolay Grinko"], "description": "A journey."});
    change(&moderator, &movie, changes).await.expect(200);
    for search in ["zone", "grinko", "journey"] {
        assert_eq!(names(&visitor.get(format!("/movies?search={search}")).await), ["The Zone"], "{search}");
    }
    for search in ["stalker", "kaydanovskiy", "three"] {
        assert!(names(&visitor.get(format!("/movies?search={search}")).await).is_empty(), "{search}");
    }
    moderator.delete(path_of(&movie)).await.expect(204);
    assert!(names(&visitor.get("/movies?search=zone").await).is_empty());
}

async fn of_many_movies_that_get_the_same_identifier_concurrently_one_is_changed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let mut calls = Vec::new();
    for number in 0..8 {
        let movie = create(&moderator, new_movie(&format!("Movie {number}"))).await;
        let call = moderator.call(Method::PATCH, path_of(&movie)).json(&json!({"imdb_id": "tt0079944"}));
        calls.push(tokio::spawn(async move { call.await }));
    }
    let mut statuses = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status != 200 {
            assert_eq!(answer.json()["code"], "external_id_taken", "{answer}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

async fn a_movie_added_to_a_cart_during_its_deletion_is_in_no_cart_afterwards(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann) = (moderator(&app, "mo").await, app.user("ann").await);
    for number in 0..10 {
        let movie = create(&moderator, new_movie(&format!("Movie {number}"))).await;
        let delete = moderator.delete(format!("{}?force=true", path_of(&movie)));
        let add = ann.post("/cart/items", json!({"movie_id": movie["id"]}));
        let (deleted, added) = tokio::join!(async { delete.await }, async { add.await });
        deleted.expect(204);
        if added.status != 201 {
            added.problem(404, "not_found");
        }
        assert_eq!(ann.get("/cart").await.expect(200).json()["items"], json!([]));
    }
}

async fn actions_on_a_movie_during_its_deletion_succeed_before_it_or_get_404(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, ann) = (moderator(&app, "mo").await, app.user("ann").await);
    for number in 0..5 {
        let movie = create(&moderator, new_movie(&format!("Movie {number}"))).await;
        let path = path_of(&movie);
        let delete = moderator.delete(&path);
        let rate = ann.call(Method::PUT, format!("{path}/rating")).json(&json!({"score": 10}));
        let like = ann.call(Method::PUT, format!("{path}/reaction")).json(&json!({"value": "like"}));
        let comment = ann.post(format!("{path}/comments"), json!({"text": "Great."}));
        let favorite = ann.call(Method::PUT, format!("/favorites/{}", movie["id"].as_str().unwrap()));
        let (deleted, rated, liked, commented, kept) = tokio::join!(
            async { delete.await },
            async { rate.await },
            async { like.await },
            async { comment.await },
            async { favorite.await },
        );
        deleted.expect(204);
        for acted in [rated, liked, commented, kept] {
            if acted.status >= 300 {
                acted.problem(404, "not_found");
            }
        }
        ann.get(&path).await.problem(404, "not_found");
        assert_eq!(ann.get("/favorites").await.expect(200).json()["items"], json!([]));
    }
}

async fn movies_are_found_by_their_external_identifiers(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let ids = json!({"imdb_id": "tt0079944", "tmdb_id": 1398});
    create(&moderator, with(new_movie("Stalker"), ids)).await;
    create(&moderator, new_movie("Solaris")).await;
    let visitor = app.anonymous();
    for query in ["imdb_id=tt0079944", "tmdb_id=1398", "imdb_id=tt0079944&tmdb_id=1398"] {
        assert_eq!(names(&visitor.get(format!("/movies?{query}")).await), ["Stalker"], "{query}");
    }
    for query in ["imdb_id=tt0079945", "tmdb_id=1", "imdb_id=tt0079944&tmdb_id=1"] {
        assert!(names(&visitor.get(format!("/movies?{query}")).await).is_empty(), "{query}");
    }
    visitor.get("/movies?imdb_id=79944").await.invalid(&[("imdb_id", "invalid_format")]);
    visitor.get("/movies?tmdb_id=0").await.invalid(&[("tmdb_id", "too_small")]);
}
