//! Moderators upload posters.

use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use serde_json::{Value, json};

use super::moderation::{create, moderator, new_movie, path_of, with};
use crate::support::{Answer, Call, Caller, Engine, TestApp, cases};

cases! {
    an_upload_is_shown_in_the_widths_up_to_its_own,
    a_poster_is_public_and_cacheable_forever,
    a_new_poster_has_other_urls_and_the_old_pictures_are_removed,
    a_removed_poster_is_not_found,
    a_url_replaces_an_uploaded_poster,
    the_pictures_of_a_deleted_movie_are_removed,
    unknown_and_invalid_names_of_posters_are_not_found,
    files_that_are_no_pictures_are_refused,
    pictures_that_are_too_narrow_too_tall_broken_or_bombs_are_refused,
    only_pixels_of_a_poster_are_kept,
    an_upload_over_ten_mebibytes_is_too_large_in_any_form,
    every_change_of_a_poster_is_in_the_audit_log,
}

const BOUNDARY: &str = "a-boundary-of-the-tests";

fn form(field: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"poster.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    );
    [head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

fn put(caller: &Caller, movie: &Value, body: impl Into<reqwest::Body>) -> Call {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    caller.call(Method::PUT, format!("{}/poster", path_of(movie))).body(&kind, body)
}

fn upload(caller: &Caller, movie: &Value, file: &[u8]) -> Call {
    put(caller, movie, form("poster", file))
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_pixel(width, height, Rgb([200, 60, 30]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn poster() -> Vec<u8> {
    picture(200, 300, ImageFormat::Png)
}

/// Returns the path of the URL and the width of each picture in the `poster_srcset` of a movie.
fn widths_of(movie: &Value) -> Vec<(String, u32)> {
    let srcset = movie["poster_srcset"].as_str().unwrap();
    let entry = |entry: &str| {
        let (url, width) = entry.split_once(' ').unwrap();
        let path = url[url.find("/media/posters/").unwrap()..].to_owned();
        (path, width.strip_suffix('w').unwrap().parse().unwrap())
    };
    srcset.split(", ").map(entry).collect()
}

async fn an_upload_is_shown_in_the_widths_up_to_its_own(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("PUBLIC_URL", "https://cinema.example")]).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    for (width, format, expected) in [
        (900, ImageFormat::Jpeg, &[185, 342, 500, 780][..]),
        (400, ImageFormat::Png, &[185, 342]),
        (185, ImageFormat::WebP, &[185]),
    ] {
        let answer = upload(&moderator, &movie, &picture(width, 300, format)).await.expect(200);
        let shown = moderator.get(path_of(&movie)).await.expect(200);
        assert_eq!((shown.json(), shown.header("etag")), (answer.json(), answer.header("etag")));
        let posters = widths_of(&answer.json());
        assert_eq!(posters.iter().map(|(_, width)| *width).collect::<Vec<_>>(), expected);
        for (path, width) in &posters {
            assert!(path.ends_with(&format!("/w{width}.webp")), "{path}");
            let stored = app.anonymous().get(path).await.expect(200);
            assert_eq!(image::guess_format(&stored.body).unwrap(), ImageFormat::WebP);
            assert_eq!(image::load_from_memory(&stored.body).unwrap().dimensions().0, *width);
        }
        let largest = format!("https://cinema.example{}", posters.last().unwrap().0);
        assert_eq!(answer.json()["poster_url"], largest);
        let list = app.anonymous().get("/movies").await.json();
        assert_eq!(list["items"][0]["poster_srcset"], answer.json()["poster_srcset"]);
        let suggested = app.anonymous().get("/movies/suggestions?q=stalker").await.json();
        assert_eq!(suggested["items"][0]["poster_url"], largest);
    }
}

async fn a_poster_is_public_and_cacheable_forever(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let movie = upload(&moderator, &movie, &poster()).await.expect(200).json();
    let (path, _) = widths_of(&movie).remove(0);
    let visitor = app.anonymous();
    let shown = visitor.get(&path).await.expect(200);
    assert_eq!(shown.header("content-type"), Some("image/webp"));
    assert_eq!(shown.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(shown.header("cross-origin-resource-policy"), Some("cross-origin"));
    let tag = shown.header("etag").unwrap().to_owned();
    visitor.get(&path).header("if-none-match", &tag).await.expect(304);
    visitor.get(format!("{path}?width=9")).await.invalid(&[("width", "unknown")]);
    visitor.call(Method::DELETE, &path).await.problem(405, "method_not_allowed");
}

async fn a_new_poster_has_other_urls_and_the_old_pictures_are_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let first = upload(&moderator, &movie, &picture(342, 400, ImageFormat::Png)).await.expect(200).json();
    let second = upload(&moderator, &movie, &poster()).await.expect(200).json();
    assert_ne!(first["poster_url"], second["poster_url"]);
    // An hour after each upload, a background check removes the poster if it is unused. The current poster is kept.
    app.run_outbox().await;
    app.advance(chrono::TimeDelta::hours(2));
    app.run_outbox().await;
    for (path, _) in widths_of(&first) {
        app.anonymous().get(path).await.problem(404, "not_found");
    }
    app.anonymous().get(&widths_of(&second)[0].0).await.expect(200);
}

async fn a_removed_poster_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let address = json!({"poster_url": "https://images.example.com/s.jpg"});
    let movie = create(&moderator, with(new_movie("Stalker"), address)).await;
    let path = format!("{}/poster", path_of(&movie));
    moderator.delete(&path).await.expect(204);
    let shown = upload(&moderator, &movie, &poster()).await.expect(200).json();
    for _ in 0..2 {
        moderator.delete(&path).await.expect(204);
    }
    let removed = moderator.get(path_of(&movie)).await.json();
    assert_eq!((&removed["poster_url"], &removed["poster_srcset"]), (&json!(null), &json!(null)));
    // The pictures are removed only after a minute, because cached answers may still contain their URLs.
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.expect(200);
    app.advance(chrono::TimeDelta::minutes(1));
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.problem(404, "not_found");
    let unknown = "/movies/0190a1b2-0000-7000-8000-000000000000/poster";
    moderator.delete(unknown).await.problem(404, "not_found");
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let call = moderator.call(Method::PUT, unknown).body(&kind, form("poster", &poster()));
    call.await.problem(404, "not_found");
}

async fn change(caller: &Caller, movie: &Value, changes: Value) -> Answer {
    caller.call(Method::PATCH, path_of(movie)).json(&changes).await
}

async fn a_url_replaces_an_uploaded_poster(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let shown = upload(&moderator, &movie, &poster()).await.expect(200).json();
    // Setting `poster_url` to its current value changes nothing.
    let same = change(&moderator, &movie, json!({"poster_url": shown["poster_url"]})).await.expect(200);
    assert_eq!(same.json(), shown);
    let address = json!({"poster_url": "https://images.example.com/s.jpg"});
    let replaced = change(&moderator, &movie, address.clone()).await.expect(200).json();
    assert_eq!(replaced["poster_url"], address["poster_url"]);
    assert_eq!(replaced["poster_srcset"], json!(null));
    // The pictures are removed only after a minute, because cached answers may still contain their URLs.
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.expect(200);
    app.advance(chrono::TimeDelta::minutes(1));
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.problem(404, "not_found");
}

async fn the_pictures_of_a_deleted_movie_are_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let shown = upload(&moderator, &movie, &poster()).await.expect(200).json();
    moderator.delete(path_of(&movie)).await.expect(204);
    // The pictures are removed only after a minute, because cached answers may still contain their URLs.
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.expect(200);
    app.advance(chrono::TimeDelta::minutes(1));
    app.run_outbox().await;
    app.anonymous().get(&widths_of(&shown)[0].0).await.problem(404, "not_found");
}

async fn unknown_and_invalid_names_of_posters_are_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in [
        "0190a1b2-0000-7000-8000-00000000000a/w185.webp",
        "0190A1B2-0000-7000-8000-00000000000A/w185.webp",
        "0190a1b2-0000-7000-8000-00000000000a/w186.webp",
        "0190a1b2-0000-7000-8000-00000000000a/w185.jpg",
        "0190a1b2-0000-7000-8000-00000000000a/",
        "..%2F..%2Fcinema.db/w185.webp",
        "%00/w185.webp",
        "w185.webp",
    ] {
        app.anonymous().get(format!("/media/posters/{name}")).await.problem(404, "not_found");
    }
}

