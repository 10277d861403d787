//! Moderators create, rename and delete genres, directors, stars and certifications.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    moderation::{create, moderator, new_movie, path_of, with},
    names,
};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases};

cases! {
    each_kind_of_name_is_created_renamed_and_deleted,
    a_name_that_is_already_taken_is_refused,
    values_that_are_not_names_are_reported,
    a_name_that_a_movie_has_is_not_deleted,
    a_renamed_person_is_found_and_shown_by_the_new_name_at_once,
    a_renamed_genre_is_shown_by_the_new_name_at_once,
    every_change_of_a_name_is_in_the_audit_log,
    of_many_equal_concurrent_names_one_is_created,
    a_genre_that_is_deleted_while_a_movie_gets_it_is_created_again,
    a_star_who_is_renamed_while_movies_change_is_found_by_the_new_name,
}

/// For each kind of name: the path of its list, and a name that every movie made with [`new_movie`] has.
const KINDS: [(&str, &str); 4] = [
    ("genres", "Sci-Fi"),
    ("directors", "Andrei Tarkovsky"),
    ("stars", "Alisa Freyndlikh"),
    ("certifications", "PG-13"),
];

async fn rename(moderator: &SignedIn, path: &str, name: &str) -> Answer {
    moderator.call(Method::PATCH, path).json(&json!({"name": name})).await
}

/// Returns the path of the genre, director, star or certification (`kind`) with this name.
async fn path_to(app: &TestApp, kind: &str, name: &str) -> String {
    let list = app.anonymous().get(format!("/{kind}")).await.expect(200).json();
    let found = list["items"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    format!("/{kind}/{}", found["id"].as_str().unwrap())
}

async fn each_kind_of_name_is_created_renamed_and_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let visitor = app.anonymous();
    for (kind, _) in KINDS {
        let answer = moderator.post(format!("/{kind}"), json!({"name": "  Ann  Lee "})).await.expect(201);
        let created = answer.json();
        let path = format!("/{kind}/{}", created["id"].as_str().unwrap());
        assert_eq!(created, json!({"id": created["id"], "name": "Ann  Lee", "movies_count": 0}));
        let location = answer.header("location").unwrap();
        assert!(location.ends_with(&format!("/api/v1{path}")), "{location}");
        assert_eq!(visitor.get(&path).await.expect(200).json(), created);
        let renamed = rename(&moderator, &path, "Bob").await.expect(200).json();
        assert_eq!(renamed, json!({"id": created["id"], "name": "Bob", "movies_count": 0}));
        assert_eq!(names(&visitor.get(format!("/{kind}")).await), ["Bob"]);
        let merge_patch =
            moderator.call(Method::PATCH, &path).body("application/merge-patch+json", "{}").await;
        assert_eq!(merge_patch.expect(200).json(), renamed);
        moderator.delete(&path).await.expect(204);
        moderator.delete(&path).await.problem(404, "not_found");
        rename(&moderator, &path, "Cem").await.problem(404, "not_found");
        visitor.get(&path).await.problem(404, "not_found");
        assert!(names(&visitor.get(format!("/{kind}")).await).is_empty());
    }
}

async fn a_name_that_is_already_taken_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    for (kind, _) in KINDS {
        let list = format!("/{kind}");
        moderator.post(&list, json!({"name": "Amélie"})).await.expect(201);
        let other = moderator.post(&list, json!({"name": "Other"})).await.expect(201).json();
        let path = format!("{list}/{}", other["id"].as_str().unwrap());
        for taken in ["Amélie", "AMELIE", " amélie "] {
            moderator.post(&list, json!({"name": taken})).await.problem(409, "name_taken");
            rename(&moderator, &path, taken).await.problem(409, "name_taken");
        }
        // A name can be changed to another spelling of itself.
        assert_eq!(rename(&moderator, &path, "ÓTHER").await.expect(200).json()["name"], "ÓTHER");
        assert_eq!(names(&app.anonymous().get(&list).await), ["Amélie", "ÓTHER"]);
    }
}

