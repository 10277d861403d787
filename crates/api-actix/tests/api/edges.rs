use std::time::Duration;

use crate::support::{Server, USER};

const MOVIE: &str = "/api/v1/movies/00000000-0000-0000-0000-000000000001";

#[test]
fn every_response_has_the_security_headers_and_a_request_id() {
    let server = Server::start();
    for path in [
        "/api/v1/movies",
        "/health/live",
        "/nothing",
        "/openapi.json",
        "/docs",
        "/docs/start.js",
        "/problems/internal",
    ] {
        let answer = server.get(path);
        let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name} at {path}"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("x-request-id").len(), 36);
        assert!(!header("cache-control").is_empty());
        assert_eq!(answer.header("server"), None);
    }
}

#[test]
fn a_valid_request_id_is_returned_and_others_are_replaced() {
    let server = Server::start();
    let id_of = |sent: &str| {
        server.ask("GET", "/nothing", &[("X-Request-Id", sent)], b"").header("x-request-id").unwrap()
    };
    assert_eq!(id_of("shop.42_a-B"), "shop.42_a-B");
    for bad in ["a b", "<script>", "x".repeat(129).as_str()] {
        assert_ne!(id_of(bad), bad);
    }
}

#[test]
fn head_responds_like_get_without_the_body() {
    let server = Server::start();
    for path in ["/api/v1/movies", MOVIE, "/health/live", "/docs", "/problems/internal"] {
        let (get, head) = (server.get(path), server.ask("HEAD", path, &[], b""));
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-length", "content-type", "etag", "cache-control", "link"] {
            assert_eq!(head.header(name), get.header(name), "{name} at {path}");
        }
    }
    let missing = server.ask("HEAD", "/nothing", &[], b"");
    assert_eq!((missing.status, missing.body.len()), (404, 0));
}

#[test]
fn catalogue_responses_to_requests_without_a_token_may_be_cached_briefly() {
    let server = Server::start();
    let ann = format!("Bearer {USER}");
    for path in ["/api/v1/movies", MOVIE, "/api/v1/genres"] {
        let anonymous = server.get(path);
        assert_eq!(anonymous.header("cache-control").as_deref(), Some("public, max-age=5"), "{path}");
        assert!(anonymous.header("vary").unwrap().contains("Authorization"), "{path}");
        let hers = server.ask("GET", path, &[("Authorization", &ann)], b"");
        assert_eq!(hers.header("cache-control").as_deref(), Some("private, no-store"), "{path}");
    }
}

