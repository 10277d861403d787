//! Sending mails over SMTP to a real mail server. No mail is lost when the sending process is killed. Some mails are
//! sent twice, but with the same message identifier, so that receivers can recognize the repetition.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Engine, MailServer, TestApp, cases, email_of, password_of};

cases! {
    a_thousand_mails_survive_kills_in_the_middle_of_sending: with_a_mail_server,
    a_temporarily_refused_mail_is_retried_for_two_days: with_a_mail_server,
    a_permanently_refused_mail_is_sent_once: with_a_mail_server,
    a_host_that_hangs_delays_only_its_own_mails: with_a_mail_server,
    every_attempt_to_send_a_mail_to_a_slow_server_is_counted,
}

/// Starts a node in this process that shares the database of `app` and sends its mails to this mail server.
async fn node_of(app: &TestApp, mail_server: &MailServer) -> TestApp {
    let settings = mail_server.settings();
    app.node_with(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

async fn a_thousand_mails_survive_kills_in_the_middle_of_sending(engine: Engine) {
    const ACCOUNTS: usize = 1_000;
    let app = TestApp::spawn(engine).await;
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("user{number}")).collect();
    app.add_waiting_accounts(&names).await;
    let resend = |name: String| {
        let app = &app;
        async move { app.resend(&name).await }
    };
    let mut requests = stream::iter(names.clone()).map(resend).buffer_unordered(8);
    while let Some(answer) = requests.next().await {
        answer.expect(200);
    }

    // The mail server receives the 1st, the 150th, the 500th and the 850th mail that is sent to it, but does not
    // confirm them. The process that sent such a mail is killed, so it never learns that the mail was received.
    let holds = ["1", "150", "500", "850"];
    let mut mail_server = MailServer::start(&[&["--hold"], &holds[..]].concat());
    for _ in holds {
        let cinema = app.cinema().with(mail_server.settings()).serve();
        while !mail_server.next().await.is_held {}
        cinema.kill();
    }
    // Mails that the killed processes were sending can be sent again when the leases of these processes have expired.
    app.advance(TimeDelta::minutes(2));
    node_of(&app, &mail_server).await.run_outbox().await;

    let mails = mail_server.end().await;
    let mut by_recipient: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for mail in &mails {
        by_recipient.entry(&mail.to).or_default().insert((mail.message_id(), &mail.content));
    }
    let recipients: BTreeSet<String> = by_recipient.keys().map(ToString::to_string).collect();
    assert_eq!(recipients, names.iter().map(|name| email_of(name)).collect());
    for (to, mails) in by_recipient {
        assert_eq!(mails.len(), 1, "{to} got different mails: {mails:?}");
    }
    // Each kill may interrupt up to twelve deliveries of the process: one delivery of each of its four workers, and up
    // to eight slow deliveries in the background. An interrupted delivery is repeated.
    let again = mails.len() - ACCOUNTS;
    assert!((holds.len()..=holds.len() * 12).contains(&again), "{again} mails were sent twice");
}

async fn a_temporarily_refused_mail_is_retried_for_two_days(engine: Engine) {
    for (refused, arrives) in [("40", true), ("1000", false)] {
        let mail_server = MailServer::start(&["--refuse", refused]);
        let app = TestApp::spawn(engine).await;
        let node = node_of(&app, &mail_server).await;
        app.register("ann").await.expect(201);
        for _ in 0..60 {
            node.run_outbox().await;
            app.advance(TimeDelta::hours(1));
        }
        let mails = mail_server.end().await;
        let expected = if arrives { 41..=41 } else { 48..=60 };
        assert!(expected.contains(&mails.len()), "{} attempts", mails.len());
        assert_eq!(mails.iter().filter(|mail| mail.is_taken).count(), usize::from(arrives));
        let contents: BTreeSet<_> = mails.iter().map(|mail| (mail.message_id(), &mail.content)).collect();
        assert_eq!(contents.len(), 1);
    }
}

/// Registers an account whose email address is at this host.
async fn register_at(app: &TestApp, name: &str, host: &str) {
    let body = json!({"email": format!("{name}@{host}"), "password": password_of(name)});
    app.anonymous().post("/accounts/register", body).await.expect(201);
}

async fn a_permanently_refused_mail_is_sent_once(engine: Engine) {
    let mail_server = MailServer::start(&["--reject", "gone.example"]);
    let app = TestApp::spawn(engine).await;
    let node = node_of(&app, &mail_server).await;
    register_at(&app, "ann", "gone.example").await;
    for _ in 0..10 {
        node.run_outbox().await;
        app.advance(TimeDelta::hours(6));
    }
    assert_eq!(mail_server.end().await.len(), 1);
    // The failed message is kept for operators, with the reason but without the email address.
    let cells = app.stored_texts().await;
    let outbox = |column| cells.iter().find(|cell| cell.table == "outbox" && cell.column == column);
    assert!(outbox("dead_at").is_some_and(|cell| !cell.text.is_empty()));
    let reason = "the mail was refused: the mail server refused the mail with 550";
    assert_eq!(outbox("last_error").map(|cell| &*cell.text), Some(reason));
}

async fn a_host_that_hangs_delays_only_its_own_mails(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for number in 0..40 {
        register_at(&app, &format!("user{number}"), "slow.example").await;
    }
    app.register("ann").await.expect(201);
    let mut mail_server = MailServer::start(&["--hang", "slow.example"]);
    let cinema = app.cinema().with(mail_server.settings()).serve();
    // Each of the 40 other mails takes 10 s. In total, they take 400 s with one worker and 100 s with four workers.
    // Ann's mail must not wait for them.
    let mail = timeout(Duration::from_secs(45), mail_server.next()).await.expect("Ann's mail is not delayed");
    assert_eq!(mail.to, email_of("ann"));
    cinema.kill();
}

async fn every_attempt_to_send_a_mail_to_a_slow_server_is_counted(engine: Engine) {
    const MAILS: usize = 30;
    let app = TestApp::spawn(engine).await;
    for number in 0..MAILS {
        app.register(&format!("user{number}")).await.expect(201);
    }
    app.refuse_mails_after(TimeDelta::seconds(10));
    let counted = async || {
        let cells = app.stored_texts().await.into_iter();
        let counts = cells.filter(|cell| cell.table == "outbox" && cell.column == "attempts");
        counts.map(|cell| cell.text.parse::<usize>().unwrap()).collect::<Vec<_>>()
    };
    app.run_outbox().await;
    assert_eq!(counted().await.iter().sum::<usize>(), app.mail_count());
    for _ in 0..60 {
        app.advance(TimeDelta::hours(1));
        app.run_outbox().await;
    }
    assert_eq!(counted().await.iter().sum::<usize>(), app.mail_count());
    assert!(app.mail_count() > 12 * MAILS);
    let count = app.mail_count();
    app.advance(TimeDelta::days(7));
    app.run_outbox().await;
    assert_eq!(app.mail_count(), count, "no mail is tried again");
}
