//! Cases about rate limits.

use std::{collections::BTreeMap, future::IntoFuture};

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_redis::TestRedis;

use crate::support::{
    Answer, Call, Caller, Engine, TestApp, cases, document, email_of, operations, password_of, resolved,
};

cases! {
    every_answer_has_the_remaining_quotas,
    a_client_has_a_quota_of_calls,
    health_and_preflights_are_not_counted_as_calls,
    health_checks_have_their_own_quota,
    browsers_may_read_the_rate_limit_headers,
    log_ins_are_limited_by_client,
    clients_cannot_choose_the_ip_address_that_they_are_counted_for,
    behind_a_trusted_proxy_each_client_has_its_own_quota,
    one_ipv6_network_is_one_client,
    registrations_are_limited_by_client_and_invalid_ones_do_not_count,
    links_are_limited_by_email_address_whether_or_not_it_has_an_account,
    another_client_does_not_use_up_the_links_of_an_owner,
    the_form_for_a_link_cannot_bypass_the_limit,
    links_are_limited_by_client_across_email_addresses,
    new_passwords_by_link_are_limited_by_client_apart_from_log_ins,
    refreshes_are_limited_by_session,
    avatars_and_data_exports_are_limited_by_user,
    after_five_wrong_passwords_log_ins_to_the_account_must_wait,
    an_unknown_account_is_throttled_like_a_known_one,
    a_correct_password_resets_the_failures,
    other_clients_do_not_lock_the_owner_out,
    a_reset_lets_the_owner_in_at_once,
    concurrent_wrong_passwords_cannot_bypass_the_limit,
    passwords_for_the_documentation_are_throttled_like_log_ins,
    with_rate_limits_off_nothing_is_counted,
    the_document_declares_the_rate_limits_of_every_operation,
    nodes_with_the_same_redis_share_the_limits,
    a_lost_redis_does_not_fail_any_request,
}

const ON: (&str, &str) = ("RATE_LIMITS", "on");
const TRUSTING: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.0/8");

fn log_in_from(app: &TestApp, client: &str, name: &str, password: &str) -> Call {
    let body = json!({"email": email_of(name), "password": password});
    app.anonymous().post("/accounts/login", body).header("x-forwarded-for", client)
}

/// Parses a header whose value is a list of members with parameters (RFC 9651). Returns the parameters of each member,
/// by the name of the member.
fn members(answer: &Answer, header: &str) -> BTreeMap<String, BTreeMap<String, u64>> {
    let list = answer.header(header).unwrap_or_else(|| panic!("no {header}: {answer}"));
    let member = |text: &str| {
        let mut parts = text.trim().split(';');
        let name = parts.next().unwrap().trim_matches('"').to_owned();
        let parameter = |part: &str| {
            let (key, value) = part.split_once('=').unwrap();
            (key.to_owned(), value.parse().unwrap())
        };
        (name, parts.map(parameter).collect())
    };
    list.split(',').map(member).collect()
}

fn left(answer: &Answer, policy: &str) -> u64 {
    members(answer, "ratelimit")[policy]["r"]
}

/// Asserts that the answer is a 429 because of this limit. Returns the number of seconds to wait.
#[track_caller]
fn limited(answer: Answer, policy: &str) -> i64 {
    let is_page = answer.target.starts_with("/reset-password");
    let answer = if is_page { answer.expect(429) } else { answer.problem(429, "rate_limited") };
    let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    let standings = members(&answer, "ratelimit");
    assert_eq!(standings[policy]["r"], 0, "{answer}");
    assert!(standings.values().all(|standing| standing["t"] <= retry_after), "{answer}");
    assert!(members(&answer, "ratelimit-policy").contains_key(policy), "{answer}");
    i64::try_from(retry_after).unwrap()
}

