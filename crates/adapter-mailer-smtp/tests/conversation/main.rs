//! Tests of the mailer with a scripted mail server.
#![expect(clippy::unwrap_used, reason = "a failed setup must fail the test")]

mod encryption;
mod server;

use std::{sync::Arc, time::Duration};

use adapter_mailer_smtp::{Limits, SmtpError, SmtpMailer};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

use crate::server::{GREETING, HANG_UP, SILENCE, Script, Server};

const FROM: &str = "Cinema <no-reply@cinema.example>";

/// Limits whose times are long enough for a busy machine. Tests of time limits advance tokio's clock.
const LONG: Limits =
    Limits { connect: Duration::from_mins(5), total: Duration::from_mins(10), connections: 4 };

fn mailer(url: &str) -> SmtpMailer {
    SmtpMailer::new(url, FROM, LONG).unwrap()
}

fn mailer_to(server: &Server) -> SmtpMailer {
    mailer(&format!("smtp://127.0.0.1:{}", server.port()))
}

fn id(number: u32) -> OutboxId {
    format!("0190a1b2-0000-7000-8000-{number:012}").parse().unwrap()
}

fn mail_to(to: &str) -> Mail {
    Mail {
        to: to.parse().unwrap(),
        subject: "Activate your Cinema account".to_owned(),
        text: "Welcome.\n\nOpen https://cinema.example/activate?token=a.b\n.\n".to_owned(),
        html: Some("<p><a href=\"https://cinema.example/activate?token=a.b\">Grüße</a></p>\n".to_owned()),
        unsubscribe_url: None,
    }
}

fn mail() -> Mail {
    mail_to("ann@example.com")
}

async fn send(mailer: &SmtpMailer, number: u32) -> Result<(), SmtpError> {
    outcome(mailer, number, &mail()).await
}

async fn outcome(mailer: &SmtpMailer, number: u32, mail: &Mail) -> Result<(), SmtpError> {
    mailer.send(id(number), mail).await.map_err(|error| match error {
        MailError::Temporary(source) | MailError::Permanent(source) => *source.downcast().unwrap(),
    })
}

/// Advances tokio's clock. The server must not be sending anything during this call.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_mail_is_sent_with_a_text_and_an_html_part() {
    let server = Server::start(Script::default()).await;
    send(&mailer_to(&server), 7).await.unwrap();
    assert_eq!(
        server.heard(),
        [
            "1 EHLO cinema.example",
            "1 MAIL FROM:<no-reply@cinema.example>",
            "1 RCPT TO:<ann@example.com>",
            "1 DATA"
        ]
    );
    let received = server.mails().remove(0);
    assert!(
        !received.replace("\r\n", "").contains(['\r', '\n']),
        "every line must end with CR LF (RFC 5321)"
    );
    let (headers, body) = received.split_once("\r\n\r\n").unwrap();
    for header in [
        "Message-ID: <0190a1b2-0000-7000-8000-000000000007@cinema.example>",
        "From: Cinema <no-reply@cinema.example>",
        "To: ann@example.com",
        "Subject: Activate your Cinema account",
        "Date: Thu, 11 Jul 2024 12:08:35 +0000",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(headers.lines().any(|line| line == header), "{header} is not in {headers}");
    }
    let parts: Vec<_> = body.split("--part-0190a1b2-0000-7000-8000-000000000007").collect();
    let [_, text, html, end] = *parts else { panic!("{body}") };
    assert!(text.contains("Content-Type: text/plain; charset=utf-8"), "{text}");
    // The client must add a dot to a line with a single dot, which would otherwise end the mail (RFC 5321 section
    // 4.5.2).
    let expected = "\r\n\r\nWelcome.\r\n\r\nOpen https://cinema.example/activate?token=a.b\r\n..\r\n";
    assert!(text.contains(expected), "{text}");
    assert!(html.contains("Content-Type: text/html; charset=utf-8"), "{html}");
    let html = html.replace("=\r\n", "").replace("=3D", "=");
    assert!(html.contains("<a href=\"https://cinema.example/activate?token=a.b\">"), "{html}");
    assert_eq!(end.trim(), "--");
}

