//! Invalid input: every answer has the documented form, and nothing is changed.

use serde_json::{Value, json};

use crate::support::{Engine, TestApp, cases};

cases! {
    all_invalid_fields_are_reported_together,
    a_body_that_is_no_json_is_malformed,
    a_body_that_is_no_object_has_the_wrong_type,
    a_body_of_another_type_is_unsupported,
    utf_8_is_accepted_as_the_charset,
    a_byte_order_mark_before_a_body_is_ignored,
    a_compressed_body_is_unsupported,
    a_too_long_password_is_refused_before_it_is_hashed,
    a_body_over_64_kib_is_too_large,
    a_repeated_key_is_reported,
    nul_is_refused_in_every_string,
    emoji_are_refused_or_accepted_but_cause_no_server_errors,
    an_email_of_300_characters_is_too_long,
    an_invalid_email_is_reported,
    a_wrong_type_is_named_for_every_field_of_account_bodies,
    an_unknown_field_is_reported_in_account_bodies,
    fifty_faults_are_reported_and_the_others_are_counted,
    headers_of_any_kind_do_not_stop_a_log_in,
    absurdly_long_or_meaningless_sorts_cause_no_server_errors,
    an_email_with_letters_of_any_script_is_refused_or_served,
}

/// The paths of operations on accounts, and the fields of their bodies.
const BODIES: [(&str, &[&str]); 8] = [
    ("/accounts/register", &["email", "password"]),
    ("/accounts/activate", &["token"]),
    ("/accounts/resend-activation", &["email"]),
    ("/accounts/login", &["email", "password"]),
    ("/accounts/refresh", &["refresh"]),
    ("/accounts/logout", &["refresh"]),
    ("/accounts/password-reset", &["email"]),
    ("/accounts/password-reset/confirm", &["token", "password"]),
];

async fn all_invalid_fields_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .post(
            "/accounts/register",
            json!({"email": "ann", "password": "short", "admin": true, "role": "admin"}),
        )
        .await
        .invalid(&[
            ("email", "invalid_format"),
            ("password", "too_short"),
            ("admin", "unknown"),
            ("role", "unknown"),
        ]);
    app.anonymous().post("/accounts/register", json!({"Email": "ann@example.com"})).await.invalid(&[
        ("email", "required"),
        ("password", "required"),
        ("Email", "unknown"),
    ]);
}

async fn a_body_that_is_no_json_is_malformed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let deep = "[".repeat(30_000);
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"{",
        b"{\"email\": }",
        b"{'email': 'ann@example.com'}",
        b"{\"email\": \"ann@example.com\",}",
        b"{} {}",
        b"email=ann%40example.com&password=Passw0rd1",
        b"\xff\xfe\x00",
        b"{\"email\": \"\xff\"}",
        b"{\"email\": \"\\ud800\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        app.anonymous()
            .call(reqwest::Method::POST, "/accounts/register")
            .body("application/json", body.to_vec())
            .await
            .problem(400, "malformed_request");
    }
}

async fn a_body_that_is_no_object_has_the_wrong_type(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for body in [json!([]), json!("ann"), json!(1), json!(true), json!(null), json!([{"email": "a@b.c"}])] {
        let answer = app.anonymous().post("/accounts/register", body).await.problem(422, "validation_failed");
        let body = answer.json();
        assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(body["errors"][0]["code"], "wrong_type", "{answer}");
    }
}

async fn a_body_of_another_type_is_unsupported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = json!({"email": "ann@example.com", "password": "Passw0rd1"}).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "application/json; charset=utf-16",
        "json",
    ] {
        app.anonymous()
            .call(reqwest::Method::POST, "/accounts/register")
            .body(kind, body.clone())
            .await
            .problem(415, "unsupported_media_type");
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

async fn utf_8_is_accepted_as_the_charset(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (name, kind) in [
        ("ann", "application/json; charset=utf-8"),
        ("bob", "Application/JSON;charset=UTF-8"),
        ("cleo", "application/json"),
    ] {
        let body = json!({"email": format!("{name}@example.com"), "password": "Passw0rd1"}).to_string();
        app.anonymous().call(reqwest::Method::POST, "/accounts/register").body(kind, body).await.expect(201);
    }
}

async fn a_byte_order_mark_before_a_body_is_ignored(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = format!("\u{feff}{}", json!({"email": "ann@example.com", "password": "Passw0rd1"}));
    let call = app.anonymous().call(reqwest::Method::POST, "/accounts/register");
    call.body("application/json", body).await.expect(201);
}

async fn a_compressed_body_is_unsupported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = json!({"email": "ann@example.com", "password": "Passw0rd1"});
    for encoding in ["gzip", "br", "deflate, gzip", "x"] {
        let call = app.anonymous().post("/accounts/register", body.clone());
        call.header("content-encoding", encoding).await.problem(415, "unsupported_media_type");
    }
    let call = app.anonymous().post("/accounts/register", body);
    call.header("content-encoding", "identity").await.expect(201);
}

