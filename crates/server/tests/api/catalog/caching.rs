use serde_json::json;

use crate::support::{Engine, TestApp, cases, facts};

cases! {
    a_movie_has_a_strong_tag_and_is_not_sent_twice,
    a_list_has_a_weak_tag_and_is_not_sent_twice,
    the_tag_changes_with_the_movie,
    the_tag_changes_with_the_personal_view_of_the_caller,
    a_list_changes_its_tag_with_its_movies,
    any_of_several_tags_or_a_star_matches,
    answers_to_visitors_may_be_cached_and_answers_to_users_may_not,
    head_has_the_headers_of_get,
    each_coding_of_a_movie_has_its_own_tag,
    a_304_also_has_vary,
    an_anonymous_page_is_cached_until_this_server_writes,
    a_cached_page_is_answered_like_a_fresh_one,
    errors_and_pages_of_users_are_not_cached,
}

async fn a_movie_has_a_strong_tag_and_is_not_sent_twice(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let path = format!("/movies/{}", movies.id("Alien"));
    let first = app.anonymous().get(&path).await.expect(200);
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
    let second = app.anonymous().get(&path).header("if-none-match", &tag).await.expect(304);
    for name in ["etag", "cache-control", "vary"] {
        assert_eq!(second.headers.get(name), first.headers.get(name), "{name}");
    }
    app.anonymous().get(&path).header("if-none-match", "\"other\"").await.expect(200);
    assert_eq!(app.anonymous().get(&path).await.header("etag"), Some(tag.as_str()));
}

async fn a_list_has_a_weak_tag_and_is_not_sent_twice(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    for path in ["/movies", "/movies?search=alien", "/genres"] {
        let first = app.anonymous().get(path).await.expect(200);
        let tag = first.header("etag").unwrap_or_else(|| panic!("no tag: {first}")).to_owned();
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
        let second = app.anonymous().get(path).header("if-none-match", &tag).await.expect(304);
        assert_eq!(second.header("etag"), Some(tag.as_str()));
        assert_eq!(second.header("cache-control"), first.header("cache-control"));
    }
}

async fn the_tag_changes_with_the_movie(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import(vec![facts("One", 2000)]).await;
    let path = format!("/movies/{}", movies.id("One"));
    let tag = app.anonymous().get(&path).await.header("etag").unwrap().to_owned();
    app.import(vec![facts("One", 2000)]).await;
    app.anonymous().get(&path).header("if-none-match", &tag).await.expect(304);
    app.import(vec![domain::catalog::Facts { votes: 7, ..facts("One", 2000) }]).await;
    let changed = app.anonymous().get(&path).header("if-none-match", &tag).await.expect(200);
    assert_eq!(changed.json()["votes"], 7);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

async fn the_tag_changes_with_the_personal_view_of_the_caller(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let path = format!("/movies/{}", movies.id("Alien"));
    let visitors = app.anonymous().get(&path).await.header("etag").unwrap().to_owned();
    let before = ann.get(&path).await.header("etag").unwrap().to_owned();
    assert_ne!(visitors, before, "only the answer for Ann has `me`");
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    let answer = ann.get(&path).header("if-none-match", &before).await.expect(200);
    assert_eq!(answer.json()["me"]["in_cart"], true);
}

async fn a_list_changes_its_tag_with_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import(vec![facts("One", 2000)]).await;
    let tag = app.anonymous().get("/movies").await.header("etag").unwrap().to_owned();
    app.import(vec![facts("Two", 2001)]).await;
    app.anonymous().get("/movies").header("if-none-match", &tag).await.expect(200);
}

async fn any_of_several_tags_or_a_star_matches(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let path = format!("/movies/{}", movies.id("Alien"));
    let tag = app.anonymous().get(&path).await.header("etag").unwrap().to_owned();
    for value in [format!("\"a\", {tag}, \"b\""), format!("W/{tag}"), "*".to_owned(), format!("\"a\",{tag}")]
    {
        app.anonymous().get(&path).header("if-none-match", &value).await.expect(304);
    }
    for value in ["", "x", "\"", "W/", "\"a\" \"b\""] {
        app.anonymous().get(&path).header("if-none-match", value).await.expect(200);
    }
}