#[test]
fn unchanged_pages_are_not_sent_again() {
    let server = Server::start();
    for (path, is_strong) in [(MOVIE, true), ("/api/v1/movies", false)] {
        let tag = server.get(path).header("etag").unwrap();
        assert_eq!(tag.starts_with('"'), is_strong, "{tag}");
        let again = server.ask("GET", path, &[("If-None-Match", &tag)], b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag").as_deref(), Some(tag.as_str()));
        assert_eq!(again.header("cache-control").as_deref(), Some("public, max-age=5"));
        assert!(again.header("vary").unwrap().contains("Authorization"));
        let other = server.ask("GET", path, &[("If-None-Match", "\"other\"")], b"");
        assert_eq!(other.status, 200);
    }
    assert_ne!(
        server.get("/api/v1/movies?page_size=1").header("etag"),
        server.get("/api/v1/movies").header("etag")
    );
}

#[test]
fn lists_link_to_their_other_pages_with_the_public_url() {
    let server = Server::start();
    let link = server.get("/api/v1/movies?page_size=2&page=2&sort=year").header("link").unwrap();
    assert!(
        link.contains("<http://cinema.test/api/v1/movies?page_size=2&sort=year>; rel=\"first\""),
        "{link}"
    );
    assert!(
        link.contains("<http://cinema.test/api/v1/movies?page_size=2&sort=year&page=3>; rel=\"last\""),
        "{link}"
    );
}

#[test]
fn allowed_origins_may_call_and_others_may_not() {
    let server = Server::start();
    let ours = server.ask("GET", "/api/v1/movies", &[("Origin", "https://shop.test")], b"");
    assert_eq!(ours.header("access-control-allow-origin").as_deref(), Some("https://shop.test"));
    assert!(ours.header("vary").unwrap().to_lowercase().contains("origin"));
    let exposed = ours.header("access-control-expose-headers").unwrap().to_lowercase();
    for name in [
        "content-disposition",
        "etag",
        "link",
        "location",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "x-request-id",
        "idempotency-replayed",
    ] {
        assert!(exposed.split(',').any(|known| known.trim() == name), "{name} in {exposed}");
    }
    for origin in ["https://evil.test", "https://shop.test.evil.test", "http://localhost:3000", "null"] {
        let theirs = server.ask("GET", "/api/v1/movies", &[("Origin", origin)], b"");
        assert_eq!(theirs.header("access-control-allow-origin"), None, "{origin}");
    }
    // Pages of allowed origins can also read error responses.
    let error = server.ask("GET", "/nothing", &[("Origin", "https://shop.test")], b"");
    assert_eq!(error.header("access-control-allow-origin").as_deref(), Some("https://shop.test"));
}

#[test]
fn responses_to_preflights_have_no_body_and_are_cached_for_two_hours() {
    let server = Server::start();
    let preflight = |origin: &str| {
        server.ask(
            "OPTIONS",
            "/api/v1/cart/items",
            &[
                ("Origin", origin),
                ("Access-Control-Request-Method", "POST"),
                (
                    "Access-Control-Request-Headers",
                    "authorization,content-type,traceparent,tracestate,baggage,x-client-version",
                ),
            ],
            b"",
        )
    };
    let ours = preflight("https://shop.test");
    assert_eq!(ours.status, 204, "{ours:?}");
    assert!(ours.body.is_empty());
    assert_eq!(ours.header("access-control-max-age").as_deref(), Some("7200"));
    assert_eq!(ours.header("access-control-allow-credentials"), None);
    assert!(ours.header("x-request-id").is_some());
    let allowed = ours.header("access-control-allow-headers").unwrap().to_lowercase();
    for name in ["traceparent", "tracestate", "baggage", "x-client-version"] {
        assert!(allowed.split(',').any(|known| known.trim() == name), "{name} in {allowed}");
    }
    let theirs = preflight("https://evil.test");
    assert_eq!(theirs.header("access-control-allow-origin"), None);
    assert_ne!(theirs.header("content-type").as_deref(), Some("text/plain; charset=utf-8"));
}

#[test]
fn large_responses_are_compressed_if_the_client_accepts_it() {
    let server = Server::start();
    let encoded = |path: &str, accepted: &str| {
        server.ask("GET", path, &[("Accept-Encoding", accepted)], b"").header("content-encoding")
    };
    for encoding in ["br", "gzip", "zstd"] {
        assert_eq!(encoded("/api/v1/movies", encoding).as_deref(), Some(encoding));
    }
    assert_eq!(encoded("/api/v1/movies", "identity"), None);
    assert_eq!(server.get("/api/v1/movies").header("content-encoding"), None);
    assert_eq!(encoded("/health/live", "gzip"), None);
    let vary = server.ask("GET", "/api/v1/movies", &[("Accept-Encoding", "br")], b"").header("vary").unwrap();
    assert!(vary.to_lowercase().contains("accept-encoding") && vary.contains("Authorization"), "{vary}");
    let impossible = server.ask("GET", "/api/v1/movies", &[("Accept-Encoding", "identity;q=0, *;q=0")], b"");
    impossible.problem(406, "not_acceptable");
}

#[test]
fn a_client_that_does_not_accept_json_is_refused() {
    let server = Server::start();
    let accepting = |path: &str, accept: &str| server.ask("GET", path, &[("Accept", accept)], b"");
    for accept in ["text/html", "application/xml;q=0.9", "application/json;q=0, */*"] {
        accepting("/api/v1/movies", accept).problem(406, "not_acceptable");
    }
    assert_eq!(accepting("/api/v1/movies", "text/html, */*;q=0.8").status, 200);
    assert_eq!(accepting("/docs", "text/html").status, 200);
    accepting("/nothing", "text/html").problem(404, "not_found");
}

#[test]
fn requests_above_the_limit_are_refused_except_health_checks() {
    let server = Server::with(|settings| settings.max_in_flight = 0);
    let answer = server.ask("GET", "/api/v1/movies", &[("Origin", "https://shop.test")], b"");
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("https://shop.test"));
    assert_eq!(server.get("/health/live").status, 200);
}

/// A search with the minimum year `SLOW_YEAR`, which waits until the test lets it end.
const SLOW_SEARCH: &str = "GET /api/v1/movies?year_min=1414 HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";

#[test]
fn a_running_request_holds_its_permit_until_it_has_ended() {
    let server = Server::with(|settings| settings.max_in_flight = 1);
    let slow = server.begin(SLOW_SEARCH.as_bytes());
    server.wait_for_slow_searches(1);
    server.get("/api/v1/genres").problem(503, "unavailable");
    server.get("/nothing").problem(503, "unavailable");
    assert_eq!(server.get("/health/live").status, 200);
    server.end_slow_search();
    assert_eq!(slow.answer().status, 200);
    assert_eq!(server.get("/api/v1/genres").status, 200);
}