async fn a_too_long_password_is_refused_before_it_is_hashed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = |length: usize| json!({"email": "ann@example.com", "password": "a1".repeat(length / 2)});
    for path in ["/accounts/register", "/accounts/login"] {
        app.anonymous().post(path, body(1_026)).await.invalid(&[("password", "too_long")]);
    }
    app.anonymous().post("/accounts/login", body(1_024)).await.problem(401, "invalid_credentials");
}

async fn a_body_over_64_kib_is_too_large(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = |length: usize| json!({"email": "ann@example.com", "password": "a1".repeat(length / 2)});
    for megabytes in [1, 10] {
        for path in ["/accounts/register", "/accounts/login"] {
            app.anonymous().post(path, body(megabytes * 1024 * 1024)).await.problem(413, "too_large");
        }
    }
    let at_most = body(60 * 1024);
    app.anonymous().post("/accounts/register", at_most).await.invalid(&[("password", "too_long")]);
    // A body that does not declare its length is limited as well.
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>("\"aaaaaaaaaaaaaaaaaaaa\"".repeat(100)));
    let unending = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    app.anonymous()
        .call(reqwest::Method::POST, "/accounts/login")
        .body("application/json", unending)
        .await
        .problem(413, "too_large");
    app.anonymous().get("/health/live").await.expect(200);
}

async fn a_repeated_key_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .call(reqwest::Method::POST, "/accounts/register")
        .body(
            "application/json",
            r#"{"email":"a@example.com","email":"b@example.com","password":"Passw0rd1"}"#,
        )
        .await
        .invalid(&[("email", "repeated")]);
}