async fn values_that_are_not_names_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let path = path_of_new_genre(&moderator).await;
    for (body, field, code) in [
        (json!({"name": ""}), "name", "too_short"),
        (json!({"name": " \u{301} "}), "name", "too_short"),
        (json!({"name": "x".repeat(101)}), "name", "too_long"),
        (json!({"name": "a\nb"}), "name", "invalid_format"),
        (json!({"name": 7}), "name", "wrong_type"),
        (json!({"name": null}), "name", "wrong_type"),
        (json!({"name": "Film noir", "movies_count": 3}), "movies_count", "unknown"),
    ] {
        moderator.post("/genres", body.clone()).await.invalid(&[(field, code)]);
        moderator.call(Method::PATCH, &path).json(&body).await.invalid(&[(field, code)]);
    }
    moderator.post("/genres", json!({})).await.invalid(&[("name", "required")]);
    moderator.delete("/genres/7").await.problem(400, "malformed_request");
    moderator.delete(path.replace("genres", "stars")).await.problem(404, "not_found");
    assert_eq!(names(&app.anonymous().get("/genres").await), ["Noir"]);
}

async fn path_of_new_genre(moderator: &SignedIn) -> String {
    let genre = moderator.post("/genres", json!({"name": "Noir"})).await.expect(201).json();
    format!("/genres/{}", genre["id"].as_str().unwrap())
}

async fn a_name_that_a_movie_has_is_not_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let mut paths = Vec::new();
    for (kind, name) in KINDS {
        paths.push(path_to(&app, kind, name).await);
    }
    for path in &paths {
        moderator.delete(path).await.problem(409, "in_use");
    }
    // A withdrawn movie still uses its names.
    let withdraw = moderator.call(Method::PATCH, path_of(&movie)).json(&json!({"is_available": false}));
    withdraw.await.expect(200);
    for path in &paths {
        moderator.delete(path).await.problem(409, "in_use");
    }
    moderator.delete(path_of(&movie)).await.expect(204);
    for path in &paths {
        moderator.delete(path).await.expect(204);
    }
}

async fn a_renamed_person_is_found_and_shown_by_the_new_name_at_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let visitor = app.anonymous();
    let movie = create(&moderator, new_movie("Stalker")).await;
    let withdrawn = json!({"year": 1980, "is_available": false});
    let withdrawn = create(&moderator, with(new_movie("Solaris"), withdrawn)).await;
    for (list, old, new) in
        [("stars", "Alisa Freyndlikh", "Anna Karina"), ("directors", "Andrei Tarkovsky", "Agnès Varda")]
    {
        let path = path_to(&app, list, old).await;
        let (old_word, new_word) = (old.split_once(' ').unwrap().1, new.split_once(' ').unwrap().1);
        let found = |word: &str| visitor.get(format!("/movies?search={word}"));
        assert_eq!(names(&found(old_word).await), ["Stalker"]);
        rename(&moderator, &path, new).await.expect(200);
        assert_eq!(names(&found(new_word).await), ["Stalker"]);
        assert!(names(&found(old_word).await).is_empty(), "{old_word}");
        let suggested = visitor.get(format!("/movies/suggestions?q={new_word}")).await;
        assert_eq!(names(&suggested), [new]);
        let shown = visitor.get(path_of(&movie)).await.expect(200).json();
        assert!(shown[list].as_array().unwrap().iter().any(|one| one["name"] == new), "{shown}");
    }
    moderator.call(Method::PATCH, path_of(&withdrawn)).json(&json!({"is_available": true})).await.expect(200);
    assert_eq!(visitor.get("/movies?search=karina").await.json()["total_items"], 2);
}

async fn a_renamed_genre_is_shown_by_the_new_name_at_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let visitor = app.anonymous();
    let movie = create(&moderator, new_movie("Stalker")).await;
    let old = visitor.get(path_of(&movie)).await.expect(200);
    visitor.get("/genres").await.expect(200);
    let path = path_to(&app, "genres", "Sci-Fi").await;
    rename(&moderator, &path, "Science fiction").await.expect(200);
    assert_eq!(names(&visitor.get("/genres").await), ["Drama", "Science fiction"]);
    let new = visitor.get(path_of(&movie)).await.expect(200);
    assert_eq!(new.json()["genres"][1]["name"], "Science fiction");
    assert_ne!(new.header("etag"), old.header("etag"));
    let list = visitor.get("/movies").await.json();
    assert_eq!(list["items"][0]["genres"][1]["name"], "Science fiction");
    let facets = visitor.get("/movies/facets").await.json();
    assert!(facets["genres"].as_array().unwrap().iter().any(|one| one["name"] == "Science fiction"));
}

