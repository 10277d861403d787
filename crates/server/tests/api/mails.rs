//! Mails over SMTP to a real mail server (issue 3, "Real mail"): whatever happens to who sends them, none is lost, and one
//! that comes again is known as the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};

use crate::support::{DeliveredMail, Engine, MailServer, TestApp, cases, email_of};

cases! {
    a_thousand_mails_survive_kills_in_the_middle_of_sending: with_a_mail_server,
    a_mail_that_is_sent_away_is_tried_twelve_times: with_a_mail_server,
    of_many_mails_to_a_slow_server_each_is_counted_as_often_as_it_is_sent,
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
    let mut wishes = stream::iter(names.clone()).map(resend).buffer_unordered(8);
    while let Some(answer) = wishes.next().await {
        answer.expect(200);
    }

    // Each time the server has taken a mail, and who sent it does not know yet.
    let holds = ["1", "150", "500", "850"];
    let mut mail_server = MailServer::start(&[&["--hold"], &holds[..]].concat());
    for _ in holds {
        let cinema = app.cinema().with(mail_server.settings()).serve();
        while !mail_server.next().await.is_held {}
        cinema.kill();
    }
    // What the killed processes had claimed is free after its lease.
    app.advance(TimeDelta::minutes(2));
    let settings = mail_server.settings();
    let node = app.node_with(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    node.run_outbox().await;

    let mails = mail_server.end().await;
    let mut letters: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for mail in &mails {
        letters.entry(&mail.to).or_default().insert((mail.message_id(), &mail.content));
    }
    let addressees: BTreeSet<String> = letters.keys().map(ToString::to_string).collect();
    assert_eq!(addressees, names.iter().map(|name| email_of(name)).collect());
    for (to, letters) in letters {
        assert_eq!(letters.len(), 1, "{to} got different mails: {letters:?}");
    }
    assert_eq!(mails.len(), ACCOUNTS + holds.len(), "but for what was in the air, every mail is sent once");
}

async fn a_mail_that_is_sent_away_is_tried_twelve_times(engine: Engine) {
    for (refused, arrives) in [("11", true), ("12", false)] {
        let mail_server = MailServer::start(&["--refuse", refused]);
        let app = TestApp::spawn(engine).await;
        let settings = mail_server.settings();
        let node = app.node_with(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
        app.register("ann").await.expect(201);
        for tries in 0..12 {
            node.run_outbox().await;
            // Not before its time: a second, doubled each time.
            app.advance(TimeDelta::milliseconds((1 << tries) * 1_000 - 1));
            node.run_outbox().await;
            app.advance(TimeDelta::milliseconds(1));
        }
        app.advance(TimeDelta::days(2));
        node.run_outbox().await;
        let mails = mail_server.end().await;
        assert_eq!(mails.len(), 12);
        assert_eq!(mails.iter().filter(|mail| mail.is_taken).count(), usize::from(arrives));
        let ids: BTreeSet<_> = mails.iter().map(DeliveredMail::message_id).collect();
        assert_eq!(ids.len(), 1);
    }
}

async fn of_many_mails_to_a_slow_server_each_is_counted_as_often_as_it_is_sent(engine: Engine) {
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
    for _ in 0..12 {
        app.advance(TimeDelta::hours(1));
        app.run_outbox().await;
    }
    assert_eq!(counted().await, [12; MAILS]);
    assert_eq!(app.mail_count(), 12 * MAILS);
}
