use std::collections::BTreeSet;

use api_actix::{DocsAccess, openapi_document};
use serde_json::Value;

use crate::support::{EXPIRED, Server, USER};

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((path.clone(), method.to_uppercase(), operation.clone()));
        }
    }
    all
}

/// Resolves a reference; returns other values unchanged.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    document
        .pointer(reference.trim_start_matches('#'))
        .unwrap_or_else(|| panic!("{reference} does not exist"))
}

#[test]
fn the_served_document_equals_the_generated_document() {
    let server = Server::start();
    let answer = server.get("/openapi.json");
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(answer.json(), openapi_document("http://cinema.test"));
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

#[test]
fn every_operation_is_documented_completely() {
    let document = openapi_document("http://cinema.test");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("no id: {place}"));
        assert!(ids.insert(id.to_owned()), "{id} occurs twice");
        assert!(id.chars().all(char::is_alphanumeric) && id.starts_with(|c: char| c.is_lowercase()), "{id}");
        for field in ["summary", "description"] {
            assert!(!operation[field].as_str().unwrap_or_default().is_empty(), "no {field}: {place}");
        }
        let tags = operation["tags"].as_array().unwrap();
        assert_eq!(tags.len(), 1, "{place}");
        assert!(document["tags"].as_array().unwrap().iter().any(|tag| tag["name"] == tags[0]), "{place}");
        assert!(operation["security"].is_array(), "{place}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(&document, response);
            let status: u16 = status.parse().unwrap();
            if status >= 400 {
                assert!(response["content"]["application/problem+json"].is_object(), "{status}: {place}");
            }
            assert!(response["headers"]["X-Request-Id"].is_object(), "{status}: {place}");
        }
    }
    assert!(!ids.is_empty());
}

#[test]
fn every_request_body_response_and_parameter_has_an_example() {
    let document = openapi_document("http://cinema.test");
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let has_example = |media: &Value| media.get("example").or_else(|| media.get("examples")).is_some();
        let answers = operation["responses"].as_object().unwrap();
        let contents = answers.values().map(|answer| &resolved(&document, answer)["content"]);
        for content in contents.chain([&operation["requestBody"]["content"]]) {
            for (kind, media) in content.as_object().into_iter().flatten() {
                // Errors are exempt, because the errors that nearly every operation can return are described once,
                // without an example.
                let is_problem = kind == "application/problem+json";
                assert!(has_example(media) || is_problem || kind.starts_with("image/"), "{kind}: {place}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            // A cursor has no example, because only the server can create one.
            assert!(
                has_example(parameter) || parameter["name"] == "cursor",
                "{}: {place}",
                parameter["name"]
            );
        }
    }
}

#[test]
fn examples_of_errors_contain_the_path_of_their_operation() {
    let document = openapi_document("http://cinema.test");
    let mut count = 0;
    for (path, method, operation) in operations(&document) {
        let parts: Vec<&str> = path.split('/').collect();
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let examples = &answer["content"]["application/problem+json"]["examples"];
            for example in examples.as_object().into_iter().flat_map(|examples| examples.values()) {
                let instance = example["value"]["instance"].as_str().unwrap();
                let fits = instance
                    .split('/')
                    .zip(&parts)
                    .all(|(is, wanted)| is == *wanted || wanted.starts_with('{'));
                assert!(fits && !instance.contains('{'), "{instance}: {method} {path} {status}");
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn operations_document_how_their_responses_may_be_cached() {
    let document = openapi_document("http://cinema.test");
    let header = |path: &str, name: &str| {
        let reference = &document["paths"][path]["get"]["responses"]["200"]["headers"][name];
        resolved(&document, reference).clone()
    };
    assert_eq!(header("/api/v1/users/me", "Cache-Control")["schema"]["const"], "private, no-store");
    for path in ["/api/v1/movies", "/api/v1/movies/{id}", "/api/v1/genres"] {
        let kept = header(path, "Cache-Control");
        assert_eq!(kept["schema"]["enum"][1], "public, max-age=5", "{path}");
        assert!(header(path, "Vary")["description"].as_str().unwrap().contains("`Authorization`"), "{path}");
    }
    let strong = document["paths"]["/api/v1/movies/{id}"]["get"]["parameters"].as_array().unwrap();
    let tag =
        strong.iter().find(|parameter| parameter["name"] == "If-None-Match").unwrap()["example"].clone();
    assert!(tag.as_str().unwrap().starts_with('"'), "{tag}");
    assert_eq!(header("/api/v1/movies/{id}", "ETag")["schema"]["pattern"], "^\"[^\"]*\"$");
    assert_eq!(header("/api/v1/movies", "ETag")["schema"]["pattern"], "^W/\"[^\"]*\"$");
}

#[test]
fn every_text_integer_and_list_has_bounds() {
    fn walk(schema: &Value, place: &str) {
        let is = |kind: &str| {
            let kinds = &schema["type"];
            kinds == kind || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
        };
        let has = |keyword: &str| schema.get(keyword).is_some();
        if is("string") {
            assert!(has("enum") || has("const") || has("maxLength"), "{place}: {schema}");
            assert!(["enum", "const", "format", "pattern"].iter().any(|one| has(one)), "{place}: {schema}");
        }
        if is("integer") {
            assert!(has("minimum") && has("maximum"), "{place}: {schema}");
        }
        if is("array") {
            assert!(has("maxItems"), "{place}: {schema}");
        }
        match schema {
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
                if !["example", "examples"].contains(&name.as_str()) {
                    walk(inner, &format!("{place}/{name}"));
                }
            }),
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, place)),
            _ => {}
        }
    }
    walk(&openapi_document("http://cinema.test"), "");
}

