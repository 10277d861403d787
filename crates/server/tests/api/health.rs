//! Liveness and readiness of the server.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{Engine, TestApp, cases, snapshot};

cases! {
    a_running_server_reports_that_it_is_alive,
    a_ready_server_lists_its_components,
    health_is_never_cached_and_needs_no_token,
    optional_components_are_listed_and_do_not_change_the_status,
    without_its_database_the_server_reports_it_and_recovers_automatically: on_postgres_only,
    the_server_is_not_ready_while_the_database_refuses_writes: on_postgres_only,
}

async fn a_running_server_reports_that_it_is_alive(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    snapshot!(app.anonymous().get("/health/live").await.expect(200).json(), @r#"
    {
      "status": "ok"
    }
    "#);
}

async fn a_ready_server_lists_its_components(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ready = app.anonymous().get("/health/ready").await.expect(200).json();
    assert_eq!(ready["status"], "ok");
    let names: Vec<_> =
        ready["components"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    for name in ["database", "migrations", "media"] {
        assert!(names.contains(&json!(name)), "{ready}");
    }
    for component in ready["components"].as_array().unwrap() {
        assert_eq!(component["ok"], true, "{ready}");
    }
}

async fn optional_components_are_listed_and_do_not_change_the_status(engine: Engine) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (redis, media) =
        (format!("redis://:canary@{nobody}"), format!("s3://canary?endpoint=http://{nobody}"));
    let app = TestApp::spawn_with(
        engine,
        &[
            ("RATE_LIMITS", "on"),
            ("REDIS_URL", &redis),
            ("MEDIA_URL", &media),
            ("AWS_ACCESS_KEY_ID", "canary"),
            ("AWS_SECRET_ACCESS_KEY", "canary"),
        ],
    )
    .await;
    let ready = app.anonymous().get("/health/ready").await.expect(200).json();
    assert_eq!(ready["status"], "ok");
    for name in ["redis", "media"] {
        let component = component(&ready, name);
        assert_eq!((&component["ok"], &component["required"]), (&json!(false), &json!(false)), "{ready}");
        assert!(component["detail"].is_string(), "{ready}");
    }
    for secret in ["canary", "127.0.0.1"] {
        assert!(!ready.to_string().contains(secret), "{ready}");
    }
    assert_eq!(component(&ready, "database")["required"], true);
}

fn component(ready: &Value, name: &str) -> Value {
    let all = ready["components"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).cloned().unwrap_or_else(|| panic!("no {name}: {ready}"))
}

async fn health_is_never_cached_and_needs_no_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for path in ["/health/live", "/health/ready"] {
        let answer = app.anonymous().get(path).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{path}");
    }
}

async fn without_its_database_the_server_reports_it_and_recovers_automatically(engine: Engine) {
    assert_eq!(engine, Engine::Postgres);
    let app = TestApp::spawn_on_own_server().await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let in_cart = json!({"movie_id": movies.id("Alien")});
    ann.post("/cart/items", in_cart.clone()).await.expect(201);

    app.stop_database().await;
    app.anonymous().get("/health/live").await.expect(200);
    let ready = app.anonymous().get("/health/ready").await.expect(503).json();
    assert_eq!(ready["status"], "unavailable");
    assert_eq!(component(&ready, "database")["ok"], false);
    let told = ready.to_string();
    for secret in ["postgres://", "127.0.0.1", "password"] {
        assert!(!told.contains(secret), "{told}");
    }
    let movie = movies.id("Alien");
    let log_in = json!({"email": ann.email, "password": ann.password});
    for answer in [
        app.anonymous().get("/movies?search=alien").await,
        app.anonymous().get(format!("/movies/{movie}")).await,
        ann.get("/cart").await,
        ann.post("/cart/items", json!({"movie_id": movies.id("M")})).await,
        ann.delete("/cart").await,
        app.anonymous().post("/accounts/login", log_in.clone()).await,
        app.register("bob").await,
        app.refresh(&ann.tokens.refresh).await,
        app.activate("a-token").await,
        app.resend("ann").await,
    ] {
        let answer = answer.problem(503, "unavailable");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{answer}");
    }
    // Errors that are detected without the database are reported as usual.
    app.anonymous().get("/movies?page=0").await.expect(422);
    app.anonymous().get("/nothing").await.expect(404);
    ann.with_token("x.y.z").get("/cart").await.problem(401, "access_token_invalid");

    app.start_database().await;
    app.anonymous().get("/health/ready").await.expect(200);
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["items"][0]["movie"]["name"], "Alien", "nothing was changed or lost");
    ann.post("/cart/items", in_cart).await.problem(409, "already_in_cart");
    app.anonymous().post("/accounts/login", log_in).await.expect(200);
    app.refresh(&ann.tokens.refresh).await.expect(200);
    app.register("bob").await.expect(201);
}

async fn the_server_is_not_ready_while_the_database_refuses_writes(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let log_in = json!({"email": ann.email, "password": ann.password});
    app.set_read_only(true).await;
    for _ in 0..2 {
        app.anonymous().post("/accounts/login", log_in.clone()).await.problem(503, "unavailable");
        let ready = app.anonymous().get("/health/ready").await.expect(503).json();
        let database = component(&ready, "database");
        assert_eq!((&database["ok"], &database["detail"]), (&json!(false), &json!("cannot be written to")));
        app.anonymous().get(format!("/movies/{}", movies.id("Alien"))).await.expect(200);
    }
    app.set_read_only(false).await;
    app.anonymous().post("/accounts/login", log_in).await.expect(200);
    app.anonymous().get("/health/ready").await.expect(200);
}