async fn answers_to_visitors_may_be_cached_and_answers_to_users_may_not(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for path in ["/movies".to_owned(), format!("/movies/{}", movies.id("Alien")), "/genres".to_owned()] {
        let open = app.anonymous().get(&path).await.expect(200);
        assert_eq!(open.header("cache-control"), Some("public, max-age=5"), "{path}");
        let vary: Vec<_> = open
            .headers
            .get_all("vary")
            .iter()
            .flat_map(|value| value.to_str().unwrap().split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        assert!(vary.contains(&"authorization".to_owned()), "{path}: {vary:?}");
        let signed_in = ann.get(&path).await.expect(200);
        assert_eq!(signed_in.header("cache-control"), Some("private, no-store"), "{path}");
    }
    let bad = app.anonymous().get("/movies?page=0").await.expect(422);
    assert_eq!(bad.header("cache-control"), Some("private, no-store"));
}

async fn head_has_the_headers_of_get(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let alien = format!("/movies/{}", movies.id("Alien"));
    for path in [
        "/movies",
        &alien,
        "/genres",
        "/cart",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/movies?page=0",
    ] {
        let get = ann.get(path).await;
        let head = ann.call(reqwest::Method::HEAD, path).await.expect(get.status);
        for name in ["content-type", "etag", "cache-control", "link", "vary"] {
            assert_eq!(head.headers.get(name), get.headers.get(name), "{path}: {name}");
        }
        let length = head.header("content-length");
        assert!(length.is_none_or(|length| length == get.body.len().to_string()), "{path}: {length:?}");
    }
    ann.call(reqwest::Method::HEAD, "/movies/0190a1b2-0000-7000-8000-000000000000").await.expect(404);
    let tag = ann.get(&alien).await.header("etag").unwrap().to_owned();
    ann.call(reqwest::Method::HEAD, &alien).header("if-none-match", &tag).await.expect(304);
}

const ACCEPTED: [&str; 10] = [
    "",
    "identity",
    "gzip",
    "br",
    "zstd",
    "deflate",
    "gzip, br, zstd",
    "br;q=0.1, gzip;q=0.9",
    "*",
    "unknown, gzip;q=0.5, *;q=0.1",
];

async fn each_coding_of_a_movie_has_its_own_tag(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let long = "A long story, told at length. ".repeat(50);
    let movies = app.import(vec![domain::catalog::Facts { description: long, ..facts("One", 2000) }]).await;
    let path = format!("/movies/{}", movies.id("One"));
    let get = |accepted: &str| app.anonymous().get(&path).header("accept-encoding", accepted);
    let plain = app.anonymous().get(&path).await.expect(200);
    let tag = plain.header("etag").unwrap().trim_matches('"').to_owned();
    let mut seen = std::collections::BTreeMap::new();
    for accepted in ACCEPTED {
        let answer = get(accepted).await.expect(200);
        let expected = match answer.header("content-encoding") {
            None => format!("\"{tag}\""),
            Some(coding) => format!("\"{tag}-{coding}\""),
        };
        assert_eq!(answer.header("etag"), Some(expected.as_str()), "{accepted}");
        seen.insert(expected.clone(), answer.body.clone());
        // Repeating the request with this tag in `If-None-Match` gives 304.
        let again = get(accepted).header("if-none-match", &expected).await.expect(304);
        assert_eq!(again.header("etag"), Some(expected.as_str()), "{accepted}");
        assert_eq!(again.header("content-encoding"), None, "{accepted}");
        // A client that has cached the movie in this content coding also gets 304 if it no longer accepts the coding.
        let other = app.anonymous().get(&path).header("if-none-match", &expected).await.expect(304);
        assert_eq!(other.header("etag"), Some(expected.as_str()), "{accepted}");
    }
    assert!(seen.len() >= 4, "{:?}", seen.keys());
    let bodies: std::collections::BTreeSet<_> = seen.values().collect();
    assert_eq!(bodies.len(), seen.len(), "two different tags were sent for the same bytes");
}

async fn a_304_also_has_vary(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let short = format!("/movies/{}", movies.id("Alien"));
    for path in ["/movies", "/genres", short.as_str()] {
        for accepted in ["identity", "gzip"] {
            let get = || app.anonymous().get(path).header("accept-encoding", accepted);
            let sent = get().await.expect(200);
            let unsent = get().header("if-none-match", sent.header("etag").unwrap()).await.expect(304);
            let vary = sent.header("vary");
            assert_eq!(unsent.header("vary"), vary, "{path} {accepted}");
            let is_long = path == "/movies";
            assert_eq!(vary.unwrap().contains("Accept-Encoding"), is_long, "{path} {accepted}");
        }
    }
}

const KEEPS_PAGES: &[(&str, &str)] = &[("HOT_PAGE_SECONDS", "5")];

/// Changes the catalogue as another process would, so that the server does not notice the change.
async fn change_behind_the_server(app: &TestApp) {
    app.import_unread(vec![domain::catalog::Facts { votes: 7, ..facts("One", 2000) }]).await;
}

async fn an_anonymous_page_is_cached_until_this_server_writes(engine: Engine) {
    let app = TestApp::spawn_with(engine, KEEPS_PAGES).await;
    let (visitor, ann) = (app.anonymous(), app.user("ann").await);
    let movies = app.import(vec![facts("One", 2000)]).await;
    for path in ["/movies".to_owned(), format!("/movies/{}", movies.id("One"))] {
        app.import_unread(vec![facts("One", 2000)]).await;
        ann.patch("/users/me/profile", json!({"info": "a write"})).await.expect(200);
        let first = visitor.get(&path).await.expect(200);
        change_behind_the_server(&app).await;
        // The page stays cached until `HOT_PAGE_SECONDS` have passed, or until this server handles a successful write
        // that can change a cached page. A change of a profile is such a write. A write to `/cart` is not, because no
        // cached page shows a cart.
        let second = visitor.get(&path).await.expect(200);
        assert_eq!(second.body, first.body, "{path}");
        let in_cart = movies.id("One");
        ann.post("/cart/items", json!({"movie_id": in_cart})).await.expect(201);
        ann.delete(format!("/cart/items/{in_cart}")).await.expect(204);
        assert_eq!(visitor.get(&path).await.expect(200).body, first.body, "{path}");
        ann.patch("/users/me/profile", json!({"info": "another write"})).await.expect(200);
        assert_ne!(visitor.get(&path).await.expect(200).body, first.body, "{path}");
    }
}

async fn a_cached_page_is_answered_like_a_fresh_one(engine: Engine) {
    let app = TestApp::spawn_with(engine, KEEPS_PAGES).await;
    let plain = TestApp::spawn(engine).await;
    for app in [&app, &plain] {
        app.import_small_catalogue().await;
    }
    let names = ["cache-control", "content-encoding", "content-type", "etag", "link", "vary"];
    for coding in ["identity", "br", "gzip", "zstd"] {
        for path in ["/movies?page_size=20", "/genres", "/movies?search=alien"] {
            let ask = |app: &TestApp| app.anonymous().get(path).header("accept-encoding", coding);
            let (first, kept) = (ask(&app).await.expect(200), ask(&app).await.expect(200));
            let fresh = ask(&plain).await.expect(200);
            assert_eq!(kept.body, first.body, "{coding} {path}");
            for name in names {
                assert_eq!(kept.headers.get(name), first.headers.get(name), "{coding} {path} {name}");
                if !["etag", "link"].contains(&name) {
                    assert_eq!(kept.headers.get(name), fresh.headers.get(name), "{coding} {path} {name}");
                }
            }
            let tag = kept.header("etag").unwrap();
            let known = ask(&app).header("if-none-match", tag).await.expect(304);
            let fresh_tag = fresh.header("etag").unwrap();
            let fresh = ask(&plain).header("if-none-match", fresh_tag).await.expect(304);
            assert_eq!(known.header("etag"), Some(tag));
            for name in names.into_iter().filter(|name| !["etag", "link"].contains(name)) {
                assert_eq!(known.headers.get(name), fresh.headers.get(name), "{coding} {path} {name}");
            }
        }
    }
    let head = app.anonymous().head("/movies?page_size=20").await.expect(200);
    assert!(head.body.is_empty());
}

async fn errors_and_pages_of_users_are_not_cached(engine: Engine) {
    let app = TestApp::spawn_with(engine, KEEPS_PAGES).await;
    let (visitor, ann) = (app.anonymous(), app.user("ann").await);
    let movies = app.import(vec![facts("One", 2000)]).await;
    for _ in 0..2 {
        visitor.get("/movies?colour=red").await.problem(422, "validation_failed");
        visitor.get("/movies/0190a1b2-0000-7000-8000-000000000000").await.problem(404, "not_found");
    }
    let path = format!("/movies/{}", movies.id("One"));
    assert_eq!(ann.get(&path).await.json()["votes"], 1_000);
    visitor.get(&path).await.expect(200);
    change_behind_the_server(&app).await;
    assert_eq!(ann.get(&path).await.json()["votes"], 7);
}
