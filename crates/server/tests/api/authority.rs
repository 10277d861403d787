//! Users who lose a role can no longer do what the role allowed. Users who lose their account or session can no longer
//! change anything. This holds even for concurrent calls and on other nodes.

use std::future::IntoFuture;

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Caller, Engine, SignedIn, TestApp, cases};

cases! {
    a_demoted_administrator_cannot_undo_the_demotion_on_another_node,
    a_demoted_administrator_cannot_undo_the_demotion_by_concurrent_calls,
    a_deactivated_administrator_cannot_undo_the_deactivation_by_concurrent_calls,
    an_administrator_with_a_deleted_account_cannot_promote_users,
    deleting_an_account_while_movies_are_added_leaves_no_cart,
    a_user_deactivated_or_signed_out_on_another_node_changes_nothing,
}

/// The number of concurrent calls.
const CALLS: usize = 24;

fn patch(caller: &Caller, id: impl std::fmt::Display, changes: &Value) -> Call {
    caller.call(Method::PATCH, format!("/users/{id}")).json(changes)
}

/// Creates a second administrator.
async fn second_admin(app: &TestApp, admin: &SignedIn) -> SignedIn {
    let mallory = app.user("mallory").await;
    patch(admin, mallory.id(), &json!({"role": "admin"})).await.expect(200);
    mallory
}

/// Changes the second administrator (`change`) while that administrator sends many concurrent calls that would revert
/// the change (`undo`). Returns the answers to these calls.
async fn race(admin: &SignedIn, mallory: &SignedIn, change: &Value, undo: &Value) -> Vec<Answer> {
    let undoing = join_all((0..CALLS).map(|_| patch(mallory, mallory.id(), undo).into_future()));
    let (changed, answers) = join(patch(admin, mallory.id(), change).into_future(), undoing).await;
    changed.expect(200);
    answers
}

async fn a_demoted_administrator_cannot_undo_the_demotion_on_another_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let admin = app.admin().await;
    let mallory = second_admin(&app, &admin).await;
    let elsewhere = mallory.at(other.url());
    // The other node reads the role and caches it for a short time.
    elsewhere.get("/users").await.expect(200);
    patch(&admin, mallory.id(), &json!({"role": "user"})).await.expect(200);
    patch(&elsewhere, mallory.id(), &json!({"role": "admin"})).await.problem(403, "forbidden");
    patch(&elsewhere, admin.id(), &json!({"is_active": false})).await.problem(403, "forbidden");
    let stored = admin.get(format!("/users/{}", mallory.id())).await.expect(200).json();
    assert_eq!(stored["role"], "user");
}

async fn a_demoted_administrator_cannot_undo_the_demotion_by_concurrent_calls(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let mallory = second_admin(&app, &admin).await;
    let answers = race(&admin, &mallory, &json!({"role": "user"}), &json!({"role": "admin"})).await;
    for answer in answers {
        assert!([200, 403].contains(&answer.status), "{answer}");
    }
    let stored = admin.get(format!("/users/{}", mallory.id())).await.expect(200).json();
    assert_eq!(stored["role"], "user");
}

async fn a_deactivated_administrator_cannot_undo_the_deactivation_by_concurrent_calls(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let mallory = second_admin(&app, &admin).await;
    let answers = race(&admin, &mallory, &json!({"is_active": false}), &json!({"is_active": true})).await;
    for answer in answers {
        assert!([200, 401].contains(&answer.status), "{answer}");
    }
    let stored = admin.get(format!("/users/{}", mallory.id())).await.expect(200).json();
    assert_eq!(stored["is_active"], false);
}

async fn an_administrator_with_a_deleted_account_cannot_promote_users(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let mallory = second_admin(&app, &admin).await;
    let elsewhere = mallory.at(other.url());
    elsewhere.get("/users").await.expect(200);
    mallory.delete("/users/me").json(&json!({"password": mallory.password})).await.expect(204);
    let promoted = patch(&elsewhere, ann.id(), &json!({"role": "admin"})).await;
    promoted.problem(401, "access_token_invalid");
    let stored = admin.get(format!("/users/{}", ann.id())).await.expect(200).json();
    assert_eq!(stored["role"], "user");
}

async fn deleting_an_account_while_movies_are_added_leaves_no_cart(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let movie_id = movies.id("Amélie");
    let adding =
        join_all((0..CALLS).map(|_| ann.post("/cart/items", json!({"movie_id": movie_id})).into_future()));
    let deletion = ann.delete("/users/me").json(&json!({"password": ann.password}));
    let (deleted, added) = join(deletion.into_future(), adding).await;
    deleted.expect(204);
    for answer in added {
        assert!([201, 401, 409].contains(&answer.status), "{answer}");
    }
    let carts = app.stored_texts().await.into_iter().filter(|cell| cell.table.starts_with("cart"));
    assert_eq!(carts.map(|cell| cell.text).collect::<Vec<_>>(), Vec::<String>::new());
}

async fn a_user_deactivated_or_signed_out_on_another_node_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let other = app.second_node().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann").await, app.user("bob").await);
    let callers = [&ann, &bob].map(|user| user.at(other.url()));
    for elsewhere in &callers {
        elsewhere.get("/users/me").await.expect(200);
    }
    patch(&admin, ann.id(), &json!({"is_active": false})).await.expect(200);
    app.log_out(&bob.tokens.refresh).await.expect(200);
    for (elsewhere, user) in callers.iter().zip([&ann, &bob]) {
        let passwords = json!({"current_password": user.password, "new_password": "another quiet harbour 7"});
        for call in [
            elsewhere.post("/cart/items", json!({"movie_id": movies.id("Amélie")})),
            elsewhere.delete(format!("/cart/items/{}", movies.id("Amélie"))),
            elsewhere.delete("/cart"),
            elsewhere.post("/cart/merge", json!({"movie_ids": [movies.id("Amélie")]})),
            elsewhere.call(Method::PATCH, "/users/me/profile").json(&json!({"first_name": "Eve"})),
            elsewhere.delete("/users/me/avatar"),
            elsewhere.delete("/users/me/sessions"),
            elsewhere.post("/users/me/password", passwords),
            elsewhere.get("/users/me/export"),
            elsewhere.delete("/users/me").json(&json!({"password": user.password})),
        ] {
            call.await.problem(401, "access_token_invalid");
        }
    }
}
