//! Calls every operation of the OpenAPI document as a visitor, a user, a moderator and an administrator, and checks
//! that each operation is allowed only for its minimum role and higher roles.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, TestApp, cases, document, operations, resolved};

cases! {
    every_operation_allows_exactly_its_declared_roles,
    objects_of_a_user_are_not_found_by_others,
    a_missing_role_is_reported_regardless_of_other_faults,
    a_bad_token_is_refused_by_all_operations_that_read_tokens,
    no_operation_answers_an_empty_request_with_a_server_error,
}

/// Calls the operation on an object that does not exist.
fn call(caller: &Caller, method: &str, path: &str, operation: &Value) -> Call {
    call_on("0190a1b2-0000-7000-8000-000000000000", caller, method, path, operation)
}

/// Calls the operation on the object with this identifier, with an empty JSON object if it takes a body.
fn call_on(id: &str, caller: &Caller, method: &str, path: &str, operation: &Value) -> Call {
    let path: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
    let call = caller.call(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path.join("/"));
    if operation["requestBody"].is_null() { call } else { call.json(&serde_json::json!({})) }
}

/// The minimum role of an operation; `Nobody` if visitors may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needed {
    Nobody,
    User,
    Moderator,
    Admin,
}
use Needed::{Admin, Moderator, Nobody, User};

