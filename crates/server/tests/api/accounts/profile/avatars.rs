use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Call, Caller, Engine, TestApp, cases};

cases! {
    an_upload_becomes_a_square_jpeg_with_only_pixels,
    an_avatar_is_public_and_cacheable_forever,
    a_new_avatar_has_another_url_and_the_old_picture_is_removed,
    a_removed_avatar_is_not_found,
    a_user_cannot_change_the_avatar_of_another_user,
    unknown_and_invalid_names_of_avatars_are_not_found,
    files_that_are_not_pictures_are_refused_whatever_their_name,
    a_broken_picture_and_a_decompression_bomb_are_refused,
    a_form_has_exactly_one_picture,
    invalid_forms_are_refused,
    an_upload_over_two_mebibytes_is_refused_however_it_is_sent,
}

const BOUNDARY: &str = "a-boundary-of-the-tests";

/// Returns a multipart form with these parts. Each item of `parts` describes one part: the rest of its head, which
/// follows `Content-Disposition: form-data`, and then its content.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data{head}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn put(caller: &Caller, body: impl Into<reqwest::Body>) -> Call {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    caller.call(Method::PUT, "/users/me/avatar").body(&kind, body)
}

fn upload(caller: &Caller, file: &[u8]) -> Call {
    put(caller, form(&[("; name=\"avatar\"; filename=\"me.jpg\"\r\nContent-Type: image/jpeg", file)]))
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_pixel(width, height, Rgb([200, 60, 30]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns the path of the avatar's URL in a response.
#[track_caller]
fn path_of(answer: &Answer) -> String {
    let url =
        answer.json()["avatar_url"].as_str().unwrap_or_else(|| panic!("no avatar: {answer}")).to_owned();
    let at = url.find("/media/avatars/").unwrap_or_else(|| panic!("{url}"));
    url[at..].to_owned()
}

async fn an_upload_becomes_a_square_jpeg_with_only_pixels(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("PUBLIC_URL", "https://cinema.example")]).await;
    let ann = app.user("ann").await;
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let photo = [&picture(900, 600, format)[..], b"<script>canary</script>"].concat();
        let answer = upload(&ann, &photo).await.expect(200);
        let url = answer.json()["avatar_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("https://cinema.example/media/avatars/"), "{url}");
        let me = ann.get("/users/me").await.expect(200).json();
        assert_eq!(me["profile"]["avatar_url"], url);
        let shown = app.anonymous().get(path_of(&answer)).await.expect(200);
        assert_eq!(image::guess_format(&shown.body).unwrap(), ImageFormat::Jpeg);
        assert!(!shown.body.windows(6).any(|bytes| bytes == b"canary"));
        let avatar = image::load_from_memory(&shown.body).unwrap();
        assert_eq!(avatar.dimensions(), (512, 512));
    }
}

async fn an_avatar_is_public_and_cacheable_forever(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let path = path_of(&upload(&ann, &picture(64, 64, ImageFormat::Png)).await.expect(200));
    let visitor = app.unpacking();
    let shown = visitor.get(&path).await.expect(200);
    assert_eq!(shown.header("content-type"), Some("image/jpeg"));
    assert_eq!(shown.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(shown.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(shown.header("content-encoding"), None, "a picture is already compressed");
    let name = path.rsplit('/').next().unwrap();
    assert_eq!(shown.header("content-disposition").unwrap(), format!("inline; filename=\"{name}\""));
    assert!(shown.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let tag = shown.header("etag").unwrap().to_owned();
    let again = visitor.get(&path).header("if-none-match", &tag).await.expect(304);
    assert_eq!(again.header("etag"), Some(&*tag));
    assert_eq!(again.header("cache-control"), Some("public, max-age=31536000, immutable"));
    visitor.get(&path).header("if-none-match", "\"another\"").await.expect(200);
    let head = visitor.call(Method::HEAD, &path).await.expect(200);
    assert_eq!(head.header("content-length").unwrap(), shown.body.len().to_string());
    visitor.get(format!("{path}?size=64")).await.invalid(&[("size", "unknown")]);
    visitor.call(Method::DELETE, &path).await.problem(405, "method_not_allowed");
    visitor.get(&path).header("accept", "image/webp,image/*").await.expect(200);
}

async fn a_new_avatar_has_another_url_and_the_old_picture_is_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let photo = picture(64, 64, ImageFormat::Png);
    let first = path_of(&upload(&ann, &photo).await.expect(200));
    let second = path_of(&upload(&ann, &photo).await.expect(200));
    assert_ne!(first, second);
    app.run_outbox().await;
    app.anonymous().get(&first).await.problem(404, "not_found");
    app.anonymous().get(&second).await.expect(200);
    // An hour after each upload, a background check removes the picture if it is unused. It keeps the current avatar.
    app.advance(chrono::TimeDelta::hours(2));
    app.run_outbox().await;
    app.anonymous().get(&second).await.expect(200);
}

async fn a_removed_avatar_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    ann.delete("/users/me/avatar").await.expect(204);
    ann.call(Method::PATCH, "/users/me/profile").json(&json!({"first_name": "Ann"})).await.expect(200);
    let path = path_of(&upload(&ann, &picture(64, 64, ImageFormat::Png)).await.expect(200));
    for _ in 0..2 {
        ann.delete("/users/me/avatar").await.expect(204);
    }
    app.run_outbox().await;
    app.anonymous().get(&path).await.problem(404, "not_found");
    let profile = ann.get("/users/me").await.expect(200).json()["profile"].clone();
    assert_eq!((&profile["first_name"], &profile["avatar_url"]), (&json!("Ann"), &json!(null)));
}

async fn a_user_cannot_change_the_avatar_of_another_user(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let photo = picture(64, 64, ImageFormat::Png);
    let path = path_of(&upload(&ann, &photo).await.expect(200));
    upload(&bob, &photo).await.expect(200);
    bob.delete("/users/me/avatar").await.expect(204);
    upload(&app.anonymous(), &photo).await.problem(401, "unauthenticated");
    app.anonymous().delete("/users/me/avatar").await.problem(401, "unauthenticated");
    app.run_outbox().await;
    app.anonymous().get(&path).await.expect(200);
    bob.call(Method::PUT, &path).await.problem(405, "method_not_allowed");
    let url = ann.get("/users/me").await.expect(200).json()["profile"]["avatar_url"].clone();
    assert!(url.as_str().unwrap().ends_with(&path));
}

async fn unknown_and_invalid_names_of_avatars_are_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in [
        "0190a1b2-0000-7000-8000-00000000000a.jpg",
        "0190A1B2-0000-7000-8000-00000000000A.jpg",
        "0190a1b2-0000-7000-8000-00000000000a.png",
        "0190a1b2-0000-7000-8000-00000000000a",
        "..%2F..%2Fcinema.db",
        "%2e%2e%2fcinema.db",
        "..%5c..%5ccinema.db",
        "%00",
        "%ff",
    ] {
        app.anonymous().get(format!("/media/avatars/{name}")).await.problem(404, "not_found");
    }
    app.anonymous().get("/media/avatars/").await.problem(404, "not_found");
    app.anonymous().get("/media/cinema.db").await.problem(404, "not_found");
}

async fn files_that_are_not_pictures_are_refused_whatever_their_name(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for file in [
        &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..],
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"#!/bin/sh\nrm -rf /\n",
        b"%PDF-1.7",
        b"x",
    ] {
        upload(&ann, file).await.problem(415, "unsupported_media_type");
    }
    assert_eq!(ann.get("/users/me").await.expect(200).json()["profile"]["avatar_url"], json!(null));
}

