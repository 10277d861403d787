//! The live stream of notifications, and the tickets, each of which opens one stream without an access token.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{like, movie, reply};
use crate::support::{Call, Caller, Engine, SignedIn, TestApp, cases};

cases! {
    a_stream_begins_with_the_counts_and_reports_events,
    events_on_another_node_are_sent,
    a_client_that_reconnects_gets_missed_events_even_from_another_node,
    a_client_that_missed_too_much_must_reload,
    changed_counts_are_sent,
    a_ticket_opens_one_stream,
    an_old_ticket_or_one_of_an_ended_session_opens_no_stream,
    a_stream_requires_a_valid_token_or_ticket,
    a_stream_ends_with_its_session,
    a_user_has_at_most_ten_streams,
    streams_need_no_request_permit_and_are_not_compressed,
    a_stream_ends_when_the_server_stops,
    a_head_request_gets_no_stream,
}

/// The maximum time to wait for data from a stream. Data normally arrives much faster.
const PATIENCE: Duration = Duration::from_secs(20);

/// An event that was received from a stream.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

/// An open stream, and the text that was received but not yet returned as events.
struct Stream {
    answer: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(call: Call) -> Self {
        let answer = call.begin().await;
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
        assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
        assert_eq!(header("cache-control").as_deref(), Some("private, no-store"));
        assert_eq!(header("content-encoding"), None);
        Self { answer, text: String::new() }
    }

    async fn of(user: &SignedIn) -> Self {
        Self::open(user.get("/notifications/stream")).await
    }

    /// Waits for the next event; returns `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                if let Some(name) = field("event:") {
                    let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                    return Some(Event { name, id: field("id:"), data });
                }
                assert!(block.starts_with(':'), "{block}");
                continue;
            }
            let chunk =
                timeout(PATIENCE, self.answer.chunk()).await.expect("data arrives in time").unwrap()?;
            self.text.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits for the next event, which must have this name.
    async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.expect("the stream sends another event");
        assert_eq!(event.name, name, "{event:?}");
        event
    }
}

async fn a_stream_begins_with_the_counts_and_reports_events(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cem) = (app.user("ann").await, app.user("bob").await, app.user("cem").await);
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    let mut stream = Stream::of(&ann).await;
    let first = stream.expect("unread").await;
    assert_eq!(first.data, json!({"total": 1, "by_kind": {"comment_reply": 1}}));
    let comment = app.next_id();
    app.notify(&ann, like(&bob, movie(&movies), comment)).await;
    app.notify(&bob, like(&ann, movie(&movies), app.next_id())).await;
    let liked = stream.expect("notification").await;
    assert_eq!((&liked.data["kind"], &liked.data["count"]), (&json!("comment_like"), &json!(1)));
    let list = ann.get("/notifications").await.expect(200).json();
    assert_eq!(liked.data, list["items"][0], "the data of the event are the same as the item in the list");
    let counts = stream.expect("unread").await;
    assert_eq!(counts.data, json!({"total": 2, "by_kind": {"comment_like": 1, "comment_reply": 1}}));
    app.notify(&ann, like(&cem, movie(&movies), comment)).await;
    let again = stream.expect("notification").await;
    assert_eq!((&again.data["id"], &again.data["count"]), (&liked.data["id"], &json!(2)));
    assert_ne!(again.id, liked.id);
}

async fn events_on_another_node_are_sent(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let node = app.second_node().await;
    let mut streams =
        [Stream::of(&ann).await, Stream::open(ann.at(node.url()).get("/notifications/stream")).await];
    for stream in &mut streams {
        stream.expect("unread").await;
    }
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    let [one, other] = &mut streams;
    assert_eq!(one.expect("notification").await, other.expect("notification").await);
}

async fn a_client_that_reconnects_gets_missed_events_even_from_another_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut stream = Stream::of(&ann).await;
    let begun = stream.expect("unread").await.id.expect("the event has an ID");
    for _ in 0..3 {
        app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    }
    let seen = stream.expect("notification").await;
    drop(stream);
    app.advance(TimeDelta::minutes(59));
    // Ann signs in again, because her access token has expired in the meantime.
    let ann = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    let node = app.second_node().await;
    for (last, missed) in [(seen.id.clone().unwrap(), 2), (begun, 3)] {
        let call = ann.at(node.url()).get("/notifications/stream").header("last-event-id", &last);
        let mut again = Stream::open(call).await;
        assert_eq!(again.expect("unread").await.data["total"], 3);
        for _ in 0..missed {
            assert_ne!(again.expect("notification").await.id, Some(last.clone()));
        }
    }
}

async fn a_client_that_missed_too_much_must_reload(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut stream = Stream::of(&ann).await;
    stream.expect("unread").await;
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    let last = stream.expect("notification").await.id.unwrap();
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    app.advance(TimeDelta::minutes(61));
    let ann = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    let later = format!("{last}9");
    for last in [last.as_str(), "0190a1b2-0000-7000-8000-000000000000", "0", "1-1", &later, "💥"] {
        let mut again = Stream::open(ann.get("/notifications/stream").header("last-event-id", last)).await;
        again.expect("unread").await;
        again.expect("resync").await;
    }
    let mut empty = Stream::open(ann.get("/notifications/stream").header("last-event-id", "")).await;
    empty.expect("unread").await;
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    empty.expect("notification").await;
}