async fn files_that_are_no_pictures_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    for file in
        [&b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..], b"GIF89a\x01\0\x01\0", b"x"]
    {
        upload(&moderator, &movie, file).await.problem(415, "unsupported_media_type");
    }
    let path = format!("{}/poster", path_of(&movie));
    let json = moderator.call(Method::PUT, &path).json(&json!({"poster": "x"}));
    json.await.problem(415, "unsupported_media_type");
    put(&moderator, &movie, form("avatar", &poster()))
        .await
        .invalid(&[("avatar", "unknown"), ("poster", "required")]);
    upload(&moderator, &movie, b"").await.invalid(&[("poster", "required")]);
    assert_eq!(moderator.get(path_of(&movie)).await.json(), movie);
}

async fn pictures_that_are_too_narrow_too_tall_broken_or_bombs_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let whole = picture(300, 300, ImageFormat::Png);
    let mut bomb = Cursor::new(Vec::new());
    DynamicImage::new_luma8(6_000, 5_000).write_to(&mut bomb, ImageFormat::Png).unwrap();
    for (file, code) in [
        (picture(184, 300, ImageFormat::Jpeg), "too_small"),
        (picture(185, 741, ImageFormat::Png), "too_large"),
        (whole[..whole.len() / 2].to_vec(), "invalid_format"),
        (bomb.into_inner(), "too_large"),
    ] {
        upload(&moderator, &movie, &file).await.invalid(&[("poster", code)]);
    }
    assert_eq!(moderator.get(path_of(&movie)).await.json(), movie);
}