async fn every_answer_has_the_remaining_quotas(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    let answer = app.anonymous().get("/movies").await.expect(200);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"global\";q=600;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"global\";r=599;t=60"));
    app.advance(TimeDelta::milliseconds(20_500));
    let answer = app.anonymous().get("/nothing/here").await.expect(404);
    assert_eq!(answer.header("ratelimit"), Some("\"global\";r=598;t=40"));
    let answer = app.log_in("nobody").await.expect(401);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"login\";q=10;w=60, \"global\";q=600;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=9;t=60, \"global\";r=597;t=40"));
    for path in ["/docs", "/openapi.json", "/problems/not-found"] {
        assert!(app.anonymous().get(path).await.expect(200).header("ratelimit").is_some(), "{path}");
    }
}

async fn a_client_has_a_quota_of_calls(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, ("RATE_LIMIT_GLOBAL", "3/10s")]).await;
    for remaining in [2, 1, 0] {
        assert_eq!(left(&app.anonymous().get("/genres").await.expect(200), "global"), remaining);
    }
    for path in ["/genres", "/nothing", "/docs", "/accounts/login"] {
        assert_eq!(limited(app.anonymous().get(path).await, "global"), 10);
    }
    app.advance(TimeDelta::seconds(10));
    app.anonymous().get("/genres").await.expect(200);
}

async fn health_and_preflights_are_not_counted_as_calls(engine: Engine) {
    let settings = [ON, ("RATE_LIMIT_GLOBAL", "1/1m"), ("CORS_ORIGINS", "https://shop.example")];
    let app = TestApp::spawn_with(engine, &settings).await;
    for _ in 0..3 {
        for path in ["/health/live", "/health/ready"] {
            let answer = app.anonymous().get(path).await.expect(200);
            assert_eq!(members(&answer, "ratelimit").into_keys().collect::<Vec<_>>(), ["health"]);
        }
        let preflight = app.anonymous().call(reqwest::Method::OPTIONS, "/genres");
        let preflight = preflight.header("origin", "https://shop.example");
        preflight.header("access-control-request-method", "GET").await.expect(204);
    }
    app.anonymous().get("/genres").await.expect(200);
    limited(app.anonymous().get("/genres").await, "global");
    app.anonymous().get("/health/live").await.expect(200);
}

async fn health_checks_have_their_own_quota(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING]).await;
    let check = |client: &'static str| {
        app.anonymous().get("/health/live").header("x-forwarded-for", client).into_future()
    };
    let most = members(&check("192.0.2.1").await.expect(200), "ratelimit-policy")["health"]["q"];
    assert!((600..=10_000).contains(&most), "the quota is more than a load balancer uses: {most}");
    for _ in 0..most.div_ceil(100) {
        for answer in join_all((0..100).map(|_| check("192.0.2.1"))).await {
            assert!(matches!(answer.status, 200 | 429), "{answer}");
        }
    }
    assert_eq!(limited(check("192.0.2.1").await, "health"), 60);
    check("192.0.2.2").await.expect(200);
    // Other calls of the client are counted separately.
    app.anonymous().get("/genres").header("x-forwarded-for", "192.0.2.1").await.expect(200);
    app.advance(TimeDelta::minutes(1));
    check("192.0.2.1").await.expect(200);
}

async fn browsers_may_read_the_rate_limit_headers(engine: Engine) {
    let settings = [ON, ("RATE_LIMIT_GLOBAL", "1/1m"), ("CORS_ORIGINS", "https://shop.example")];
    let app = TestApp::spawn_with(engine, &settings).await;
    for status in [200, 429] {
        let answer = app.anonymous().get("/genres").header("origin", "https://shop.example").await;
        let answer = answer.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
        let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert!(exposed.split(',').any(|known| known.trim() == name), "{name}: {exposed}");
        }
    }
}

async fn log_ins_are_limited_by_client(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    app.user("ann").await;
    for number in 0..9 {
        app.log_in(&format!("nobody{number}")).await.expect(401);
    }
    assert_eq!(limited(app.log_in("ann").await, "login"), 60);
    app.anonymous().get("/movies").await.expect(200);
    app.advance(TimeDelta::seconds(60));
    app.log_in("ann").await.expect(200);
}

async fn clients_cannot_choose_the_ip_address_that_they_are_counted_for(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, ("RATE_LIMIT_LOGIN", "2/1m")]).await;
    for client in ["192.0.2.1", "192.0.2.2"] {
        log_in_from(&app, client, "nobody", "a Password 1").await.expect(401);
    }
    limited(log_in_from(&app, "192.0.2.3", "nobody", "a Password 1").await, "login");
}

