//! The seals of the audit log. A seal stores a digest of some rows and of the previous seal, so that later changes of
//! the rows are detected.

use app::audit::Known;
use chrono::TimeDelta;

use crate::support::{Engine, SECRET, TestApp, cases};

cases! {
    an_unchanged_log_passes_verification,
    a_changed_row_is_reported_with_its_seal,
    a_removed_row_is_reported_with_its_seal,
    a_row_added_after_sealing_is_reported_with_its_seal,
    a_removed_seal_is_reported,
    a_truncated_log_is_detected_with_a_recorded_seal,
    a_deleted_account_breaks_no_seal,
    deliberately_removed_rows_are_not_reported,
    a_changed_secret_breaks_no_seal,
}

/// Starts a server whose audit log has two seals: one over the entries about Ann, and one over the entries about Bob.
async fn sealed(engine: Engine) -> TestApp {
    let app = TestApp::spawn(engine).await;
    for name in ["ann", "bob"] {
        app.user(name).await;
        seal(&app).await;
    }
    app
}

/// Seals the existing entries, as the background job does, after they have reached the minimum age of ten minutes.
async fn seal(app: &TestApp) {
    app.advance(TimeDelta::minutes(11));
    assert!(app.audit_log().seal().await.unwrap() > 0);
}

fn verify(app: &TestApp, words: &[&str]) -> (bool, String) {
    app.cinema().run(&[&["audit", "verify"], words].concat())
}

/// Asserts that `cinema audit verify` with these arguments fails and prints these texts.
#[track_caller]
fn says(app: &TestApp, words: &[&str], parts: &[&str]) {
    let (holds, said) = verify(app, words);
    assert!(!holds, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[track_caller]
fn holds(app: &TestApp, words: &[&str]) {
    let (holds, said) = verify(app, words);
    assert!(holds, "{said}");
}

async fn an_unchanged_log_passes_verification(engine: Engine) {
    let app = sealed(engine).await;
    app.log_in("ann").await.expect(200);
    holds(&app, &[]);
}

async fn a_changed_row_is_reported_with_its_seal(engine: Engine) {
    let app = sealed(engine).await;
    app.execute_sql(
        "UPDATE audit_log SET ip = '198.51.100.0/24' WHERE action = 'signed_in' \
         AND created_at = (SELECT min(created_at) FROM audit_log WHERE action = 'signed_in')",
    )
    .await;
    says(&app, &[], &["seal 1 (rows until ", "a row of it, or the seal itself, was changed"]);
}

async fn a_removed_row_is_reported_with_its_seal(engine: Engine) {
    let app = sealed(engine).await;
    app.execute_sql(
        "DELETE FROM audit_log WHERE action = 'registered' \
         AND created_at = (SELECT max(created_at) FROM audit_log WHERE action = 'registered')",
    )
    .await;
    says(&app, &[], &["seal 2 (rows from ", "1 of its 3 rows are missing"]);
}

async fn a_row_added_after_sealing_is_reported_with_its_seal(engine: Engine) {
    let app = sealed(engine).await;
    app.execute_sql(
        "INSERT INTO audit_log (id, created_at, action) SELECT object_id, created_at, 'password_reset' \
         FROM audit_log WHERE action = 'registered' ORDER BY created_at LIMIT 1",
    )
    .await;
    says(&app, &[], &["seal 1 (rows until ", "rows were added to it after it was sealed"]);
}

async fn a_removed_seal_is_reported(engine: Engine) {
    let app = sealed(engine).await;
    app.execute_sql("DELETE FROM audit_seals WHERE number = 1").await;
    says(&app, &[], &["seal 1 is missing"]);
}

async fn a_truncated_log_is_detected_with_a_recorded_seal(engine: Engine) {
    let app = sealed(engine).await;
    let found = app.audit_log().verify(&Known::default()).await.unwrap();
    let recorded = found.last.unwrap().to_string();
    let words = ["--known", &recorded];
    holds(&app, &words);
    app.execute_sql(
        "DELETE FROM audit_seals WHERE number = 2; \
         DELETE FROM audit_log WHERE created_at > (SELECT until_at FROM audit_seals)",
    )
    .await;
    holds(&app, &[]);
    says(&app, &words, &["seal 2 differs from the known seal"]);
}

async fn a_deleted_account_breaks_no_seal(engine: Engine) {
    let app = sealed(engine).await;
    let ann = app.user("carol").await;
    seal(&app).await;
    ann.delete("/users/me").json(&serde_json::json!({"password": ann.password})).await.expect(204);
    seal(&app).await;
    holds(&app, &[]);
}

async fn deliberately_removed_rows_are_not_reported(engine: Engine) {
    let app = sealed(engine).await;
    app.execute_sql(
        "DELETE FROM audit_log WHERE created_at <= (SELECT until_at FROM audit_seals WHERE number = 1)",
    )
    .await;
    says(&app, &[], &["3 of its 3 rows are missing"]);
    // Ann's rows, which the first seal covers, were written 22 minutes ago. Bob's rows, which the second seal covers,
    // were written 11 minutes ago.
    let moment = app.now() - TimeDelta::minutes(22);
    holds(&app, &["--removed-before", &moment.to_rfc3339()]);
}

async fn a_changed_secret_breaks_no_seal(engine: Engine) {
    const NEW: &str = "the-next-secret-of-the-tests-with-enough-bytes";
    let app = sealed(engine).await;
    let verify = |settings: &[(&'static str, &str)]| {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        app.cinema().with(settings.collect::<Vec<_>>()).run(&["audit", "verify"])
    };
    let rotated = [("APP_SECRET_KEY", NEW), ("APP_SECRET_KEY_PREVIOUS", SECRET)];
    let (holds, said) = verify(&rotated);
    assert!(holds, "{said}");
    let (holds, said) = verify(&rotated[..1]);
    assert!(!holds && said.contains("seals 1 to 2 were made with a key that is not known"), "{said}");
    // A new seal, which is made with the new key, also proves all earlier seals, so the old key is no longer needed.
    let node = app.node_with(&rotated).await;
    node.log_in("ann").await.expect(200);
    seal(&node).await;
    let (holds, said) = verify(&rotated[..1]);
    assert!(holds, "{said}");
}