async fn changed_counts_are_sent(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    let mut stream = Stream::of(&ann).await;
    stream.expect("unread").await;
    ann.post("/notifications/read", json!({"all": true})).await.expect(200);
    assert_eq!(stream.expect("unread").await.data, json!({"total": 0, "by_kind": {}}));
}

async fn ticket_of(user: &SignedIn) -> String {
    let issued = user.call(Method::POST, "/notifications/stream-tickets").await.expect(201).json();
    issued["ticket"].as_str().unwrap().to_owned()
}

fn with_ticket(caller: &Caller, ticket: &str) -> Call {
    caller.get(format!("/notifications/stream?ticket={ticket}"))
}

async fn a_ticket_opens_one_stream(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let issued = ann.call(Method::POST, "/notifications/stream-tickets").await.expect(201).json();
    let end = (app.now() + TimeDelta::seconds(60)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(issued["expires_at"], end);
    let ticket = issued["ticket"].as_str().unwrap();
    let node = app.second_node().await;
    let mut stream = Stream::open(with_ticket(&node.anonymous(), ticket)).await;
    stream.expect("unread").await;
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    stream.expect("notification").await;
    let refused = with_ticket(&app.anonymous(), ticket).await.problem(401, "ticket_invalid");
    assert!(refused.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")), "{refused}");
}

async fn an_old_ticket_or_one_of_an_ended_session_opens_no_stream(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let visitor = app.anonymous();
    let (old, young) = (ticket_of(&ann).await, ticket_of(&ann).await);
    app.advance(TimeDelta::seconds(59));
    drop(Stream::open(with_ticket(&visitor, &young)).await);
    app.advance(TimeDelta::seconds(1));
    with_ticket(&visitor, &old).await.problem(401, "ticket_invalid");
    let ticket = ticket_of(&ann).await;
    app.log_out(&ann.tokens.refresh).await.expect(200);
    with_ticket(&visitor, &ticket).await.problem(401, "ticket_invalid");
}

async fn a_stream_requires_a_valid_token_or_ticket(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let visitor = app.anonymous();
    visitor.get("/notifications/stream").await.problem(401, "unauthenticated");
    visitor.get("/notifications/stream?ticket=").await.problem(401, "unauthenticated");
    visitor.get("/notifications/stream?colour=ticket").await.problem(401, "unauthenticated");
    with_ticket(&visitor, "abc").await.problem(401, "ticket_invalid");
    visitor.call(Method::POST, "/notifications/stream-tickets").await.problem(401, "unauthenticated");
    with_ticket(&visitor.with_token("x.y.z"), &ticket_of(&ann).await)
        .await
        .problem(401, "access_token_invalid");
    ann.get("/notifications/stream?colour=red").await.invalid(&[("colour", "unknown")]);
    let accepts_events = ann.get("/notifications/stream").header("accept", "text/event-stream");
    Stream::open(accepts_events).await.expect("unread").await;
}

async fn a_stream_ends_with_its_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let other = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    let (mut ended, mut kept) = (Stream::of(&ann).await, Stream::of(&other).await);
    ended.expect("unread").await;
    kept.expect("unread").await;
    app.log_out(&ann.tokens.refresh).await.expect(200);
    let end =
        timeout(Duration::from_secs(5), ended.next()).await.expect("the stream ends within five seconds");
    assert_eq!(end, None);
    other.delete("/users/me").json(&json!({"password": other.password})).await.expect(204);
    let end =
        timeout(Duration::from_secs(5), kept.next()).await.expect("the stream ends within five seconds");
    assert_eq!(end, None);
}

async fn a_user_has_at_most_ten_streams(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMITS", "off")]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(Stream::of(&ann).await);
    }
    let refused = ann.get("/notifications/stream").await.problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some(), "{refused}");
    Stream::of(&bob).await.expect("unread").await;
    drop(streams.pop());
    // The server notices that a client has disconnected only when it sends something to this client. Therefore,
    // before it refuses a new stream, it sends SSE comments on each of the user's open streams. Here it notices in
    // this way that one stream has ended, and opens the new one.
    Stream::of(&ann).await.expect("unread").await;
}

async fn streams_need_no_request_permit_and_are_not_compressed(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "2")]).await;
    let ann = app.user("ann").await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let call = ann.get("/notifications/stream").header("accept-encoding", "br, gzip, zstd");
        streams.push(Stream::open(call).await);
    }
    for stream in &mut streams {
        stream.expect("unread").await;
    }
    ann.get("/users/me").await.expect(200);
}

async fn a_stream_ends_when_the_server_stops(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let mut stream = Stream::of(&ann).await;
    stream.expect("unread").await;
    app.begin_drain();
    assert_eq!(
        timeout(Duration::from_secs(5), stream.next()).await.expect("the stream ends within five seconds"),
        None
    );
}

async fn a_head_request_gets_no_stream(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let head = ann.call(Method::HEAD, "/notifications/stream").await.expect(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    app.anonymous().call(Method::HEAD, "/notifications/stream").await.expect(401);
}