async fn behind_a_trusted_proxy_each_client_has_its_own_quota(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING, ("RATE_LIMIT_LOGIN", "1/1m")]).await;
    for client in ["192.0.2.1", "192.0.2.2"] {
        log_in_from(&app, client, "nobody", "a Password 1").await.expect(401);
        limited(log_in_from(&app, client, "nobody", "a Password 1").await, "login");
        // The entry that the client itself sent precedes the entry of the proxy, and is ignored.
        let spoofed = format!("198.51.100.1, {client}");
        limited(log_in_from(&app, &spoofed, "nobody", "a Password 1").await, "login");
    }
}

async fn one_ipv6_network_is_one_client(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING, ("RATE_LIMIT_LOGIN", "1/1m")]).await;
    log_in_from(&app, "2001:db8::1", "nobody", "a Password 1").await.expect(401);
    limited(log_in_from(&app, "[2001:db8::2]:99", "nobody", "a Password 1").await, "login");
    log_in_from(&app, "2001:db8:0:1::1", "nobody", "a Password 1").await.expect(401);
}

async fn registrations_are_limited_by_client_and_invalid_ones_do_not_count(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    for _ in 0..10 {
        app.anonymous()
            .post("/accounts/register", json!({"email": "ann", "password": "x"}))
            .await
            .expect(422);
    }
    for number in 0..5 {
        app.register(&format!("ann{number}")).await.expect(201);
    }
    assert_eq!(limited(app.register("ann5").await, "register"), 3_600);
    limited(app.register("ann0").await, "register");
    app.advance(TimeDelta::hours(1));
    app.register("ann5").await.expect(201);
}

async fn links_are_limited_by_email_address_whether_or_not_it_has_an_account(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    app.user("ann").await;
    for (path, policy) in
        [("/accounts/resend-activation", "resend-activation"), ("/accounts/password-reset", "password-reset")]
    {
        let (minute, day) = (format!("{policy}-1m"), format!("{policy}-1d"));
        let mut told = Vec::new();
        for email in ["ann@example.com", "nobody@example.com"] {
            let ask = async |email: &str| app.anonymous().post(path, json!({"email": email})).await;
            let mut answers = Vec::new();
            for round in 0..5 {
                let answer = ask(email).await;
                assert!([200, 202].contains(&answer.status), "{answer}");
                assert_eq!((left(&answer, &minute), left(&answer, &day)), (0, 4 - round));
                answers.push(answer.text());
                if round < 4 {
                    // Requests for another spelling of the email address count for the same limit.
                    assert_eq!(limited(ask(&email.to_uppercase()).await, &minute), 60);
                }
                app.advance(TimeDelta::minutes(1));
            }
            told.push((answers, limited(ask(email).await, &day)));
            app.advance(TimeDelta::days(1));
            ask(email).await;
            app.advance(TimeDelta::days(1));
        }
        assert_eq!(told[0], told[1], "{path}");
    }
}

async fn another_client_does_not_use_up_the_links_of_an_owner(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING]).await;
    app.user("ann").await;
    for (path, policy) in
        [("/accounts/resend-activation", "resend-activation"), ("/accounts/password-reset", "password-reset")]
    {
        let ask = async |client: &str| {
            let call = app.anonymous().post(path, json!({"email": email_of("ann")}));
            call.header("x-forwarded-for", client).await
        };
        for _ in 0..5 {
            assert!([200, 202].contains(&ask("192.0.2.66").await.status));
            app.advance(TimeDelta::minutes(1));
        }
        limited(ask("192.0.2.66").await, &format!("{policy}-1d"));
        let answer = ask("192.0.2.1").await;
        assert!([200, 202].contains(&answer.status), "the owner's first request today: {answer}");
        assert_eq!(left(&answer, &format!("{policy}-1d")), 4);
        assert!(limited(ask("192.0.2.1").await, &format!("{policy}-1m")) <= 60);
        app.advance(TimeDelta::minutes(1));
        assert_eq!(
            left(&ask("192.0.2.1").await, &format!("{policy}-1d")),
            3,
            "a refused request is not counted"
        );
        app.advance(TimeDelta::minutes(1));
    }
}