async fn a_broken_picture_and_a_decompression_bomb_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let whole = picture(300, 300, format);
        upload(&ann, &whole[..whole.len() / 2]).await.invalid(&[("avatar", "invalid_format")]);
    }
    let mut bomb = Cursor::new(Vec::new());
    DynamicImage::new_luma8(6_000, 5_000).write_to(&mut bomb, ImageFormat::Png).unwrap();
    let bomb = bomb.into_inner();
    assert!(bomb.len() < 200_000);
    upload(&ann, &bomb).await.invalid(&[("avatar", "too_large")]);
}

async fn a_form_has_exactly_one_picture(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let photo = picture(64, 64, ImageFormat::Png);
    let avatar = ("; name=\"avatar\"", &photo[..]);
    put(&ann, form(&[avatar])).await.expect(200);
    put(&ann, form(&[])).await.invalid(&[("avatar", "required")]);
    // A browser sends this part when no file was chosen.
    put(&ann, form(&[("; name=\"avatar\"; filename=\"\"", b"")])).await.invalid(&[("avatar", "required")]);
    let other = ("; name=\"user_id\"", &b"1"[..]);
    put(&ann, form(&[other, avatar])).await.invalid(&[("user_id", "unknown")]);
    put(&ann, form(&[other])).await.invalid(&[("user_id", "unknown"), ("avatar", "required")]);
    put(&ann, form(&[avatar, avatar, other]))
        .await
        .invalid(&[("avatar", "repeated"), ("user_id", "unknown")]);
    // Only the first eight parts are read.
    let many = vec![other; 1_000];
    put(&ann, form(&many)).await.invalid(&[("user_id", "unknown"); 8]);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    ann.call(Method::PUT, "/users/me/avatar?user_id=1")
        .body(&kind, form(&[avatar]))
        .await
        .invalid(&[("user_id", "unknown")]);
}

