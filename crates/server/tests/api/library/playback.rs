use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{id::MovieId, purchases::Entitlement};
use serde_json::{Value, json};

use super::{film, path_of, watched_at};
use crate::support::{Engine, SignedIn, TestApp, cases, password_of};

cases! {
    a_bought_movie_with_a_film_can_be_played_by_anyone_with_the_url,
    movies_that_cannot_be_played_are_refused,
    a_playback_url_that_expired_or_was_altered_is_denied,
    the_end_of_a_purchase_makes_its_playback_url_invalid,
    deactivating_or_deleting_the_buyer_makes_the_url_invalid_and_logging_out_does_not,
    the_transfer_of_a_film_is_aborted_when_the_purchase_ends,
    the_transfer_of_a_film_is_aborted_when_the_playback_url_expires,
    a_newly_attached_film_replaces_the_previous_one,
    subtitles_are_part_of_the_playback,
    invalid_films_and_subtitles_are_not_attached,
    film_transfers_need_no_request_permit,
    one_purchase_has_at_most_eight_transfers_at_once,
}

const SUBTITLES: &str = "WEBVTT\n\n00:01.000 --> 00:02.500\nIn space no one can hear you scream.\n";

/// Returns Ann, who bought Alien, and the identifier of the movie. The movie has a film (a video file).
async fn ready(app: &TestApp) -> (SignedIn, String) {
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.sell(&ann, movies.id("Alien")).await;
    app.attach_film(&movies.id("Alien"), &film(1_000)).await;
    (ann, movies.id("Alien"))
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

async fn a_bought_movie_with_a_film_can_be_played_by_anyone_with_the_url(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let playback = ann.get(format!("/library/{alien}/playback")).await.expect(200).json();
    // The URL is valid for the running time of 117 minutes plus four hours.
    assert_eq!(moment(&playback["expires_at"]), app.now() + TimeDelta::minutes(117 + 240));
    assert!(moment(&playback["refresh_after"]) < moment(&playback["expires_at"]));
    assert!(moment(&playback["refresh_after"]) > app.now());
    assert_eq!((&playback["position_seconds"], &playback["subtitles"]), (&json!(0), &json!([])));
    let path = path_of(&app, playback["url"].as_str().unwrap());
    assert_eq!(app.anonymous().get(path).await.expect(200).body, film(1_000));
    let progress = format!("/library/{alien}/progress");
    ann.call(reqwest::Method::PUT, progress).json(&json!({"position_seconds": 1_200})).await.expect(200);
    let again = ann.get(format!("/library/{alien}/playback")).await.expect(200).json();
    assert_eq!(again["position_seconds"], 1_200);
}

async fn movies_that_cannot_be_played_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let alien = movies.id("Alien");
    app.sell(&ann, alien.clone()).await;
    let path = format!("/library/{alien}/playback");
    ann.get(&path).await.problem(409, "media_missing");
    app.attach_film(&alien, &film(100)).await;
    bob.get(&path).await.problem(404, "not_found");
    app.anonymous().get(&path).await.problem(401, "unauthenticated");
    ann.get("/library/no-uuid/playback").await.problem(400, "malformed_request");
    app.put_entitlement(&ann, &alien, Entitlement::Suspended).await;
    ann.get(&path).await.problem(403, "purchase_suspended");
    app.put_entitlement(&ann, &alien, Entitlement::Live).await;
    ann.get(&path).await.expect(200);
    app.withdraw("Alien").await;
    ann.get(&path).await.expect(200);
}

async fn a_playback_url_that_expired_or_was_altered_is_denied(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let path = watched_at(&app, &ann, &alien).await;
    let visitor = app.anonymous();
    let (payload, signature) = path.rsplit_once('.').unwrap();
    for bad in [
        format!("{payload}A.{signature}"),
        format!("{payload}.{}", signature.to_uppercase()),
        payload.to_owned(),
        "/media/films/x".to_owned(),
        path.replace("/films/", "/subtitles/"),
    ] {
        let denied = visitor.get(&bad).await.problem(403, "playback_denied");
        assert_eq!(denied.header("www-authenticate"), None);
    }
    app.advance(TimeDelta::minutes(117 + 240) - TimeDelta::seconds(1));
    visitor.get(&path).await.expect(200);
    app.advance(TimeDelta::seconds(1));
    visitor.get(&path).await.problem(403, "playback_denied");
}