#[tokio::test]
async fn a_mail_that_is_sent_again_has_the_same_bytes() {
    let server = Server::start(Script::default()).await;
    send(&mailer_to(&server), 7).await.unwrap();
    send(&mailer_to(&server), 7).await.unwrap();
    send(&mailer_to(&server), 8).await.unwrap();
    let mails = server.mails();
    let [first, again, other] = &*mails else { panic!("{mails:?}") };
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn a_connection_is_reused_for_later_mails() {
    let server = Server::start(Script::default()).await;
    let mailer = mailer_to(&server);
    for number in 0..20 {
        send(&mailer, number).await.unwrap();
    }
    assert_eq!(server.mails().len(), 20);
    assert!(server.heard().iter().all(|line| line.starts_with("1 ")), "{:?}", server.heard());
}

#[tokio::test]
async fn many_mails_at_once_use_few_connections() {
    let server = Server::start(Script::default()).await;
    let mailer = Arc::new(mailer_to(&server));
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..40 {
        let mailer = mailer.clone();
        sending.spawn(async move { send(&mailer, number).await });
    }
    assert!(sending.join_all().await.iter().all(Result::is_ok));
    assert_eq!(server.mails().len(), 40);
    let greeted = server.heard().iter().filter(|line| line.contains("EHLO")).count();
    assert!((1..=4).contains(&greeted), "{greeted} connections");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let server = Server::start(Script { replies: &[("NOOP", HANG_UP)], ..Script::default() }).await;
    let mailer = mailer_to(&server);
    send(&mailer, 1).await.unwrap();
    send(&mailer, 2).await.unwrap();
    assert_eq!(server.mails().len(), 2);
    assert_eq!(server.heard()[4..6], ["1 NOOP", "2 EHLO cinema.example"]);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_reused() {
    let server = Server::start(Script::default()).await;
    let mailer = mailer_to(&server);
    send(&mailer, 1).await.unwrap();
    pass(Duration::from_secs(30)).await;
    send(&mailer, 2).await.unwrap();
    assert_eq!(server.heard()[4], "2 EHLO cinema.example");
}

#[tokio::test]
async fn user_and_password_are_sent_percent_decoded() {
    let server = Server::start(Script { offers: &["AUTH LOGIN PLAIN"], ..Script::default() }).await;
    let url = format!("smtp://ann%40cinema:p%3A%2F%23@127.0.0.1:{}", server.port());
    send(&mailer(&url), 1).await.unwrap();
    let plain = BASE64_STANDARD.encode("\0ann@cinema\0p:/#");
    assert_eq!(server.heard()[1], format!("1 AUTH PLAIN {plain}"));
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn auth_login_is_used_if_the_server_offers_only_that() {
    let server = Server::start(Script { offers: &["AUTH LOGIN"], ..Script::default() }).await;
    send(&mailer(&format!("smtp://ann:secret@127.0.0.1:{}", server.port())), 1).await.unwrap();
    let user = format!("1 {}", BASE64_STANDARD.encode("ann"));
    let password = format!("1 {}", BASE64_STANDARD.encode("secret"));
    assert_eq!(server.heard()[1..4], ["1 AUTH LOGIN".to_owned(), user, password]);
}

#[tokio::test]
async fn a_refused_login_reports_the_code_and_sends_no_mail() {
    let server = Server::start(Script {
        offers: &["AUTH PLAIN"],
        replies: &[("AUTH", "535 5.7.8 canary-user unknown")],
        ..Script::default()
    })
    .await;
    let url = format!("smtp://canary-user:canary-pass@127.0.0.1:{}", server.port());
    let mailer = mailer(&url);
    let error = send(&mailer, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "the mail server refused the login with 535");
    assert!(!format!("{error:?} {mailer:?}").contains("canary"));
    assert_eq!(server.mails().len(), 0);
}

#[tokio::test]
async fn a_refused_login_is_reported_even_if_the_server_does_not_answer_quit() {
    let server = Server::start(Script {
        offers: &["AUTH PLAIN"],
        replies: &[("AUTH", "535 no"), ("QUIT", SILENCE)],
        ..Script::default()
    })
    .await;
    let mailer = mailer(&format!("smtp://ann:wrong@127.0.0.1:{}", server.port()));
    assert_eq!(send(&mailer, 1).await, Err(SmtpError::LoginRefused(535)));
}

#[tokio::test]
async fn a_server_without_authentication_gets_no_password() {
    let server = Server::start(Script::default()).await;
    let error = send(&mailer(&format!("smtp://ann:secret@127.0.0.1:{}", server.port())), 1).await;
    assert_eq!(error, Err(SmtpError::NoLogin));
    assert_eq!(server.heard(), ["1 EHLO cinema.example", "1 QUIT"]);
}

#[tokio::test]
async fn a_refusal_at_any_step_reports_the_code_and_not_the_address() {
    for (step, reply) in [
        ("MAIL", "451 4.3.0 canary@example.com later"),
        ("RCPT", "550 5.1.1 <canary@example.com> unknown"),
        ("DATA", "554 5.7.1 canary@example.com"),
        (".", "552-5.3.4 canary@example.com\r\n552 too much"),
    ] {
        let replies: &'static [_] = Box::leak(Box::new([(step, reply)]));
        let server = Server::start(Script { replies, ..Script::default() }).await;
        let mailer = mailer_to(&server);
        let error = mailer.send(id(1), &mail_to("canary@example.com")).await.unwrap_err();
        let (is_permanent, source) = match &error {
            MailError::Permanent(source) => (true, source),
            MailError::Temporary(source) => (false, source),
        };
        assert_eq!(is_permanent, reply.starts_with('5'), "{step}");
        let shown = format!("{error} {error:?} {source}");
        assert!(shown.contains(&reply[..3]) && !shown.contains("canary"), "{step}: {shown}");
        send(&mailer, 2).await.unwrap();
        assert!(server.heard().iter().any(|line| line.starts_with("2 EHLO")), "{step}");
    }
}

#[tokio::test]
async fn a_refusal_in_place_of_the_greeting_is_reported_with_its_code() {
    let server = Server::start(Script { replies: &[(GREETING, "421 busy")], ..Script::default() }).await;
    assert_eq!(send(&mailer_to(&server), 1).await, Err(SmtpError::ConnectionRefused(421)));
}

#[tokio::test]
async fn an_unexpected_or_missing_reply_is_not_treated_as_acceptance() {
    for reply in ["354 go on", "canary", HANG_UP] {
        let replies: &'static [_] = Box::leak(Box::new([(".", reply)]));
        let server = Server::start(Script { replies, ..Script::default() }).await;
        assert_eq!(send(&mailer_to(&server), 1).await, Err(SmtpError::Broken), "{reply}");
    }
}

#[tokio::test]
async fn a_non_ascii_address_is_sent_only_to_a_server_that_supports_it() {
    let mail = mail_to("änn@example.com");
    let plain = Server::start(Script { offers: &["8BITMIME"], ..Script::default() }).await;
    assert_eq!(outcome(&mailer_to(&plain), 1, &mail).await, Err(SmtpError::AddressNotSupported));
    let modern = Server::start(Script { offers: &["8BITMIME", "SMTPUTF8"], ..Script::default() }).await;
    outcome(&mailer_to(&modern), 1, &mail).await.unwrap();
    assert_eq!(modern.heard()[2], "1 RCPT TO:<änn@example.com>");
}

#[tokio::test]
async fn a_missing_server_is_reported_without_waiting() {
    // Nothing listens on port 1 of this machine.
    let error = send(&mailer("smtp://127.0.0.1:1"), 1).await.unwrap_err();
    assert!(matches!(&error, SmtpError::Unreachable(text) if text.contains("refused")), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_greet_is_abandoned_after_five_seconds() {
    let server = Server::start(Script { replies: &[(GREETING, SILENCE)], ..Script::default() }).await;
    let mailer =
        SmtpMailer::new(&format!("smtp://127.0.0.1:{}", server.port()), FROM, Limits::default()).unwrap();
    let sending = tokio::spawn(async move { send(&mailer, 1).await });
    server.fell_silent().await;
    pass(Limits::default().connect).await;
    assert_eq!(sending.await.unwrap(), Err(SmtpError::TimedOut));
}

#[tokio::test]
async fn a_mail_that_timed_out_is_sent_again_unchanged_on_another_connection() {
    let server = Server::start(Script { replies: &[(".", SILENCE)], ..Script::default() }).await;
    let mailer = Arc::new(mailer_to(&server));
    let sender = mailer.clone();
    let sending = tokio::spawn(async move { send(&sender, 1).await });
    server.fell_silent().await;
    pass(LONG.total).await;
    assert_eq!(sending.await.unwrap(), Err(SmtpError::TimedOut));
    send(&mailer, 1).await.unwrap();
    let mails = server.mails();
    assert_eq!((mails.len(), &mails[0]), (2, &mails[1]));
    assert_eq!(server.heard()[4], "2 EHLO cinema.example");
}