async fn only_pixels_of_a_poster_are_kept(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let polyglot = [&picture(200, 300, ImageFormat::Jpeg)[..], b"<script>canary</script>"].concat();
    let shown = upload(&moderator, &movie, &polyglot).await.expect(200).json();
    let stored = app.anonymous().get(&widths_of(&shown)[0].0).await.expect(200);
    assert!(!stored.body.windows(6).any(|bytes| bytes == b"canary"));
}

async fn an_upload_over_ten_mebibytes_is_too_large_in_any_form(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let moderator = moderator(&app, "mo").await;
    let movie = create(&moderator, new_movie("Stalker")).await;
    let mut file = picture(200, 300, ImageFormat::Jpeg);
    file.resize(10 * 1024 * 1024, 0);
    upload(&moderator, &movie, &file).await.expect(200);
    file.push(0);
    upload(&moderator, &movie, &file).await.problem(413, "too_large");
    file.resize(50 * 1024 * 1024, 0);
    put(&moderator, &movie, form("poster", &file)).await.problem(413, "too_large");
}

async fn every_change_of_a_poster_is_in_the_audit_log(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (moderator, admin) = (moderator(&app, "mo").await, app.admin().await);
    let movie = create(&moderator, new_movie("Stalker")).await;
    let shown = upload(&moderator, &movie, &poster()).await.expect(200).json();
    moderator.delete(format!("{}/poster", path_of(&movie))).await.expect(204);
    let log = admin.get(format!("/admin/audit?object_id={}", movie["id"].as_str().unwrap())).await.json();
    let items = log["items"].as_array().unwrap();
    let told: Vec<&str> = items.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["movie_changed", "movie_changed", "movie_created"]);
    let (path, _) = widths_of(&shown).remove(0);
    let id = path.split('/').nth(3).unwrap();
    let uploaded = json!({"poster_url": format!("uploaded {id}")});
    assert_eq!((&items[1]["before"], &items[1]["after"]), (&json!({}), &uploaded));
    assert_eq!((&items[0]["before"], &items[0]["after"]), (&uploaded, &json!({})));
}