async fn the_end_of_a_purchase_makes_its_playback_url_invalid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let path = watched_at(&app, &ann, &alien).await;
    let visitor = app.anonymous();
    app.put_entitlement(&ann, &alien, Entitlement::Suspended).await;
    visitor.get(&path).await.problem(403, "playback_denied");
    app.put_entitlement(&ann, &alien, Entitlement::Live).await;
    visitor.get(&path).await.expect(200);
    app.put_entitlement(&ann, &alien, Entitlement::Revoked).await;
    visitor.get(&path).await.problem(403, "playback_denied");
    ann.get(format!("/library/{alien}/playback")).await.problem(404, "not_found");
    // A new purchase does not make the old URL valid again.
    app.sell(&ann, alien.clone()).await;
    visitor.get(&path).await.problem(403, "playback_denied");
    visitor.get(watched_at(&app, &ann, &alien).await).await.expect(200);
}

async fn deactivating_or_deleting_the_buyer_makes_the_url_invalid_and_logging_out_does_not(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let path = watched_at(&app, &ann, &alien).await;
    let visitor = app.anonymous();
    app.log_out(&ann.tokens.refresh).await.expect(200);
    visitor.get(&path).await.expect(200);
    app.change_user(&ann, |user| user.deactivate(user.created_at).unwrap()).await;
    visitor.get(&path).await.problem(403, "playback_denied");
    app.change_user(&ann, |user| user.activate(user.created_at).unwrap()).await;
    visitor.get(&path).await.expect(200);
    let ann = app.signed_in_again(&ann).await;
    ann.delete("/users/me").json(&json!({"password": password_of("ann")})).await.expect(204);
    visitor.get(&path).await.problem(403, "playback_denied");
}

async fn the_transfer_of_a_film_is_aborted_when_the_purchase_ends(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    // The film is far larger than the buffers of a connection, so the transfer is still running when the purchase ends.
    app.attach_film(&alien, &film(40_000_000)).await;
    let path = watched_at(&app, &ann, &alien).await;
    let mut answer = app.anonymous().get(&path).begin().await;
    assert_eq!(answer.status(), 200);
    answer.chunk().await.unwrap().expect("the beginning of the film");
    app.put_entitlement(&ann, &alien, Entitlement::Revoked).await;
    ends_soon(answer).await;
}

async fn the_transfer_of_a_film_is_aborted_when_the_playback_url_expires(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    app.attach_film(&alien, &film(40_000_000)).await;
    let path = watched_at(&app, &ann, &alien).await;
    let mut answer = app.anonymous().get(&path).begin().await;
    answer.chunk().await.unwrap().expect("the beginning of the film");
    app.advance(TimeDelta::hours(7));
    ends_soon(answer).await;
}

/// Waits until the transfer of a film, of which only the beginning was read so far, is aborted.
async fn ends_soon(mut answer: reqwest::Response) {
    // The server checks transfers every two seconds of real time, independently of the test clock. So after five
    // seconds it has aborted the transfer, and only bytes that it sent before can still be read.
    let ending = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut rest = 0_usize;
        loop {
            match answer.chunk().await {
                Ok(Some(bytes)) => rest += bytes.len(),
                Ok(None) => panic!("the film ended as if it were complete"),
                Err(_) => return rest,
            }
        }
    };
    let rest = tokio::time::timeout(Duration::from_secs(20), ending).await.expect("the transfer is aborted");
    assert!(rest < 30_000_000, "{rest} bytes");
}

async fn a_newly_attached_film_replaces_the_previous_one(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let path = watched_at(&app, &ann, &alien).await;
    let visitor = app.anonymous();
    let before = visitor.get(&path).await.header("etag").unwrap().to_owned();
    app.attach_film(&alien, &film(500)).await;
    let after = visitor.get(&path).header("range", "bytes=0-9").header("if-range", &before).await.expect(200);
    assert_eq!(after.body, film(500));
    assert_ne!(after.header("etag"), Some(before.as_str()));
}