async fn the_form_for_a_link_cannot_bypass_the_limit(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    let press = async |email: &str| {
        let call = app.anonymous().call(reqwest::Method::POST, "/reset-password");
        call.body("application/x-www-form-urlencoded", format!("email={email}")).await
    };
    assert_eq!(left(&press("ann%40example.com").await.expect(200), "password-reset-1d"), 4);
    assert_eq!(limited(press("Ann%40example.com").await, "password-reset-1m"), 60);
    let call = app.anonymous().post("/accounts/password-reset", json!({"email": "ann@example.com"}));
    assert_eq!(limited(call.await, "password-reset-1m"), 60);
    press("nobody%40example.com").await.expect(200);
    app.advance(TimeDelta::minutes(1));
    press("ann%40example.com").await.expect(200);
}

async fn links_are_limited_by_client_across_email_addresses(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING]).await;
    let ask = async |client: &str, path: &str, number: usize| {
        let call = if path == "/reset-password" {
            let call = app.anonymous().call(reqwest::Method::POST, path);
            call.body("application/x-www-form-urlencoded", format!("email=nobody{number}%40example.com"))
        } else {
            app.anonymous().post(path, json!({"email": email_of(&format!("nobody{number}"))}))
        };
        call.header("x-forwarded-for", client).await
    };
    let paths = ["/accounts/resend-activation", "/accounts/password-reset", "/reset-password"];
    for number in 0..30 {
        let answer = ask("192.0.2.1", paths[number % 3], number).await;
        assert!([200, 202].contains(&answer.status), "{answer}");
        assert_eq!(left(&answer, "link-requests"), u64::try_from(29 - number).unwrap());
        if number == 1 {
            // The headers list the limits in the reverse order of counting: the global limit is counted first and
            // listed last.
            assert_eq!(
                answer.header("ratelimit-policy"),
                Some(
                    "\"password-reset-1m\";q=1;w=60, \"password-reset-1d\";q=5;w=86400, \
                     \"link-requests\";q=30;w=3600, \"global\";q=600;w=60"
                )
            );
        }
    }
    for (number, path) in (30..).zip(paths) {
        assert_eq!(limited(ask("192.0.2.1", path, number).await, "link-requests"), 3_600);
        // The refused requests were not counted for the email address, so another client can still request a link.
        assert!([200, 202].contains(&ask("192.0.2.2", path, number).await.status));
    }
    app.advance(TimeDelta::hours(1));
    ask("192.0.2.1", paths[0], 40).await.expect(200);
}

async fn new_passwords_by_link_are_limited_by_client_apart_from_log_ins(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING]).await;
    app.user("ann").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    let token = app.reset_token("ann").await;
    let confirm = async |client: &str, token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        let call = app.anonymous().post("/accounts/password-reset/confirm", body);
        call.header("x-forwarded-for", client).await
    };
    let press = async |client: &str, token: &str| {
        let call = app.anonymous().call(reqwest::Method::POST, "/reset-password");
        let form = format!("token={token}&password=another+Harbour+9");
        call.body("application/x-www-form-urlencoded", form).header("x-forwarded-for", client).await
    };
    for _ in 0..12 {
        confirm("192.0.2.1", "made up", "short").await.invalid(&[("password", "too_short")]);
    }
    for number in 0..5 {
        let answer = confirm("192.0.2.1", "made up", "another Harbour 9").await.problem(400, "token_invalid");
        assert_eq!(left(&answer, "password-reset-confirm"), 9 - 2 * number);
        press("192.0.2.1", "made up").await.expect(400);
    }
    assert_eq!(
        limited(confirm("192.0.2.1", &token, "another Harbour 9").await, "password-reset-confirm"),
        60
    );
    assert_eq!(limited(press("192.0.2.1", &token).await, "password-reset-confirm"), 60);
    let log_in = log_in_from(&app, "192.0.2.1", "ann", &password_of("ann")).await.expect(200);
    assert_eq!(left(&log_in, "login"), 9);
    press("192.0.2.2", &token).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    confirm("192.0.2.1", &token, "another Harbour 9").await.problem(400, "token_invalid");
}

