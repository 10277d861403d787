//! Responses of the API. Each [`Answer`] is checked against the rules for all endpoints when it is received.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::contract;

/// A received response.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) method: String,
    /// The requested path and query.
    pub(crate) target: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header, if the response has it. Asserts that the header does not occur more than once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().expect("a header of visible characters"));
        assert!(values.next().is_none(), "{name} occurs twice: {self}");
        first
    }

    /// Parses the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// Asserts that the response has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Asserts that the response is a problem (RFC 9457) with this status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["code"], code, "{answer}");
        answer
    }

    /// Asserts that the response has status 422 and reports exactly these errors, in any order.
    #[track_caller]
    pub(crate) fn invalid(self, faults: &[(&str, &str)]) -> Self {
        let answer = self.problem(422, "validation_failed");
        let body = answer.json();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        let mut found: Vec<_> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| (text(fault, "field"), text(fault, "code")))
            .collect();
        found.sort();
        let mut expected: Vec<_> =
            faults.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{answer}");
        answer
    }

    /// Asserts the rules that apply to every response.
    #[track_caller]
    pub(crate) fn keeps_the_rules(self, public_url: &str) -> Self {
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-Id: {self}"));
        assert!(
            (1..=128).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')),
            "X-Request-Id {id:?}: {self}"
        );
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self}");
        assert!(self.header("referrer-policy").is_some(), "no Referrer-Policy: {self}");
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("text/html") {
            assert!(
                self.header("content-security-policy").is_some(),
                "HTML without a Content-Security-Policy: {self}"
            );
        }
        if let Some(server) = self.header("server") {
            assert!(
                !server.contains(|c: char| c.is_ascii_digit()),
                "the response reveals the server's version: {self}"
            );
        }
        assert_ne!(self.status, 500, "{self}");
        if matches!(self.status, 204 | 304) || self.method == "HEAD" {
            assert!(self.body.is_empty(), "{self}");
        }
        if self.status == 401 {
            let challenges: Vec<_> = self.headers.get_all("www-authenticate").iter().collect();
            assert!(
                challenges.iter().any(|challenge| challenge.to_str().unwrap().starts_with("Bearer")),
                "no challenge: {self}"
            );
        }
        assert!(self.status != 405 || self.header("allow").is_some(), "no Allow: {self}");
        assert!(
            self.status != 503 || self.header("retry-after").is_some() || self.target.starts_with("/health/")
        );
        if self.status == 429 {
            for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
                assert!(self.header(name).is_some(), "no {name}: {self}");
            }
        }
        // The readiness check and pages report errors in their own format.
        let is_readiness = self.target.starts_with("/health/ready") && self.status == 503;
        // If `FRONTEND_URL` is set, the frontend serves some of these pages. The server then responds to requests for
        // them with 404 and a JSON problem.
        let path = self.target.split('?').next().unwrap_or_default();
        let is_page = (["/", "/problems", "/activate", "/reset-password", "/unsubscribe"].contains(&path)
            && self.status != 404)
            || (path.starts_with("/sandbox/") && self.status != 303)
            || path.starts_with("/orders/")
            || (path.starts_with("/movies/") && (self.status != 404 || kind.starts_with("text/html")));
        if is_page {
            assert!(kind.starts_with("text/html"), "{self}");
        } else if self.status >= 400 && !is_readiness {
            assert_eq!(kind, "application/problem+json", "{self}");
            if self.method != "HEAD" {
                self.is_a_whole_problem(public_url);
            }
        }
        contract::documents(&self);
        self
    }

    /// Asserts that the body is a complete problem (RFC 9457) and reveals no internals of the server.
    #[track_caller]
    fn is_a_whole_problem(&self, public_url: &str) {
        let problem = self.json();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("no code: {self}"));
        assert_eq!(problem["status"], self.status, "{self}");
        assert_eq!(problem["type"], format!("{public_url}/problems/{}", code.replace('_', "-")), "{self}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{self}");
        let path = self.target.split('?').next().unwrap_or_default();
        assert_eq!(problem["instance"], path, "{self}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self}");
        }
        assert_eq!(problem.get("errors").is_some(), code == "validation_failed", "{self}");
        let known = [
            "type",
            "title",
            "status",
            "code",
            "detail",
            "instance",
            "request_id",
            "errors",
            "old_total",
            "new_total",
            "items",
            "minimum",
            "carts",
        ];
        for member in problem.as_object().unwrap().keys() {
            assert!(known.contains(&member.as_str()), "{member}: {self}");
        }
        if let Some(errors) = problem.get("errors") {
            let errors = errors.as_array().unwrap();
            assert!(!errors.is_empty(), "{self}");
            for fault in errors {
                assert_eq!(fault.as_object().unwrap().len(), 3, "{self}");
                for member in ["field", "code", "message"] {
                    assert!(fault[member].is_string(), "{member}: {self}");
                }
            }
        }
        let text = problem.to_string().to_lowercase();
        for leak in ["select ", "insert into", "diesel", "sqlite", "panicked", "/src/", "rust_backtrace"] {
            assert!(!text.contains(leak), "the problem contains {leak:?}: {self}");
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(2_000).collect();
        write!(f, "{} {} answered {}\n{:#?}\n{body}", self.method, self.target, self.status, self.headers)
    }
}