async fn every_change_of_a_name_is_in_the_audit_log(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, admin) = (moderator(&app, "mo").await, app.admin().await);
    for (kind, object) in [
        ("genres", "genre"),
        ("directors", "director"),
        ("stars", "star"),
        ("certifications", "certification"),
    ] {
        let created = moderator.post(format!("/{kind}"), json!({"name": "Noir"})).await.expect(201).json();
        let path = format!("/{kind}/{}", created["id"].as_str().unwrap());
        rename(&moderator, &path, "Film noir").await.expect(200);
        rename(&moderator, &path, "Film noir").await.expect(200);
        rename(&moderator, &path, " ").await.expect(422);
        moderator.delete(&path).await.expect(204);
        let log = admin.get(format!("/admin/audit?object_id={}", created["id"].as_str().unwrap())).await;
        let told: Vec<Value> = log.expect(200).json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .map(|entry| {
                assert_eq!(entry["actor_id"], json!(moderator.id()), "{entry}");
                assert_eq!(entry["object"], json!({"kind": object, "id": created["id"]}), "{entry}");
                json!([entry["action"], entry["before"], entry["after"]])
            })
            .collect();
        let (noir, film_noir) = (json!({"name": "Noir"}), json!({"name": "Film noir"}));
        assert_eq!(
            told,
            [
                json!(["name_created", null, noir]),
                json!(["name_changed", noir, film_noir]),
                json!(["name_deleted", film_noir, null]),
            ]
        );
    }
}

async fn of_many_equal_concurrent_names_one_is_created(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let mut calls = Vec::new();
    for number in 0..8 {
        let name = if number % 2 == 0 { "Noir" } else { "NOIR" };
        let call = moderator.post("/genres", json!({"name": name}));
        calls.push(tokio::spawn(async move { call.await }));
    }
    let mut created = 0;
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 201 {
            created += 1;
        } else {
            answer.problem(409, "name_taken");
        }
    }
    assert_eq!((created, app.anonymous().get("/genres").await.json()["total_items"].clone()), (1, json!(1)));
}

async fn a_genre_that_is_deleted_while_a_movie_gets_it_is_created_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, with(new_movie("Stalker"), json!({"genres": []}))).await;
    for _ in 0..10 {
        let path = path_of_new_genre(&moderator).await;
        let delete = moderator.delete(&path);
        let give = moderator.call(Method::PATCH, path_of(&movie)).json(&json!({"genres": ["Noir"]}));
        let (deleted, given) = tokio::join!(async { delete.await }, async { give.await });
        if deleted.status != 204 {
            deleted.problem(409, "in_use");
        }
        let given = given.expect(200).json();
        assert_eq!(given["genres"][0]["name"], "Noir");
        let clear = moderator.call(Method::PATCH, path_of(&movie)).json(&json!({"genres": []}));
        clear.await.expect(200);
        let path = format!("/genres/{}", given["genres"][0]["id"].as_str().unwrap());
        moderator.delete(path).await.expect(204);
    }
}

async fn a_star_who_is_renamed_while_movies_change_is_found_by_the_new_name(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let path = path_to(&app, "stars", "Alisa Freyndlikh").await;
    for number in 0..10 {
        let name = format!("Alisa Nr{number}x");
        let renamed = rename(&moderator, &path, &name);
        let changed = moderator
            .call(Method::PATCH, path_of(&movie))
            .json(&json!({"description": format!("Version {number}.")}));
        let (renamed, changed) = tokio::join!(renamed, async { changed.await });
        renamed.expect(200);
        changed.expect(200);
        let found = app.anonymous().get(format!("/movies?search=nr{number}x")).await;
        assert_eq!(names(&found), ["Stalker"], "round {number}");
    }
}