async fn avatars_and_data_exports_are_limited_by_user(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let upload = async |caller: &Caller, content: &str| {
        let form =
            format!("--x\r\nContent-Disposition: form-data; name=\"avatar\"\r\n\r\n{content}\r\n--x--\r\n");
        let call = caller.call(reqwest::Method::PUT, "/users/me/avatar");
        call.body("multipart/form-data; boundary=x", form).await
    };
    // Each upload is counted before it is read.
    for number in (57..60).rev() {
        let answer = upload(&ann, "").await.invalid(&[("avatar", "required")]);
        assert_eq!(left(&answer, "avatar-uploads"), number);
    }
    for number in (0..57).rev() {
        let answer = upload(&ann, "no picture").await.problem(415, "unsupported_media_type");
        assert_eq!(left(&answer, "avatar-uploads"), number);
    }
    assert_eq!(limited(upload(&ann, "no picture").await, "avatar-uploads"), 3_600);
    upload(&bob, "no picture").await.problem(415, "unsupported_media_type");
    ann.delete("/users/me/avatar").await.expect(204);

    for number in (0..10).rev() {
        assert_eq!(left(&ann.get("/users/me/export").await.expect(200), "data-export"), number);
    }
    assert_eq!(limited(ann.get("/users/me/export").await, "data-export"), 3_600);
    bob.get("/users/me/export").await.expect(200);
    app.advance(TimeDelta::hours(1));
    let ann = app.log_in("ann").await;
    let ann = app.anonymous().with_token(&crate::support::Tokens::of(&ann).access);
    ann.get("/users/me/export").await.expect(200);
    upload(&ann, "no picture").await.problem(415, "unsupported_media_type");
}

async fn refreshes_are_limited_by_session(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, ("RATE_LIMIT_REFRESH", "2/1m")]).await;
    let ann = app.user("ann").await;
    let other = crate::support::Tokens::of(&app.log_in("ann").await);
    let first = crate::support::Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    let second = app.refresh(&first.refresh).await.expect(200);
    assert_eq!(left(&second, "refresh"), 0);
    let second = crate::support::Tokens::of(&second);
    for _ in 0..3 {
        assert_eq!(limited(app.refresh(&second.refresh).await, "refresh"), 60);
        // A refresh token that was already counted is not counted again when it is sent again.
        let repeated = app.refresh(&first.refresh).await.expect(200);
        assert_eq!(
            (left(&repeated, "refresh"), &*crate::support::Tokens::of(&repeated).refresh),
            (0, &*second.refresh)
        );
    }
    app.refresh(&other.refresh).await.expect(200);
    for _ in 0..3 {
        app.refresh("no token").await.problem(401, "refresh_token_invalid");
    }
    app.advance(TimeDelta::minutes(1));
    app.refresh(&second.refresh).await.expect(200);
}

const MANY: (&str, &str) = ("RATE_LIMIT_LOGIN", "100000/1m");
const MANY_CALLS: (&str, &str) = ("RATE_LIMIT_GLOBAL", "100000/1m");

async fn after_five_wrong_passwords_log_ins_to_the_account_must_wait(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING, MANY]).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    for number in 1..=5 {
        log_in_from(&app, &format!("192.0.2.{number}"), "ann", "not Ann's 1").await.expect(401);
    }
    for expected in [32, 64, 128, 256, 512, 900, 900] {
        let right = log_in_from(&app, "192.0.2.9", "ann", &password_of("ann")).await;
        assert_eq!(limited(right, "login-failures"), expected);
        app.advance(TimeDelta::seconds(expected));
        log_in_from(&app, "192.0.2.9", "ann", "not Ann's 1").await.expect(401);
    }
    app.advance(TimeDelta::seconds(900));
    log_in_from(&app, "192.0.2.9", "ann", &password_of("ann")).await.expect(200);
}