#[test]
fn a_conditional_header_is_limited_to_the_documented_length() {
    let server = Server::start();
    let asked = |condition: &str| server.ask("GET", "/api/v1/genres", &[("If-None-Match", condition)], b"");
    assert_eq!(asked(&"x".repeat(8_192)).status, 200);
    for condition in ["x".repeat(8_193), "x".repeat(100_000), "\"é\"".to_owned(), "\"\t\"".to_owned()] {
        asked(&condition).problem(400, "malformed_request");
    }
}

#[test]
fn identical_concurrent_requests_without_a_token_cause_one_search() {
    let server = Server::with(|settings| settings.hot_page_time = Duration::from_secs(5));
    let first = server.begin(SLOW_SEARCH.as_bytes());
    server.wait_for_slow_searches(1);
    let others: Vec<_> = (0..40).map(|_| server.begin(SLOW_SEARCH.as_bytes())).collect();
    server.end_slow_search();
    for request in others.into_iter().chain([first]) {
        assert_eq!(request.answer().status, 200);
    }
}

#[test]
fn a_request_with_a_slow_body_does_not_block_others_and_needs_a_new_permit() {
    let server = Server::with(|settings| settings.max_in_flight = 1);
    let (target, body) = ("/api/v1/accounts/refresh", br#"{"refresh": "x"}"#);
    let slow: Vec<_> = (0..30).map(|_| server.begin_post(target, body.len())).collect();
    assert_eq!(server.get("/api/v1/genres").status, 200);
    let mut slow = slow.into_iter();
    slow.next().unwrap().rest(body).problem(401, "refresh_token_invalid");
    let search = server.begin(SLOW_SEARCH.as_bytes());
    server.wait_for_slow_searches(1);
    let refused = slow.next().unwrap().rest(body);
    assert_eq!(refused.problem(503, "unavailable")["detail"], "Too many requests are being answered.");
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    server.end_slow_search();
    assert_eq!(search.answer().status, 200);
    slow.next().unwrap().rest(body).problem(401, "refresh_token_invalid");
}

#[test]
fn health_distinguishes_liveness_from_readiness() {
    let server = Server::start();
    assert_eq!(server.get("/health/live").json()["status"], "ok");
    let ready = server.get("/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(ready.json()["components"][0]["name"], "database");
}

#[test]
fn the_activation_page_works_without_scripts_and_changes_nothing_when_opened() {
    let server = Server::start();
    let page = server.get("/activate?token=%22%3E%3Cscript%3E");
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert_eq!(page.status, 200);
    assert!(html.contains("method=\"post\"") && html.contains("&#34;&#62;&#60;script&#62;"), "{html}");
    assert!(!html.contains("<script"));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let pressed = server.ask("POST", "/activate", &form, b"token=abc");
    assert_eq!(pressed.status, 503, "the test store is always unavailable");
    assert_eq!(pressed.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(pressed.header("retry-after").as_deref(), Some("1"));
    assert_eq!(server.ask("POST", "/activate", &form, b"").status, 400);
    let without = Server::with(|settings| settings.serve_pages = false);
    without.get("/activate?token=abc").problem(404, "not_found");
}

#[test]
fn the_start_page_links_to_existing_pages() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let html = String::from_utf8(page.body).unwrap();
    let links: Vec<_> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in ["docs", "openapi.json", "problems", "health/ready"] {
        assert!(links.contains(&link), "{link} in {links:?}");
        assert_ne!(server.get(&format!("/{link}")).status, 404, "{link}");
    }
    assert_eq!(server.ask("HEAD", "/", &[], b"").status, 200);
    server.get("/?x=1").problem_page(422);
    server.ask("POST", "/", &[], b"").problem_page(405);
}

#[test]
fn the_list_of_problems_links_to_each_of_them() {
    let server = Server::start();
    let page = server.get("/problems");
    assert_eq!(page.status, 200);
    let html = String::from_utf8(page.body).unwrap();
    let links: Vec<_> =
        html.split("href=\"problems/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 30 && links.contains(&"validation-failed"), "{links:?}");
    for link in links {
        assert_eq!(server.get(&format!("/problems/{link}")).status, 200, "{link}");
    }
}

#[test]
fn an_extra_slash_redirects_to_the_page() {
    let server = Server::start();
    for (path, address) in [("/docs/", "../docs"), ("/problems/", "../problems")] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location").as_deref()), (308, Some(address)), "{path}");
    }
}