/// The minimum role of every operation. The list is independent of the declarations in the code: a test fails for each
/// new operation until it is listed here.
const NEEDED: [(&str, Needed); 114] = [
    ("delete /api/v1/cart", User),
    ("delete /api/v1/cart/items/{movie_id}", User),
    ("delete /api/v1/certifications/{id}", Moderator),
    ("delete /api/v1/comments/{id}", User),
    ("delete /api/v1/comments/{id}/like", User),
    ("delete /api/v1/directors/{id}", Moderator),
    ("delete /api/v1/favorites/{movie_id}", User),
    ("delete /api/v1/genres/{id}", Moderator),
    ("delete /api/v1/library/{movie_id}/progress", User),
    ("delete /api/v1/movies/{id}", Moderator),
    ("delete /api/v1/movies/{id}/poster", Moderator),
    ("delete /api/v1/movies/{id}/rating", User),
    ("delete /api/v1/movies/{id}/reaction", User),
    ("delete /api/v1/stars/{id}", Moderator),
    ("delete /api/v1/users/me", User),
    ("delete /api/v1/users/me/avatar", User),
    ("delete /api/v1/users/me/sessions", User),
    ("delete /api/v1/users/me/sessions/{id}", User),
    ("get /api/v1/admin/analytics/sales", Moderator),
    ("get /api/v1/admin/audit", Admin),
    ("get /api/v1/admin/comment-reports", Moderator),
    ("get /api/v1/admin/disputes", Moderator),
    ("get /api/v1/admin/orders", Moderator),
    ("get /api/v1/admin/payments", Moderator),
    ("get /api/v1/admin/refund-requests", Admin),
    ("get /api/v1/cart", User),
    ("get /api/v1/certifications", Nobody),
    ("get /api/v1/certifications/{id}", Nobody),
    ("get /api/v1/comments/{id}/replies", Nobody),
    ("get /api/v1/directors", Nobody),
    ("get /api/v1/directors/{id}", Nobody),
    ("get /api/v1/favorites", User),
    ("get /api/v1/genres", Nobody),
    ("get /api/v1/genres/{id}", Nobody),
    ("get /api/v1/library", User),
    ("get /api/v1/library/continue-watching", User),
    ("get /api/v1/library/{movie_id}/playback", User),
    ("get /api/v1/movies", Nobody),
    ("get /api/v1/movies/facets", Nobody),
    ("get /api/v1/movies/suggestions", Nobody),
    ("get /api/v1/movies/{id}", Nobody),
    ("get /api/v1/movies/{id}/comments", Nobody),
    ("get /api/v1/movies/{id}/similar", Nobody),
    ("get /api/v1/notifications", User),
    ("get /api/v1/notifications/stream", User),
    ("get /api/v1/notifications/unread-count", User),
    ("get /api/v1/orders", User),
    ("get /api/v1/orders/{id}", User),
    ("get /api/v1/orders/{id}/refund-requests", User),
    ("get /api/v1/payments", User),
    ("get /api/v1/payments/{id}", User),
    ("get /api/v1/payments/{id}/refunds", User),
    ("get /api/v1/stars", Nobody),
    ("get /api/v1/stars/{id}", Nobody),
    ("get /api/v1/users", Admin),
    ("get /api/v1/users/me", User),
    ("get /api/v1/users/me/export", User),
    ("get /api/v1/users/me/notification-settings", User),
    ("get /api/v1/users/me/sessions", User),
    ("get /api/v1/users/{id}", Admin),
    ("get /api/v1/users/{id}/cart", Admin),
    ("get /docs", Nobody),
    ("get /health/live", Nobody),
    ("get /health/ready", Nobody),
    ("get /media/avatars/{file}", Nobody),
    ("get /media/posters/{id}/{file}", Nobody),
    ("get /openapi.json", Nobody),
    ("get /problems/{code}", Nobody),
    ("patch /api/v1/admin/comment-reports/{id}", Moderator),
    ("patch /api/v1/admin/refund-requests/{id}", Admin),
    ("patch /api/v1/certifications/{id}", Moderator),
    ("patch /api/v1/comments/{id}", User),
    ("patch /api/v1/directors/{id}", Moderator),
    ("patch /api/v1/genres/{id}", Moderator),
    ("patch /api/v1/movies/{id}", Moderator),
    ("patch /api/v1/stars/{id}", Moderator),
    ("patch /api/v1/users/me/notification-settings", User),
    ("patch /api/v1/users/me/profile", User),
    ("patch /api/v1/users/{id}", Admin),
    ("post /api/v1/accounts/activate", Nobody),
    ("post /api/v1/accounts/login", Nobody),
    ("post /api/v1/accounts/logout", Nobody),
    ("post /api/v1/accounts/password-reset", Nobody),
    ("post /api/v1/accounts/password-reset/confirm", Nobody),
    ("post /api/v1/accounts/refresh", Nobody),
    ("post /api/v1/accounts/register", Nobody),
    ("post /api/v1/accounts/resend-activation", Nobody),
    ("post /api/v1/cart/items", User),
    ("post /api/v1/cart/merge", User),
    ("post /api/v1/certifications", Moderator),
    ("post /api/v1/comments/{id}/replies", User),
    ("post /api/v1/comments/{id}/reports", User),
    ("post /api/v1/directors", Moderator),
    ("post /api/v1/genres", Moderator),
    ("post /api/v1/movies", Moderator),
    ("post /api/v1/movies/{id}/comments", User),
    ("post /api/v1/notifications/read", User),
    ("post /api/v1/notifications/stream-tickets", User),
    ("post /api/v1/orders", User),
    ("post /api/v1/orders/{id}/cancel", User),
    ("post /api/v1/orders/{id}/payments", User),
    ("post /api/v1/orders/{id}/refund-requests", User),
    ("post /api/v1/payments/webhooks/{provider}", Nobody),
    ("post /api/v1/payments/{id}/refunds", Admin),
    ("post /api/v1/stars", Moderator),
    ("post /api/v1/users/me/password", User),
    ("put /api/v1/comments/{id}/like", User),
    ("put /api/v1/favorites/{movie_id}", User),
    ("put /api/v1/library/{movie_id}/progress", User),
    ("put /api/v1/library/{movie_id}/watched", User),
    ("put /api/v1/movies/{id}/poster", Moderator),
    ("put /api/v1/movies/{id}/rating", User),
    ("put /api/v1/movies/{id}/reaction", User),
    ("put /api/v1/users/me/avatar", User),
];

