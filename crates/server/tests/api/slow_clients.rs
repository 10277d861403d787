//! Clients that begin a request and do not finish it must not block other clients.

use futures_util::{StreamExt, stream::FuturesUnordered};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Call, Caller, Engine, SignedIn, TestApp, cases};

cases! {
    incomplete_bodies_do_not_block_others,
    stalled_uploads_of_one_user_do_not_block_those_of_another,
    three_clients_that_send_no_bodies_do_not_block_webhooks_of_others,
    a_webhook_with_a_malformed_or_old_signature_is_refused_before_its_body,
    large_incomplete_bodies_of_one_client_have_a_memory_limit,
    a_client_has_at_most_the_configured_number_of_connections,
}

const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"avatar\"\r\n\r\nno picture\r\n--x--\r\n";
const MULTIPART: &str = "multipart/form-data; boundary=x";

/// A request whose head was sent. `rest` is its body, which [`Begun::send`] does not send.
struct Begun {
    stream: TcpStream,
    rest: String,
}

impl Begun {
    /// Sends the head of a request, and waits until the server requests the body with `100 Continue`.
    async fn send(app: &TestApp, call: &str, kind: &str, token: Option<&SignedIn>, body: &str) -> Self {
        let mut stream = TcpStream::connect(app.url().trim_start_matches("http://")).await.unwrap();
        let token = token.map(|user| format!("authorization: Bearer {}\r\n", user.tokens.access));
        let head = format!(
            "{call} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n{}\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            token.unwrap_or_default(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0_u8; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&go_on));
        Self { stream, rest: body.to_owned() }
    }

    /// Sends the body, and reads the answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).await.unwrap();
        self.answer().await.0
    }

    /// Reads the answer, which may arrive before the body was sent. Also returns the connection, so that the client's
    /// side of the connection stays open until the caller drops it.
    async fn answer(mut self) -> (String, Self) {
        let mut answer = Vec::new();
        let mut part = [0_u8; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut part).await {
            answer.extend_from_slice(&part[..count]);
        }
        (String::from_utf8(answer).unwrap(), self)
    }
}

fn upload(caller: &Caller) -> Call {
    caller.call(Method::PUT, "/users/me/avatar").body(MULTIPART, FORM)
}

async fn incomplete_bodies_do_not_block_others(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "4")]).await;
    let ann = app.user("ann").await;
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let mut slow = Vec::new();
    for _ in 0..10 {
        let body = json!({"refresh": "x"}).to_string();
        slow.push(Begun::send(&app, "POST /api/v1/accounts/logout", json, None, &body).await);
        slow.push(Begun::send(&app, "POST /activate", form, None, "token=x").await);
    }
    // The server authenticates these three requests before it reads their bodies. Each of them holds one of the
    // `MAX_IN_FLIGHT` permits only during the authentication.
    let body = json!({"movie_ids": []}).to_string();
    slow.push(Begun::send(&app, "POST /api/v1/cart/merge", json, Some(&ann), &body).await);
    for _ in 0..2 {
        slow.push(Begun::send(&app, "PUT /api/v1/users/me/avatar", MULTIPART, Some(&ann), FORM).await);
    }
    app.anonymous().get("/movies").await.expect(200);
    app.anonymous().get("/nothing").await.expect(404);
    app.log_in("ann").await.expect(200);
    ann.get("/cart").await.expect(200);
    let statuses = [(22, "415"), (21, "415"), (20, "200"), (1, "400"), (0, "200")];
    for (index, status) in statuses {
        let answer = slow.swap_remove(index).finish().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{index}: {answer}");
    }
}

async fn stalled_uploads_of_one_user_do_not_block_those_of_another(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMITS", "on"), ("RATE_LIMIT_GLOBAL", "1000/1m")]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let begun =
        (0..30).map(|_| Begun::send(&app, "PUT /api/v1/users/me/avatar", MULTIPART, Some(&ann), FORM));
    let stalled: FuturesUnordered<_> =
        futures_util::future::join_all(begun).await.into_iter().map(Begun::answer).collect();
    // All uploads except two are refused immediately.
    let refused: Vec<_> = stalled.take(28).collect().await;
    for (answer, _) in &refused {
        assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
        let answer = answer.to_lowercase();
        for header in ["retry-after: 1\r\n", "ratelimit-policy: \"avatar-uploads-at-once\";q=2\r\n"] {
            assert!(answer.contains(header), "{header}: {answer}");
        }
    }
    upload(&bob).await.problem(415, "unsupported_media_type");
}