async fn an_unknown_account_is_throttled_like_a_known_one(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, MANY]).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    let mut told = Vec::new();
    for name in ["ann", "nobody"] {
        let try_one = async || {
            let body = json!({"email": email_of(name), "password": "not Ann's 1"});
            let answer = app.anonymous().post("/accounts/login", body).await;
            let waits = answer.header("retry-after").map(str::to_owned);
            (answer.status, answer.json()["code"].clone(), waits)
        };
        let mut answers: Vec<(u16, Value, Option<String>)> = Vec::new();
        for _ in 0..8 {
            answers.push(try_one().await);
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][5].2.as_deref(), Some("32"));
}

async fn a_correct_password_resets_the_failures(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, MANY]).await;
    app.user("ann").await;
    for _ in 0..3 {
        for _ in 0..4 {
            log_in_from(&app, "", "ann", "not Ann's 1").await.expect(401);
        }
        app.log_in("ann").await.expect(200);
    }
}

async fn other_clients_do_not_lock_the_owner_out(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING, MANY_CALLS]).await;
    app.user("ann").await;
    log_in_from(&app, "2001:db8::1", "ann", &password_of("ann")).await.expect(200);
    let mut looked_at = 0;
    for round in 0..20 {
        let attacks = (0..50).map(|number| {
            let client = format!("198.51.{round}.{number}");
            let app = &app;
            async move { log_in_from(app, &client, "ann", "not Ann's 1").await.status }
        });
        looked_at += join_all(attacks).await.into_iter().filter(|status| *status == 401).count();
        app.advance(TimeDelta::seconds(5));
    }
    assert!(looked_at <= 7, "{looked_at} of 1000 passwords were checked in 100 s");
    // From a network from which she has signed in before, Ann can sign in immediately. From other networks, she must
    // wait.
    log_in_from(&app, "2001:db8::2", "ann", &password_of("ann")).await.expect(200);
    for number in 0..6 {
        log_in_from(&app, &format!("198.51.100.{number}"), "ann", "not Ann's 1").await;
    }
    let wait = limited(log_in_from(&app, "203.0.113.7", "ann", &password_of("ann")).await, "login-failures");
    assert!(wait <= 900, "{wait}");
    app.advance(TimeDelta::seconds(wait));
    log_in_from(&app, "203.0.113.7", "ann", &password_of("ann")).await.expect(200);
}

async fn a_reset_lets_the_owner_in_at_once(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[ON, TRUSTING, MANY_CALLS]).await;
    app.user("ann").await;
    let attack = async || {
        for number in 0..6 {
            log_in_from(&app, &format!("198.51.100.{number}"), "ann", "not Ann's 1").await;
        }
    };
    attack().await;
    limited(log_in_from(&app, "203.0.113.7", "ann", &password_of("ann")).await, "login-failures");
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    let body = json!({"token": app.reset_token("ann").await, "password": "another Harbour 9"});
    let reset = app.anonymous().post("/accounts/password-reset/confirm", body);
    reset.header("x-forwarded-for", "203.0.113.7").await.expect(200);
    // After the reset, Ann can sign in from the client that reset the password, even while the attack continues.
    attack().await;
    log_in_from(&app, "203.0.113.7", "ann", "another Harbour 9").await.expect(200);
}

async fn concurrent_wrong_passwords_cannot_bypass_the_limit(engine: Engine) {
    let settings = [ON, TRUSTING, MANY_CALLS];
    let app = TestApp::spawn_with(engine, &settings).await;
    app.user("ann").await;
    let attempts = (0..50).map(|number| {
        let app = &app;
        async move { log_in_from(app, &format!("198.51.100.{number}"), "ann", "not Ann's 1").await.status }
    });
    let statuses = join_all(attempts).await;
    // A 503 means that the password was not checked. It does not count as a failure, so the client may retry.
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!(looked_at <= 5, "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
}

async fn passwords_for_the_documentation_are_throttled_like_log_ins(engine: Engine) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let settings = [ON, ("DOCS_ACCESS", "authenticated"), ("RATE_LIMIT_LOGIN", "10/1m")];
    let app = TestApp::spawn_with(engine, &settings).await;
    app.user("ann").await;
    app.advance(TimeDelta::minutes(1));
    let open = async |password: &str| {
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{password}", email_of("ann"))));
        app.anonymous().get("/openapi.json").header("authorization", header).await
    };
    let first = open(&password_of("ann")).await.expect(200);
    assert_eq!(left(&first, "login"), 9);
    // The result of the first check is cached, so the password is neither hashed nor counted again.
    let again = open(&password_of("ann")).await.expect(200);
    assert!(!members(&again, "ratelimit").contains_key("login"), "{again}");
    for _ in 0..5 {
        open("not Ann's 1").await.expect(401);
    }
    assert_eq!(limited(open("not Ann's 1").await, "login-failures"), 32);
    for _ in 0..3 {
        open("not Ann's 1").await.expect(429);
    }
    limited(open("not Ann's 1").await, "login");
    limited(app.log_in("ann").await, "login");
}