/// Returns the minimum role according to the OpenAPI document.
fn declared(operation: &Value) -> Needed {
    let requirements = operation["security"].as_array().unwrap();
    let is_open = requirements.iter().all(|one| one.as_object().is_none_or(serde_json::Map::is_empty));
    let is_optional = requirements.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
    let role = &operation["x-required-role"];
    if is_open || is_optional {
        assert!(role.is_null(), "{operation}");
        return Nobody;
    }
    // A bearer token has no scopes. The stream of notifications also accepts a ticket, which clients get in exchange
    // for a bearer token.
    let or_ticket = (operation["operationId"] == "streamNotifications").then(|| json!({"ticket": []}));
    let expected: Vec<Value> = std::iter::once(json!({"bearer": []})).chain(or_ticket).collect();
    assert_eq!(operation["security"], json!(expected), "{operation}");
    match role.as_str() {
        Some("user") => User,
        Some("moderator") => Moderator,
        Some("admin") => Admin,
        other => panic!("unknown or missing x-required-role: {other:?}"),
    }
}

async fn every_operation_allows_exactly_its_declared_roles(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let moderator = app.user("moderator").await;
    app.change_user(&moderator, |user| user.role = Role::Moderator).await;
    let visitor = app.anonymous();
    let callers: [(Needed, &Caller); 4] =
        [(Nobody, &visitor), (User, &ann), (Moderator, &moderator), (Admin, &admin)];
    let mut declarations = Vec::new();
    for (method, path, operation) in operations(document()) {
        let needed = declared(operation);
        declarations.push((format!("{method} {path}"), needed));
        for (role, caller) in callers {
            let answer = call(caller, method, path, operation).await;
            if role >= needed {
                // The request may be refused because of its body `{}` or because the object does not exist, but not
                // because of the role.
                assert!(![401, 403].contains(&answer.status) && answer.status < 500, "{role:?}: {answer}");
            } else if role == Nobody {
                answer.problem(401, "unauthenticated");
            } else {
                answer.problem(403, "forbidden");
            }
        }
        // The OpenAPI document lists the problems `unauthenticated` (401) and `forbidden` (403) exactly where they
        // are possible. The setting `DOCS_ACCESS` can restrict the two paths below to users, so 401 is possible for
        // them.
        let may_be_closed = ["/docs", "/openapi.json"].contains(&path);
        // Comments are public, but only their authors can edit them, and only authors and moderators can delete them.
        let is_for_authors = path == "/api/v1/comments/{id}";
        for (status, can_happen) in
            [("401", needed > Nobody || may_be_closed), ("403", needed > User || is_for_authors)]
        {
            let kind = "/content/application~1problem+json/schema/allOf/1/properties/code/enum";
            let answer = resolved(document(), &operation["responses"][status]);
            let codes = answer.pointer(kind).cloned().unwrap_or_default();
            let code = if status == "401" { "unauthenticated" } else { "forbidden" };
            let is_told = codes.as_array().is_some_and(|codes| codes.iter().any(|known| known == code));
            assert_eq!(is_told, can_happen, "{method} {path} {status}");
        }
    }
    declarations.sort();
    assert_eq!(declarations, NEEDED.map(|(operation, needed)| (operation.to_owned(), needed)));
}