async fn invalid_forms_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let photo = picture(64, 64, ImageFormat::Png);
    let send = |kind: &str, body: Vec<u8>| ann.call(Method::PUT, "/users/me/avatar").body(kind, body);
    for kind in ["image/png", "application/json", "multipart/mixed; boundary=x", "nonsense"] {
        send(kind, photo.clone()).await.problem(415, "unsupported_media_type");
    }
    ann.call(Method::PUT, "/users/me/avatar").await.problem(415, "unsupported_media_type");
    let packed = put(&ann, form(&[("; name=\"avatar\"", &photo)])).header("content-encoding", "gzip");
    packed.await.problem(415, "unsupported_media_type");
    let whole = form(&[("; name=\"avatar\"", &photo)]);
    send("multipart/form-data", whole.clone()).await.problem(400, "malformed_request");
    send("multipart/form-data; boundary=another", whole.clone()).await.problem(400, "malformed_request");
    put(&ann, whole[..whole.len() - 60].to_vec()).await.problem(400, "malformed_request");
    put(&ann, form(&[("", &photo)])).await.problem(400, "malformed_request");
    put(&ann, Vec::new()).await.problem(400, "malformed_request");
    let long_head = format!("; name=\"{}\"", "x".repeat(100_000));
    put(&ann, form(&[(&long_head, &photo)])).await.problem(400, "malformed_request");
}

async fn an_upload_over_two_mebibytes_is_refused_however_it_is_sent(engine: Engine) {
    const MEBIBYTE: usize = 1024 * 1024;
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    // Padding after a picture counts towards the limit, but is otherwise allowed.
    let mut photo = picture(64, 64, ImageFormat::Png);
    photo.resize(2 * MEBIBYTE, 0);
    upload(&ann, &photo).await.expect(200);
    photo.push(0);
    upload(&ann, &photo).await.problem(413, "too_large");
    for mebibytes in [3, 50] {
        upload(&ann, &vec![7; mebibytes * MEBIBYTE]).await.problem(413, "too_large");
    }
    // This upload has 50 MiB and does not declare its length.
    let head = form(&[("; name=\"avatar\"", b"")]);
    // Removes the closing boundary.
    let head = head[..head.len() - BOUNDARY.len() - 8].to_vec();
    let chunks = std::iter::once(head).chain((0..800).map(|_| vec![7; 65_536]));
    let unending = futures_util::stream::iter(chunks.map(Ok::<_, std::io::Error>));
    put(&ann, reqwest::Body::wrap_stream(unending)).await.problem(413, "too_large");
    // The limit also applies to other fields, and to data before the first part.
    put(&ann, form(&[("; name=\"other\"", &vec![7; 3 * MEBIBYTE])])).await.problem(413, "too_large");
    put(&ann, [vec![b'\n'; 3 * MEBIBYTE], form(&[])].concat()).await.problem(413, "too_large");
    assert!(ann.get("/users/me").await.expect(200).json()["profile"]["avatar_url"].is_string());
}