async fn subtitles_are_part_of_the_playback(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, alien) = ready(&app).await;
    let library = app.application().use_cases().library.clone();
    let movie: MovieId = alien.parse().unwrap();
    for language in ["en", "pt-br", "de"] {
        let text = format!("{SUBTITLES}\n{language}").into_bytes();
        library.attach_subtitles(movie, language.parse().unwrap(), text).await.unwrap();
    }
    library.attach_subtitles(movie, "de".parse().unwrap(), SUBTITLES.into()).await.unwrap();
    let playback = ann.get(format!("/library/{alien}/playback")).await.expect(200).json();
    let offered = playback["subtitles"].as_array().unwrap();
    let labels: Vec<_> = offered.iter().map(|one| (&one["language"], &one["label"])).collect();
    assert_eq!(
        labels,
        [
            (&json!("de"), &json!("Deutsch")),
            (&json!("en"), &json!("English")),
            (&json!("pt-BR"), &json!("Português (BR)")),
        ]
    );
    let path = path_of(&app, offered[0]["url"].as_str().unwrap());
    let visitor = app.anonymous();
    let file = visitor.get(&path).await.expect(200);
    assert_eq!(
        (file.text().as_str(), file.header("content-type")),
        (SUBTITLES, Some("text/vtt; charset=utf-8"))
    );
    assert_eq!(file.header("cross-origin-resource-policy"), Some("cross-origin"));
    let tag = file.header("etag").unwrap();
    visitor.get(&path).header("if-none-match", tag).await.expect(304);
    visitor.get(path.replace("/subtitles/", "/films/")).await.problem(403, "playback_denied");
    app.put_entitlement(&ann, &alien, Entitlement::Revoked).await;
    visitor.get(&path).await.problem(403, "playback_denied");
}

async fn invalid_films_and_subtitles_are_not_attached(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let library = app.application().use_cases().library.clone();
    let movie: MovieId = movies.id("Alien").parse().unwrap();
    let path = app.write_file("page.mp4", "<html>");
    let refused = library.attach_film(movie, super::open(&path), &|_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("neither MP4 nor WebM"), "{refused}");
    let path = app.write_file("film.mp4", super::BEGINNING);
    let refused = library.attach_film(app.next_id(), super::open(&path), &|_| ()).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no such movie");
    let german = "de".parse().unwrap();
    let refused = library.attach_subtitles(movie, german, b"1\n00:00:01,000".to_vec()).await.unwrap_err();
    assert!(refused.to_string().contains("WEBVTT"), "{refused}");
}

async fn film_transfers_need_no_request_permit(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "1")]).await;
    let (ann, alien) = ready(&app).await;
    app.attach_film(&alien, &film(40_000_000)).await;
    let path = watched_at(&app, &ann, &alien).await;
    let mut slow = Vec::new();
    for _ in 0..5 {
        let answer = app.anonymous().get(&path).begin().await;
        assert_eq!(answer.status(), 200);
        slow.push(answer);
    }
    ann.get("/library").await.expect(200);
}

async fn one_purchase_has_at_most_eight_transfers_at_once(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMITS", "on"), ("RATE_LIMIT_GLOBAL", "1000/1m")]).await;
    let (ann, alien) = ready(&app).await;
    let bob = app.user("bob").await;
    app.sell(&bob, alien.clone()).await;
    app.attach_film(&alien, &film(40_000_000)).await;
    let path = watched_at(&app, &ann, &alien).await;
    let mut running = Vec::new();
    for _ in 0..8 {
        let answer = app.anonymous().get(&path).begin().await;
        assert_eq!(answer.status(), 200);
        running.push(answer);
    }
    let refused = app.anonymous().get(&path).await.problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(
        refused.header("ratelimit-policy").unwrap().contains("\"film-transfers-at-once\";q=8"),
        "{refused}"
    );
    // Other buyers are not affected.
    let answer = app.anonymous().get(watched_at(&app, &bob, &alien).await).begin().await;
    assert_eq!(answer.status(), 200);
}