#[test]
fn the_examples_contain_the_messages_of_the_operations() {
    let document = openapi_document("http://cinema.test");
    for (path, status, message) in [
        ("register", "201", "Registration successful. Check email for activation."),
        ("activate", "200", "Account activated."),
        ("resend-activation", "200", "If the email exists, a new activation token was sent."),
        ("password-reset", "202", "If the email exists, a link to set a new password was sent."),
        ("password-reset/confirm", "200", "Password changed. Log in with the new one."),
        ("logout", "200", "Logged out."),
    ] {
        let answer = &document["paths"][format!("/api/v1/accounts/{path}")]["post"]["responses"][status];
        assert_eq!(answer["content"]["application/json"]["example"]["message"], message, "{path}");
    }
    let page = &document["paths"]["/api/v1/genres"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(page["example"]["items"][0]["name"], "Drama");
    assert_eq!(page["example"]["total_items"], 1);
}

#[test]
fn every_reference_has_a_target() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                fields.values().for_each(|inner| walk(inner, document));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, document)),
            _ => {}
        }
    }
    let document = openapi_document("http://cinema.test");
    walk(&document, &document);
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn documented_paths_have_exactly_the_documented_methods() {
    let server = Server::start();
    let document = openapi_document("http://cinema.test");
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path
            .replace("{id}", "00000000-0000-0000-0000-000000000001")
            .replace("{movie_id}", "00000000-0000-0000-0000-000000000001");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = server.ask(method, &concrete, &[], b"");
            let is_documented = item.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, is_documented, "{method} {path}: {}", answer.status);
            if is_documented {
                let known = &item[method.to_lowercase()]["responses"][answer.status.to_string()];
                assert!(known.is_object(), "undocumented status: {method} {path}: {}", answer.status);
            }
        }
    }
}

#[test]
fn errors_of_an_operation_are_exactly_those_it_can_return() {
    let document = openapi_document("http://cinema.test");
    let codes = |path: &str, method: &str| -> BTreeSet<String> {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses
            .values()
            .filter_map(|response| {
                resolved(&document, response)
                    .pointer("/content/application~1problem+json/schema/allOf/1/properties/code/enum")
            })
            .flat_map(|codes| codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()))
            .collect()
    };
    let expected = |list: &[&str]| list.iter().map(|code| (*code).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        codes("/api/v1/accounts/login", "post"),
        expected(&[
            "malformed_request",
            "invalid_credentials",
            "account_inactive",
            "account_deactivated",
            "rate_limited",
            "not_acceptable",
            "too_large",
            "unsupported_media_type",
            "validation_failed",
            "internal",
            "unavailable",
        ])
    );
    assert_eq!(
        codes("/api/v1/cart/items/{movie_id}", "delete"),
        expected(&[
            "malformed_request",
            "unauthenticated",
            "access_token_invalid",
            "access_token_expired",
            "not_found",
            "rate_limited",
            "not_acceptable",
            "too_large",
            "unsupported_media_type",
            "validation_failed",
            "internal",
            "unavailable",
        ])
    );
}

#[test]
fn swagger_ui_and_its_files_are_served_by_the_server() {
    let server = Server::start();
    let page = server.get("/docs");
    assert_eq!(page.status, 200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "the page loads something from another server: {html}"
    );
    for (file, kind) in [
        ("swagger-ui.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("start.js", "text/javascript"),
        ("favicon-32x32.png", "image/png"),
    ] {
        let answer = server.get(&format!("/docs/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("content-type").unwrap().starts_with(kind), "{file}");
    }
    server.get("/docs/none.js").problem(404, "not_found");
}

#[test]
fn a_restricted_document_is_readable_with_a_token_and_other_requests_are_challenged() {
    let server = Server::with(|settings| settings.docs_access = DocsAccess::Authenticated);
    // The base64 of "nobody:wrong password 1". "nobody" is not an email address.
    let basic = "Basic bm9ib2R5Ondyb25nIHBhc3N3b3JkIDE=";
    for path in ["/openapi.json", "/docs"] {
        let (forged, expired) = ("Bearer forged", format!("Bearer {EXPIRED}"));
        for (headers, code) in [
            (&[][..], "unauthenticated"),
            (&[("Authorization", forged)], "access_token_invalid"),
            (&[("Authorization", expired.as_str())], "access_token_expired"),
            (&[("Authorization", basic)], "invalid_credentials"),
            (&[("Authorization", "Basic ?")], "invalid_credentials"),
        ] {
            let answer = server.ask("GET", path, headers, b"");
            answer.problem(401, code);
            let challenges = answer.header("www-authenticate").unwrap();
            assert!(challenges.contains("Bearer") && challenges.contains("Basic realm="), "{challenges}");
        }
        let hers = server.ask("GET", path, &[("Authorization", &format!("Bearer {USER}"))], b"");
        assert_eq!(hers.status, 200, "{path}");
    }
    assert_eq!(server.get("/docs/swagger-ui.css").status, 200);
}