async fn with_rate_limits_off_nothing_is_counted(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMIT_LOGIN", "1/1d")]).await;
    let ann = app.user("ann").await;
    for _ in 0..12 {
        assert_eq!(ann.get("/users/me/export").await.expect(200).header("ratelimit"), None);
        let refused = log_in_from(&app, "", "ann", "not Ann's 1").await.expect(401);
        assert_eq!((refused.header("ratelimit"), refused.header("ratelimit-policy")), (None, None));
    }
    app.log_in("ann").await.expect(200);
}

async fn the_document_declares_the_rate_limits_of_every_operation(_engine: Engine) {
    for (method, path, operation) in operations(document()) {
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.contains_key("429"), "{method} {path}");
        for (status, answer) in answers {
            let answer = resolved(document(), answer);
            for header in ["RateLimit", "RateLimit-Policy"] {
                assert!(!answer["headers"][header].is_null(), "{method} {path} {status}");
            }
        }
        assert!(
            !resolved(document(), &answers["429"])["headers"]["Retry-After"].is_null(),
            "{method} {path}"
        );
    }
}

async fn nodes_with_the_same_redis_share_the_limits(engine: Engine) {
    if TestRedis::is_skipped() {
        return;
    }
    let redis = TestRedis::start();
    let url = redis.url();
    let settings = [ON, ("REDIS_URL", url.as_str()), ("RATE_LIMIT_GLOBAL", "6/1m")];
    let app = TestApp::spawn_with(engine, &settings).await;
    let other = app.second_node().await;
    for remaining in [5, 3, 1] {
        assert_eq!(left(&app.anonymous().get("/genres").await.expect(200), "global"), remaining);
        assert_eq!(left(&other.anonymous().get("/genres").await.expect(200), "global"), remaining - 1);
    }
    for node in [&app, &other] {
        limited(node.anonymous().get("/genres").await, "global");
    }
    app.advance(TimeDelta::minutes(1));
    for _ in 0..3 {
        log_in_from(&app, "", "nobody", "a Password 1").await.expect(401);
    }
    for _ in 0..2 {
        log_in_from(&other, "", "nobody", "a Password 1").await.expect(401);
    }
    limited(log_in_from(&app, "", "nobody", "a Password 1").await, "login-failures");
}

async fn a_lost_redis_does_not_fail_any_request(engine: Engine) {
    if TestRedis::is_skipped() {
        return;
    }
    let redis = TestRedis::start();
    let url = redis.url();
    let app = TestApp::spawn_with(engine, &[ON, MANY, MANY_CALLS, ("REDIS_URL", url.as_str())]).await;
    let call = async || left(&app.anonymous().get("/genres").await.expect(200), "global");
    app.user("ann").await;
    let shared = call().await;
    redis.kill();
    assert_eq!(call().await, 99_999, "the node counts without Redis");
    join_all((0..50).map(|_| call())).await;
    app.log_in("ann").await.expect(200);
    app.log_in("nobody").await.expect(401);
    redis.restart();
    // The connection to Redis is restored automatically. Redis counts from zero again, so its counts are lower than the
    // counts that the node has reached meanwhile.
    let begun = std::time::Instant::now();
    while call().await != 99_999 {
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "the node did not reconnect to Redis");
    }
    assert!(shared < 99_999);
}
