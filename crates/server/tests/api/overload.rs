//! More than the server can do now: it says so, changes nothing, and goes on (api.md section 1, `unavailable`).

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::support::{Engine, TestApp, cases};

cases! {
    beyond_its_limit_the_server_sends_requests_away,
    what_another_holds_locked_is_unavailable_for_now,
    a_client_that_goes_away_leaves_nothing_half_done,
}

async fn beyond_its_limit_the_server_sends_requests_away(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "1")]).await;
    let visitor = app.anonymous();
    visitor.get("/movies").await.expect(200);
    // A request that is under way, whose body is still to come: the server has asked for it.
    let mut slow = TcpStream::connect(app.url().trim_start_matches("http://")).unwrap();
    let body = json!({"refresh": "x"}).to_string();
    let head = format!(
        "POST /api/v1/accounts/logout HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0_u8; 25];
    slow.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&go_on));

    let answer = visitor.get("/movies").await.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    visitor.get("/health/live").await.expect(200);
    visitor.get("/health/ready").await.expect(200);

    slow.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    slow.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200"), "{rest}");
    visitor.get("/movies").await.expect(200);
}

async fn what_another_holds_locked_is_unavailable_for_now(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let (unit, _) = app.lock_user(&ann).await;
    let answer = app.log_in("ann").await.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer}");
    // Who only reads is not held up.
    ann.get("/movies").await.expect(200);
    ann.get("/cart").await.expect(200);
    drop(unit);
    app.log_in("ann").await.expect(200);
}

async fn a_client_that_goes_away_leaves_nothing_half_done(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in ["Alien", "Aliens", "M", "Amélie", "Zootopia"] {
        let body = json!({"movie_id": movies.id(name)}).to_string();
        let mut hasty = TcpStream::connect(app.url().trim_start_matches("http://")).unwrap();
        let request = format!(
            "POST /api/v1/cart/items HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            ann.tokens.access,
            body.len()
        );
        hasty.write_all(request.as_bytes()).unwrap();
        drop(hasty);
    }
    // Whatever became of them, the cart is whole and can be changed.
    for name in ["Alien", "Aliens", "M", "Amélie", "Zootopia"] {
        let answer = ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await;
        assert!(matches!(answer.status, 201 | 409), "{answer}");
    }
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["items"].as_array().unwrap().len(), 5);
    ann.delete("/cart").await.expect(204);
}