async fn nul_is_refused_in_every_string(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (path, fields) in BODIES {
        for &field in fields {
            let mut body = sound_body(fields);
            let text = body[field].as_str().unwrap();
            body[field] = format!("{text}\0").into();
            let answer = app.anonymous().post(path, body).await;
            // A log-out may also succeed, because it need not report an invalid token.
            if path == "/accounts/logout" && answer.status == 200 {
                continue;
            }
            answer.invalid(&[(field, "invalid_format")]);
        }
    }
    for query in ["search=a%00b", "title=%00", "genre=%00", "sort=%00", "cursor=%00", "page=%00", "%00=1"] {
        app.anonymous().get(format!("/movies?{query}")).await.problem(422, "validation_failed");
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

async fn emoji_are_refused_or_accepted_but_cause_no_server_errors(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let emoji = "🎬👩‍👩‍👧‍👦\u{202e}\u{feff}";
    for (path, fields) in BODIES {
        for &field in fields {
            let mut body = sound_body(fields);
            let text = body[field].as_str().unwrap();
            body[field] = format!("{emoji}{text}").into();
            let answer = app.anonymous().post(path, body).await;
            assert!([200, 201, 202, 400, 401, 403, 422].contains(&answer.status), "{answer}");
        }
    }
    for query in ["search=%F0%9F%8E%AC", "title=%F0%9F%8E%AC"] {
        let answer = app.anonymous().get(format!("/movies?{query}")).await.expect(200);
        assert_eq!(answer.json()["items"], json!([]));
    }
    app.anonymous().get("/movies?search=%FF").await.invalid(&[("search", "invalid_format")]);
}

async fn an_email_of_300_characters_is_too_long(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let email = format!("{}@example.com", "a".repeat(288));
    assert_eq!(email.len(), 300);
    for path in ["/accounts/register", "/accounts/resend-activation"] {
        let body = match path {
            "/accounts/register" => json!({"email": email, "password": "Passw0rd1"}),
            _ => json!({"email": email}),
        };
        app.anonymous().post(path, body).await.invalid(&[("email", "too_long")]);
    }
    let answer =
        app.anonymous().post("/accounts/login", json!({"email": email, "password": "Passw0rd1"})).await;
    assert!(matches!(answer.status, 401 | 422), "{answer}");
}

async fn an_invalid_email_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for email in [
        "",
        " ",
        "ann",
        "ann@",
        "@example.com",
        "a b@example.com",
        "ann@@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "Ann <ann@example.com>",
        "ann@example.com,bob@example.com",
    ] {
        app.anonymous()
            .post("/accounts/register", json!({"email": email, "password": "Passw0rd1"}))
            .await
            .invalid(&[("email", "invalid_format")]);
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

fn sound_body(fields: &[&str]) -> Value {
    let value = |field: &str| match field {
        "email" => "ann@example.com",
        "password" => "Passw0rd1",
        _ => "a-token",
    };
    fields
        .iter()
        .map(|&field| (field.to_owned(), Value::from(value(field))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn a_wrong_type_is_named_for_every_field_of_account_bodies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (path, fields) in BODIES {
        for wrong in [json!(1), json!(1.5), json!(true), json!(null), json!(["x"]), json!({"a": "b"})] {
            let body: serde_json::Map<_, _> =
                fields.iter().map(|&field| (field.to_owned(), wrong.clone())).collect();
            let faults: Vec<_> = fields.iter().map(|&field| (field, "wrong_type")).collect();
            app.anonymous().post(path, body.into()).await.invalid(&faults);
        }
        let faults: Vec<_> = fields.iter().map(|&field| (field, "required")).collect();
        app.anonymous().post(path, json!({})).await.invalid(&faults);
    }
}

async fn an_unknown_field_is_reported_in_account_bodies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (path, fields) in BODIES {
        let mut body = sound_body(fields);
        body["is_active"] = true.into();
        app.anonymous().post(path, body).await.invalid(&[("is_active", "unknown")]);
        let query = app.anonymous().post(format!("{path}?debug=1"), sound_body(fields)).await;
        query.invalid(&[("debug", "unknown")]);
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

async fn fifty_faults_are_reported_and_the_others_are_counted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let keys: serde_json::Map<_, _> = (0..4_000).map(|n| (format!("key{n}"), json!(1))).collect();
    let body = Value::from(keys.clone());
    let query: Vec<_> = keys.keys().take(1_000).map(|key| format!("{key}=1")).collect();
    let query = query.join("&");
    // Registration has 4,002 errors: 4,000 unknown fields, and the missing `email` and `password`. The first 50 errors
    // are listed, and the last entry contains the number of the others.
    for (answer, more) in [
        (app.anonymous().post("/accounts/register", body.clone()).await, 3_952),
        (app.anonymous().get(format!("/movies?{query}")).await, 950),
        (app.anonymous().get(format!("/genres?{query}")).await, 950),
    ] {
        let answer = answer.problem(422, "validation_failed");
        assert!(answer.body.len() < 8_000, "{answer}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), 51, "{answer}");
        let last = errors.last().unwrap();
        assert_eq!((&last["field"], &last["code"]), (&json!(""), &json!("more")));
        assert!(last["message"].as_str().unwrap().starts_with(&format!("{more} ")), "{last}");
    }
}

async fn headers_of_any_kind_do_not_stop_a_log_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let long = "é🎬".repeat(1_000);
    let headers: [(&str, &[u8]); 8] = [
        ("user-agent", b""),
        ("user-agent", b"\xff\xfe"),
        ("user-agent", long.as_bytes()),
        ("x-forwarded-for", b"not an address"),
        ("x-forwarded-for", b"127.0.0.1, ::1, \xff"),
        ("forwarded", b"for=\"[::1\""),
        ("accept-language", b"*;q=x"),
        ("traceparent", b"00-zz-zz-00"),
    ];
    for (name, value) in headers {
        app.anonymous()
            .post("/accounts/login", json!({"email": ann.email, "password": ann.password}))
            .header(name, value)
            .await
            .expect(200);
    }
}

async fn absurdly_long_or_meaningless_sorts_cause_no_server_errors(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let endless = ["name,-name"; 300].join(",");
    for sort in ["name,name", "name,-name", "-year,year,-year", &endless] {
        let answer = app.anonymous().get(format!("/movies?page_size=5&sort={sort}")).await;
        if answer.status == 422 {
            let fault = answer.json()["errors"][0].clone();
            assert_eq!(fault["field"], "sort", "{answer}");
            continue;
        }
        let cursor = answer.expect(200).json()["next_cursor"].as_str().unwrap().to_owned();
        app.anonymous().get(format!("/movies?page_size=5&sort={sort}&cursor={cursor}")).await.expect(200);
    }
    let many = "&genre=0190a1b2-0000-7000-8000-000000000000".repeat(500);
    let answer = app.anonymous().get(format!("/movies?{many}")).await;
    assert!(matches!(answer.status, 200 | 422), "{answer}");
}

async fn an_email_with_letters_of_any_script_is_refused_or_served(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (index, email) in
        ["ünï@exämple.com", "用户@例子.广告", "a+b.c_d@sub.example.co", "\"quoted x\"@example.com"]
            .iter()
            .enumerate()
    {
        let body = json!({"email": email, "password": "Passw0rd1"});
        let answer = app.anonymous().post("/accounts/register", body.clone()).await;
        match answer.status {
            201 => app.anonymous().post("/accounts/login", body).await.problem(403, "account_inactive"),
            _ => answer.invalid(&[("email", "invalid_format")]),
        };
        app.run_outbox().await;
        assert!(app.mail_count() <= index + 1);
    }
}
