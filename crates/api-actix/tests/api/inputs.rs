use crate::support::{Answer, Server};

const REGISTER: &str = "/api/v1/accounts/register";

fn pairs(faults: &[(String, String)]) -> Vec<(&str, &str)> {
    faults.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect()
}

fn typed(server: &Server, content_type: &str, body: &[u8]) -> Answer {
    server.ask("POST", REGISTER, &[("Content-Type", content_type)], body)
}

#[test]
fn bodies_that_are_not_json_are_malformed() {
    let server = Server::start();
    for body in ["{", "nope", "{\"a\": }", "\"\\ud800\"", "{\"a\": 1e999}", "[1] [2]"] {
        server.post(REGISTER, body).problem(400, "malformed_request");
    }
    server.post(REGISTER, &"[".repeat(60_000)).problem(400, "malformed_request");
    typed(&server, "application/json", b"{\"email\": \"\xff\"}").problem(400, "malformed_request");
}

#[test]
fn bodies_not_declared_as_json_are_unsupported() {
    let server = Server::start();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "nonsense",
        "",
    ] {
        typed(&server, kind, b"{}").problem(415, "unsupported_media_type");
    }
    server.ask("POST", REGISTER, &[], b"{}").problem(415, "unsupported_media_type");
    typed(&server, "application/JSON; charset=UTF-8", b"{}").problem(422, "validation_failed");
}

#[test]
fn a_body_of_ten_megabytes_is_refused() {
    let server = Server::start();
    let body = format!("{{\"email\": \"{}\"}}", "a".repeat(10_000_000));
    server.post(REGISTER, &body).problem(413, "too_large");
}

#[test]
fn a_chunked_body_above_the_limit_is_refused() {
    let server = Server::start();
    let mut request = format!(
        "POST {REGISTER} HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..20 {
        request.extend_from_slice(format!("{:x}\r\n{}\r\n", 8192, " ".repeat(8192)).as_bytes());
    }
    request.extend_from_slice(b"0\r\n\r\n");
    server.send(&request).problem(413, "too_large");
}

#[test]
fn all_invalid_fields_of_a_body_are_reported_at_once() {
    let server = Server::start();
    let answer = server.post(
        &format!("{REGISTER}?colour=red"),
        r#"{"email": "no address", "password": "short", "admin": true, "email": "x"}"#,
    );
    assert_eq!(
        pairs(&answer.faults()),
        [
            ("colour", "unknown"),
            ("email", "repeated"),
            ("email", "invalid_format"),
            ("password", "too_short"),
            ("admin", "unknown"),
        ]
    );
    assert_eq!(
        pairs(&server.post(REGISTER, "{}").faults()),
        [("email", "required"), ("password", "required")]
    );
    assert_eq!(
        pairs(&server.post(REGISTER, r#"{"email": null, "password": ["a"]}"#).faults()),
        [("email", "wrong_type"), ("password", "wrong_type")]
    );
    assert_eq!(pairs(&server.post(REGISTER, "[]").faults()), [("body", "wrong_type")]);
}

#[test]
fn errors_in_passwords_and_emails_are_reported() {
    let server = Server::start();
    for (email, password, faults) in [
        (
            format!("{}@example.com", "a".repeat(290)),
            "correct horse 1".to_owned(),
            vec![("email", "too_long")],
        ),
        ("ann@example.com".into(), "a1".repeat(65), vec![("password", "too_long")]),
        ("ann@example.com".into(), "onlyletters".into(), vec![("password", "too_weak")]),
        ("ann@example.com".into(), "password1".into(), vec![("password", "too_common")]),
        ("ann1@example.com".into(), "ANN1@example.com".into(), vec![("password", "invalid_value")]),
        (
            "a\0@example.com".into(),
            "pass\0word1".into(),
            vec![("email", "invalid_format"), ("password", "invalid_format")],
        ),
    ] {
        let body = serde_json::json!({"email": email, "password": password}).to_string();
        assert_eq!(pairs(&server.post(REGISTER, &body).faults()), faults, "{body}");
    }
}

#[test]
fn all_invalid_parameters_are_reported_together() {
    let server = Server::start();
    let faults = server
        .get("/api/v1/movies?page=0&page_size=1000&genre=1&genre=2&sort=colour&year_min=x&price_max=1.999&search=%00&x=1&title=a&title=b&imdb_min=11")
        .faults();
    assert_eq!(
        pairs(&faults),
        [
            ("search", "invalid_format"),
            ("title", "repeated"),
            ("genre", "invalid_format"),
            ("genre", "invalid_format"),
            ("year_min", "invalid_format"),
            ("imdb_min", "too_large"),
            ("price_max", "invalid_format"),
            ("sort", "invalid_value"),
            ("page", "too_small"),
            ("page_size", "too_large"),
            ("x", "unknown"),
        ]
    );
    assert_eq!(pairs(&server.get("/api/v1/movies?page=1&cursor=abc").faults()), [("page", "invalid_value")]);
    assert_eq!(pairs(&server.get("/api/v1/movies?sort=relevance").faults()), [("sort", "invalid_value")]);
    assert_eq!(pairs(&server.get("/api/v1/movies?sort=year,-year").faults()), [("sort", "repeated")]);
    assert_eq!(pairs(&server.get("/api/v1/genres?page=1").faults()), [("page", "unknown")]);
}

#[test]
fn too_deep_pages_and_foreign_cursors_are_refused() {
    let server = Server::start();
    server.get("/api/v1/movies?page=501").problem(400, "use_cursor");
    server.get("/api/v1/movies?page=99999999999").problem(400, "use_cursor");
    server.get("/api/v1/movies?cursor=made-up").problem(400, "cursor_invalid");
    assert_eq!(server.get("/api/v1/movies?page=500").status, 200);
}