/// Sends the head of a webhook, whose `X-Forwarded-For` header names the IP address 192.0.2.`client`. A server uses
/// that address as the address of the client only if it trusts the peer (this test) as a proxy.
async fn begin_webhook(app: &TestApp, client: u8, signature: &str) -> Begun {
    let kind =
        format!("application/json\r\nx-forwarded-for: 192.0.2.{client}\r\nsandbox-signature: {signature}");
    Begun::send(app, "POST /api/v1/payments/webhooks/sandbox", &kind, None, "123456789").await
}

async fn three_clients_that_send_no_bodies_do_not_block_webhooks_of_others(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let signature = format!("t={},v1={}", app.now().timestamp(), "A".repeat(43));
    let stalled = (0..90).flat_map(|_| 1..=3).map(|client| begin_webhook(&app, client, &signature));
    let stalled = futures_util::future::join_all(stalled).await;
    let answer = begin_webhook(&app, 4, &signature).await.finish().await;
    assert!(answer.contains("\"code\":\"signature_invalid\""), "client 4 is not blocked: {answer}");
    drop(stalled);
}

async fn a_webhook_with_a_malformed_or_old_signature_is_refused_before_its_body(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (now, tag) = (app.now().timestamp(), "A".repeat(43));
    for signature in
        ["x", &format!("t={now}"), &format!("t={now},v1=x"), &format!("t={},v1={tag}", now - 301)]
    {
        let (answer, _) = begin_webhook(&app, 1, signature).await.answer().await;
        assert!(answer.contains("\"code\":\"signature_invalid\""), "{signature}: {answer}");
    }
    let answer = begin_webhook(&app, 1, &format!("t={now},v1={tag}")).await.finish().await;
    assert!(answer.contains("\"code\":\"signature_invalid\""), "refused after the body: {answer}");
}

async fn large_incomplete_bodies_of_one_client_have_a_memory_limit(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    let body = "x".repeat(60_010);
    let begin = async || {
        let call = "POST /api/v1/accounts/logout";
        let mut begun = Begun::send(&app, call, "application/json", None, &body).await;
        // The write may fail, because the server may refuse the body before the client has sent these 60,000 bytes.
        let _unsent = begun.stream.write_all(&begun.rest.as_bytes()[..60_000]).await;
        begun
    };
    // Together, the 200 bodies have 12 MB, which exceeds the limit of 8 MiB for one client.
    let incomplete = futures_util::future::join_all((0..200).map(|_| begin())).await;
    let mut stalled: FuturesUnordered<_> = incomplete.into_iter().map(Begun::answer).collect();
    let refused: Vec<_> = stalled.by_ref().take(40).collect().await;
    for (answer, _) in &refused {
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.to_lowercase().contains("retry-after: 1\r\n"), "{answer}");
    }
    // The small body of a sign-in is still accepted.
    app.log_in("ann").await.expect(200);
    drop(stalled);
}

async fn a_client_has_at_most_the_configured_number_of_connections(engine: Engine) {
    for (proxies, is_limited) in [("", true), ("127.0.0.0/8", false)] {
        let settings = [("MAX_CONNECTIONS_PER_CLIENT", "3"), ("TRUSTED_PROXIES", proxies)];
        let app = TestApp::spawn_with(engine, &settings).await;
        let mut open = Vec::new();
        for _ in 0..5 {
            let mut stream = TcpStream::connect(app.url().trim_start_matches("http://")).await.unwrap();
            // The write may fail, because the server may close a connection above the limit before the client has
            // sent the request.
            let _unsent = stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
            let mut answer = [0_u8; 12];
            let is_answered = stream.read_exact(&mut answer).await.is_ok();
            assert!(!is_answered || answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
            open.push((is_answered, stream));
        }
        let answered = open.iter().filter(|(is_answered, _)| *is_answered).count();
        assert_eq!(answered, if is_limited { 3 } else { 5 }, "with the trusted proxies {proxies:?}");
    }
}
