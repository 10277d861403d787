use crate::support::{EXPIRED, PANIC_YEAR, SLOW_YEAR, Server, USER};

const NO_UUID: &str = "/api/v1/movies/1";
const MOVIE: &str = "/api/v1/movies/00000000-0000-0000-0000-000000000001";

#[test]
fn unknown_paths_are_404_with_a_complete_problem() {
    let server = Server::start();
    for path in ["/api/v1/nothing", "/api/v1/movies/", "/api/v2/movies", "/docs/../Cargo.toml"] {
        let body = server.get(path).problem(404, "not_found");
        assert_eq!(body["instance"], path);
    }
    server.ask("DELETE", "/nothing", &[], b"").problem(404, "not_found");
}

#[test]
fn wrong_methods_are_405_with_the_allowed_methods() {
    let server = Server::start();
    for (method, path, allow) in [
        ("DELETE", "/api/v1/movies", "GET, HEAD, POST"),
        ("PATCH", "/api/v1/cart", "DELETE, GET, HEAD"),
        ("GET", "/api/v1/accounts/login", "POST"),
        ("HEAD", "/api/v1/accounts/login", "POST"),
        ("BREW", "/health/live", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("PUT", "/docs", "GET, HEAD"),
    ] {
        let answer = server.ask(method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow").as_deref(), Some(allow), "{method} {path}");
        if method != "HEAD" {
            answer.problem(405, "method_not_allowed");
        }
    }
}

#[test]
fn tokens_are_checked_before_the_rest_of_a_request() {
    let server = Server::start();
    let cart = "/api/v1/cart/items";
    let with = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        server.ask("POST", cart, &headers, b"{\"wrong\": 1}")
    };
    let none = server.post(cart, "{\"wrong\": 1}");
    none.problem(401, "unauthenticated");
    assert_eq!(none.header("www-authenticate").as_deref(), Some("Bearer"));
    let bad = with("forged");
    bad.problem(401, "access_token_invalid");
    assert_eq!(bad.header("www-authenticate").as_deref(), Some("Bearer error=\"invalid_token\""));
    with(EXPIRED).problem(401, "access_token_expired");
    with(USER).problem(422, "validation_failed");
}

#[test]
fn an_invalid_token_is_refused_even_on_routes_that_need_no_token() {
    let server = Server::start();
    for header in ["Bearer forged", "Bearer", "Basic YTpi", "Bearer  ", "token-of-ann"] {
        for path in ["/api/v1/movies", MOVIE, NO_UUID, "/api/v1/genres"] {
            server.ask("GET", path, &[("Authorization", header)], b"").problem(401, "access_token_invalid");
        }
    }
    let ann = format!("bearer {USER}");
    assert_eq!(server.ask("GET", "/api/v1/movies", &[("Authorization", &ann)], b"").status, 200);
}

#[test]
fn a_path_id_that_is_not_a_uuid_is_malformed_and_an_unknown_id_is_not_found() {
    let server = Server::start();
    server.get(NO_UUID).problem(400, "malformed_request");
    server.get("/api/v1/movies/00000000000000000000000000000001").problem(400, "malformed_request");
    server.get("/api/v1/movies/00000000-0000-0000-0000-000000000002").problem(404, "not_found");
}

#[test]
fn an_unavailable_store_is_a_503_without_details() {
    let server = Server::start();
    let answer = server
        .post("/api/v1/accounts/register", r#"{"email": "ann@example.com", "password": "correct horse 1"}"#);
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("5432"));
}

#[test]
fn a_panic_in_a_use_case_is_a_500_and_the_server_continues() {
    let server = Server::start();
    let answer = server.get(&format!("/api/v1/movies?year_min={PANIC_YEAR}"));
    answer.problem(500, "internal");
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    assert_eq!(server.get("/api/v1/movies").status, 200);
}

#[test]
fn a_use_case_that_takes_too_long_is_a_503() {
    let server = Server::with(|settings| settings.request_timeout = std::time::Duration::from_millis(50));
    let answer = server.get(&format!("/api/v1/movies?year_min={SLOW_YEAR}"));
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
}

#[test]
fn every_kind_of_problem_has_a_page_that_explains_it() {
    let server = Server::start();
    for kind in api_actix::problem::kinds::ALL {
        let page = server.get(&format!("/problems/{}", kind.slug()));
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(String::from_utf8_lossy(&page.body).contains(kind.code));
    }
    server.get("/problems/no-such-thing").problem(404, "not_found");
}
