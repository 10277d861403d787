//! PostgreSQL may abort a transaction that conflicts with another one. The server then retries the aborted transaction,
//! at most four times. Clients notice the conflict only if the last retry is aborted too.

use serde_json::json;

use crate::support::{Engine, TestApp, cases, email_of};

cases! {
    a_request_whose_transaction_is_aborted_four_times_succeeds_unnoticed: on_postgres_only,
    a_request_whose_transaction_is_aborted_five_times_fails_and_changes_nothing: on_postgres_only,
}

/// Makes the next `count` transactions that insert a row into the table fail with this SQLSTATE, either at the
/// insertion or at the commit (`when`). A sequence counts the transactions, since a rollback does not reset a sequence.
async fn lose_races(app: &TestApp, count: u32, table: &str, (sqlstate, when): (&str, &str)) {
    app.execute_sql(&format!(
        "DROP SEQUENCE IF EXISTS races;
        CREATE SEQUENCE races;
        CREATE OR REPLACE FUNCTION lose_race() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('races') <= {count} THEN
                RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NULL;
        END $$;
        DROP TRIGGER IF EXISTS races ON {table};
        CREATE CONSTRAINT TRIGGER races AFTER INSERT ON {table} DEFERRABLE INITIALLY {when}
            FOR EACH ROW EXECUTE FUNCTION lose_race()"
    ))
    .await;
}

/// The kinds of aborts to test: the SQLSTATE (40P01 for a deadlock, 40001 for a failed serialization), and whether it
/// occurs at the insertion (`IMMEDIATE`) or at the commit (`DEFERRED`).
const RACES: [(&str, &str); 3] = [("40P01", "IMMEDIATE"), ("40001", "IMMEDIATE"), ("40001", "DEFERRED")];

async fn a_request_whose_transaction_is_aborted_four_times_succeeds_unnoticed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for (count, (name, race)) in (1..).zip(["Amélie", "Aliens", "Alien"].into_iter().zip(RACES)) {
        lose_races(&app, 4, "cart_items", race).await;
        let cart = ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await.expect(201).json();
        assert_eq!(cart["items"].as_array().unwrap().len(), count, "{race:?}");
    }
    lose_races(&app, 4, "outbox", RACES[2]).await;
    app.register("bob").await.expect(201);
    app.run_outbox().await;
    assert_eq!(app.mails_to(&email_of("bob")).len(), 1);
}

async fn a_request_whose_transaction_is_aborted_five_times_fails_and_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for race in RACES {
        lose_races(&app, 5, "cart_items", race).await;
        let add = || ann.post("/cart/items", json!({"movie_id": movies.id("Amélie")}));
        let answer = add().await.problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer}");
        assert_eq!(ann.get("/cart").await.expect(200).json()["items"], json!([]));
        add().await.expect(201);
        ann.delete("/cart").await.expect(204);
    }
}