async fn objects_of_a_user_are_not_found_by_others(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let (in_cart, bought) = (movies.id("Alien"), movies.id("M"));
    app.sell(&ann, bought.clone()).await;
    app.attach_film(&bought, b"\0\0\0\x20ftypisom").await;
    ann.post("/cart/items", serde_json::json!({"movie_id": movies.id("Amélie")})).await.expect(201);
    let order = ann.call(Method::POST, "/orders").await.expect(201).json();
    let order = order["id"].as_str().unwrap().to_owned();
    ann.post("/cart/items", serde_json::json!({"movie_id": movies.id("Aliens")})).await.expect(201);
    let paid = ann.call(Method::POST, "/orders").await.expect(201).json();
    let paid = paid["id"].as_str().unwrap().to_owned();
    let pay = format!("/orders/{paid}/payments");
    let payment = ann.call(Method::POST, &pay).await.expect(201).json();
    let payment = payment["id"].as_str().unwrap().to_owned();
    ann.post("/cart/items", serde_json::json!({"movie_id": in_cart})).await.expect(201);
    app.log_in("ann").await.expect(200);
    let sessions = ann.get("/users/me/sessions").await.expect(200).json();
    let other = sessions["items"].as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    let session = other["id"].as_str().unwrap().to_owned();
    // Every user can see the objects under these paths. A user who may not change such an object gets 403 and not
    // 404.
    let is_shared = |path: &str| {
        ["/api/v1/movies/", "/api/v1/favorites/", "/api/v1/comments/"]
            .iter()
            .any(|begin| path.starts_with(begin))
    };
    for (method, path, operation) in operations(document()) {
        if !path.contains('{') || declared(operation) != User || is_shared(path) {
            continue;
        }
        // This operation needs a body with a reason. `orders/refund_requests.rs` tests it.
        if (method, path) == ("post", "/api/v1/orders/{id}/refund-requests") {
            continue;
        }
        // The identifier of Ann's object on which the operation acts.
        let id = match path {
            "/api/v1/cart/items/{movie_id}" => &in_cart,
            "/api/v1/orders/{id}" | "/api/v1/orders/{id}/cancel" | "/api/v1/orders/{id}/refund-requests" => {
                &order
            }
            "/api/v1/orders/{id}/payments" => &paid,
            "/api/v1/payments/{id}" | "/api/v1/payments/{id}/refunds" => &payment,
            "/api/v1/users/me/sessions/{id}" => &session,
            "/api/v1/library/{movie_id}/playback"
            | "/api/v1/library/{movie_id}/progress"
            | "/api/v1/library/{movie_id}/watched" => &bought,
            other => panic!("no object of Ann is defined for {other}"),
        };
        // Moderators see the refunds of all users.
        let is_for_moderators = path == "/api/v1/payments/{id}/refunds";
        let strangers = if is_for_moderators { vec![&bob] } else { vec![&bob, &admin] };
        let acceptable = |call: Call| match (method, path) {
            ("put", "/api/v1/library/{movie_id}/progress") => {
                call.json(&serde_json::json!({"position_seconds": 1}))
            }
            ("put", "/api/v1/library/{movie_id}/watched") => {
                call.json(&serde_json::json!({"is_watched": true}))
            }
            _ => call,
        };
        for stranger in strangers {
            let refused = acceptable(call_on(id, stranger, method, path, operation)).await;
            refused.problem(404, "not_found");
        }
        let own = acceptable(call_on(id, &ann, method, path, operation)).await;
        assert!(own.status < 300, "{own}");
    }
}

async fn a_missing_role_is_reported_regardless_of_other_faults(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (visitor, ann) = (app.anonymous(), app.user("ann").await);
    let broken = |caller: &Caller, path: &str| {
        caller.call(Method::PATCH, path).body("text/plain", "{\"role\": \"admin\", ")
    };
    for path in ["/users/no-uuid?x=1".to_owned(), format!("/users/{}", ann.id())] {
        broken(&visitor, &path).await.problem(401, "unauthenticated");
        broken(&ann, &path).await.problem(403, "forbidden");
    }
    ann.get("/users?page=0&colour=red").await.problem(403, "forbidden");
}

async fn a_bad_token_is_refused_by_all_operations_that_read_tokens(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let broken = app.anonymous().with_token("not.a.token");
    for (method, path, operation) in operations(document()) {
        // These operations ignore tokens: callers with an invalid token need the account operations to get a new one,
        // and health checks and pages about problems are the same for all callers.
        let is_exempt = ["/api/v1/accounts/", "/health/", "/problems/"];
        if is_exempt.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        call(&broken, method, path, operation).await.problem(401, "access_token_invalid");
    }
}

async fn no_operation_answers_an_empty_request_with_a_server_error(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for (method, path, _) in operations(document()) {
        let answer = call(&ann, method, path, &Value::Null).await;
        assert!(answer.status < 500, "{answer}");
    }
}
