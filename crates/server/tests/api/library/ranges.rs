use reqwest::Method;

use super::{film, watched_at};
use crate::support::{Answer, Caller, Engine, TestApp, cases};

cases! {
    a_film_is_sent_completely_or_in_parts,
    several_parts_are_sent_as_one_body,
    an_unsatisfiable_range_is_answered_with_the_length,
    a_malformed_range_is_ignored,
    if_none_match_and_if_range_are_applied,
    head_returns_the_length_without_the_film,
    a_film_of_many_parts_arrives_as_it_was_stored,
    a_film_is_never_compressed,
}

const LENGTH: usize = 1_000;

/// Starts a server with a film of this length in bytes. Returns the server, a visitor and the path at which the film
/// can be watched.
async fn watching(engine: Engine, length: usize) -> (TestApp, Caller, String) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.sell(&ann, movies.id("Alien")).await;
    app.attach_film(&movies.id("Alien"), &film(length)).await;
    let path = watched_at(&app, &ann, &movies.id("Alien")).await;
    let visitor = app.anonymous();
    (app, visitor, path)
}

fn is_part(answer: &Answer, first: usize, last: usize) {
    assert_eq!(answer.status, 206, "{answer}");
    assert_eq!(answer.header("content-range"), Some(format!("bytes {first}-{last}/{LENGTH}").as_str()));
    assert_eq!(answer.header("content-length"), Some((last - first + 1).to_string().as_str()));
    assert_eq!(answer.body, film(LENGTH)[first..=last]);
}

async fn a_film_is_sent_completely_or_in_parts(engine: Engine) {
    let (_app, visitor, path) = watching(engine, LENGTH).await;
    let whole = visitor.get(&path).await.expect(200);
    assert_eq!(whole.body, film(LENGTH));
    assert_eq!(
        (whole.header("accept-ranges"), whole.header("content-type")),
        (Some("bytes"), Some("video/mp4"))
    );
    assert_eq!(whole.header("content-length"), Some("1000"));
    assert_eq!(whole.header("cache-control"), Some("private, no-store"));
    assert_eq!(whole.header("cross-origin-resource-policy"), Some("cross-origin"));
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 999),
        ("bytes=100-199", 100, 199),
        ("bytes=900-2000", 900, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-2000", 0, 999),
        ("bytes=500-99999999999999999999999", 500, 999),
        ("bytes=,, 7-8 ,", 7, 8),
        ("bytes=7-8,5000-", 7, 8),
    ] {
        is_part(&visitor.get(&path).header("range", range).await, first, last);
    }
}

async fn several_parts_are_sent_as_one_body(engine: Engine) {
    let (_app, visitor, path) = watching(engine, LENGTH).await;
    let answer = visitor.get(&path).header("range", "bytes=10-19, -5").await.expect(206);
    assert_eq!(answer.header("content-range"), None);
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=\"").unwrap().trim_end_matches('"');
    let mut expected = Vec::new();
    for (range, part) in [("10-19", 10..20), ("995-999", 995..1_000)] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes {range}/1000\r\n\r\n"
        );
        expected.extend(head.bytes());
        expected.extend(&film(LENGTH)[part]);
    }
    expected.extend(format!("\r\n--{boundary}--\r\n").bytes());
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("content-length"), Some(expected.len().to_string().as_str()));
}

async fn an_unsatisfiable_range_is_answered_with_the_length(engine: Engine) {
    let (_app, visitor, path) = watching(engine, LENGTH).await;
    for range in ["bytes=1000-", "bytes=-0", "bytes=99999999999999999999-", "bytes=1000-1001,-0"] {
        let refused = visitor.get(&path).header("range", range).await.problem(416, "range_not_satisfiable");
        assert_eq!(refused.header("content-range"), Some("bytes */1000"), "{range}");
    }
}

async fn a_malformed_range_is_ignored(engine: Engine) {
    let (_app, visitor, path) = watching(engine, LENGTH).await;
    for range in
        ["bytes=9-3", "bytes=a-b", "bytes", "bytes=", "bytes=-", "lines=1-2", "bytes=1-2-3", "bytes=1-2,x"]
    {
        let whole = visitor.get(&path).header("range", range).await.expect(200);
        assert_eq!(whole.body.len(), LENGTH, "{range}");
    }
    let twice = visitor.get(&path).header("range", "bytes=0-1").header("range", "bytes=2-3").await;
    assert_eq!((twice.status, twice.body.len()), (200, LENGTH));
}

async fn if_none_match_and_if_range_are_applied(engine: Engine) {
    let (_app, visitor, path) = watching(engine, LENGTH).await;
    let tag = visitor.get(&path).await.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"'), "the tag is not strong: {tag}");
    let known =
        visitor.get(&path).header("if-none-match", &tag).header("range", "bytes=0-9").await.expect(304);
    assert_eq!(known.header("etag"), Some(tag.as_str()));
    visitor.get(&path).header("if-none-match", "\"other\"").await.expect(200);
    let ranged =
        |condition: &str| visitor.get(&path).header("range", "bytes=0-9").header("if-range", condition);
    is_part(&ranged(&tag).await, 0, 9);
    for other in ["\"other\"", &format!("W/{tag}"), "Sun, 22 Nov 2026 10:00:00 GMT"] {
        assert_eq!(ranged(other).await.expect(200).body.len(), LENGTH, "{other}");
    }
}

async fn head_returns_the_length_without_the_film(engine: Engine) {
    let (_app, visitor, path) = watching(engine, 30_000_000).await;
    for _ in 0..3 {
        let head = visitor.head(&path).header("range", "bytes=0-9").await.expect(200);
        assert_eq!(head.header("content-length"), Some("30000000"));
        assert_eq!(head.header("accept-ranges"), Some("bytes"));
    }
    // After `HEAD`, the connection can still be used.
    assert_eq!(visitor.get(&path).header("range", "bytes=-4").await.expect(206).body.len(), 4);
    visitor.call(Method::POST, &path).await.problem(405, "method_not_allowed");
}

async fn a_film_of_many_parts_arrives_as_it_was_stored(engine: Engine) {
    let length = 5_000_001;
    let (_app, visitor, path) = watching(engine, length).await;
    assert!(visitor.get(&path).await.expect(200).body == film(length), "the film differs");
    let part = visitor.get(&path).header("range", "bytes=1234567-4567890").await.expect(206);
    assert!(part.body == film(length)[1_234_567..=4_567_890], "the part differs");
}

async fn a_film_is_never_compressed(engine: Engine) {
    let (_app, visitor, path) = watching(engine, 10_000).await;
    let answer = visitor.get(&path).header("accept-encoding", "br, gzip, zstd").await.expect(200);
    assert_eq!((answer.header("content-encoding"), answer.body.len()), (None, 10_000));
    // Browsers send this header when they request a film.
    visitor.get(&path).header("accept-encoding", "identity;q=1, *;q=0").await.expect(200);
}
