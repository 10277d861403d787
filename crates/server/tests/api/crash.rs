//! A killed process and a full disk. A call with a successful answer has taken full effect, a refused call has had no
//! effect, and a call without an answer has had either its full effect or none.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::support::{Engine, TestApp, cases, email_of, password_of};

cases! {
    registrations_that_were_answered_survive_a_kill_with_their_mails,
    a_killed_import_is_consistent_and_can_be_repeated,
    an_interrupted_import_reports_its_progress_and_can_be_repeated,
    with_a_full_disk_writes_are_unavailable_and_nothing_is_lost: on_sqlite_only,
}

/// Returns the tokens of the activation links in the printed mails to a user.
fn printed_tokens(printed: &str, name: &str) -> Vec<String> {
    let to = format!("To: {}\n", email_of(name));
    printed
        .replace('\r', "")
        .split(&to)
        .skip(1)
        .filter_map(|rest| {
            rest.split_once("/activate?token=")?.1.split_whitespace().next().map(str::to_owned)
        })
        .collect()
}

async fn registrations_that_were_answered_survive_a_kill_with_their_mails(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let cinema = app.cinema().serve();
    let visitor = app.visitor_at(cinema.url());
    let mut registrations = stream::iter(0..200)
        .map(move |n| {
            let name = format!("user{n}");
            let body = json!({"email": email_of(&name), "password": password_of(&name)});
            let call = visitor.post("/accounts/register", body);
            async move { (name, call.attempt().await) }
        })
        .buffer_unordered(4);
    let (mut begun, mut answered) = (BTreeSet::new(), BTreeSet::new());
    let (mut cinema, mut printed) = (Some(cinema), String::new());
    while let Some((name, answer)) = registrations.next().await {
        begun.insert(name.clone());
        if answer.is_some_and(|answer| answer.status == 201) {
            answered.insert(name);
        }
        if answered.len() < 8 {
            continue;
        }
        match cinema.take() {
            Some(cinema) => printed = cinema.kill(),
            // The server may have executed the calls that were running when it was killed, at most four. The loop
            // continues until four calls have failed, so that these calls are checked too.
            None if begun.len() >= answered.len() + 4 => break,
            None => {}
        }
    }
    assert!(answered.len() >= 8);

    // Mails that the killed process was sending can be sent again when the lease of that process has expired.
    app.advance(TimeDelta::minutes(2));
    app.run_outbox().await;
    for name in begun {
        let answer = app.log_in(&name).await;
        if answer.status == 401 {
            assert!(!answered.contains(&name), "{name} got the answer of a successful registration");
            continue;
        }
        answer.problem(403, "account_inactive");
        let mut tokens = printed_tokens(&printed, &name);
        tokens.extend(app.tokens_mailed_to(&name));
        assert!(!tokens.is_empty(), "{name} exists but got no mail");
        let mut activated = 0;
        for token in tokens.iter().collect::<BTreeSet<_>>() {
            activated += i32::from(app.activate(token).await.status == 200);
        }
        assert_eq!(activated, 1, "{name}");
        app.log_in(&name).await.expect(200);
    }
}

async fn a_killed_import_is_consistent_and_can_be_repeated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let rows = (0..2_000).map(|n| {
        json!({
            "name": format!("Part {n}"), "year": 1950 + n % 70, "duration_minutes": 100, "imdb": 7.5, "votes": n,
            "price": {"amount": "9.99", "currency": "USD"}, "certification": "R",
            "genres": ["Drama", format!("Genre {}", n % 7)], "directors": [format!("Director {}", n % 100)],
            "stars": [format!("Star {n}"), format!("Star {}", n + 1)],
        })
        .to_string()
    });
    let file = app.write_file("movies.jsonl", &rows.collect::<Vec<_>>().join("\n"));
    let words = ["movies", "import", file.to_str().unwrap()];
    let visitor = app.anonymous();
    let total = async || visitor.get("/movies").await.expect(200).json()["total_items"].as_i64().unwrap();

    let import = app.cinema().begin(&words);
    while total().await == 0 {}
    import.kill();
    let imported = total().await;
    assert!((1..=2_000).contains(&imported));
    // A slow batch makes the next ones smaller, down to 250 rows.
    assert_eq!(imported % 250, 0, "a batch is imported completely or not at all");
    let mut list = visitor.get("/movies?page_size=100").await.expect(200).json();
    loop {
        for movie in list["items"].as_array().unwrap() {
            assert_eq!(movie["genres"].as_array().unwrap().len(), 2, "{movie}");
        }
        let Some(cursor) = list["next_cursor"].as_str() else { break };
        list = visitor.get(format!("/movies?page_size=100&cursor={cursor}")).await.expect(200).json();
    }

    for _ in 0..2 {
        let (has_succeeded, said) = app.cinema().run(&words);
        assert!(has_succeeded, "{said}");
        assert_eq!(total().await, 2_000);
    }
    let found = visitor.get("/movies?title=Part%201999").await.expect(200).json();
    let page = visitor.get(format!("/movies/{}", found["items"][0]["id"].as_str().unwrap())).await.json();
    assert_eq!(
        page["stars"],
        json!([
            {"id": page["stars"][0]["id"], "name": "Star 1999"},
            {"id": page["stars"][1]["id"], "name": "Star 2000"},
        ])
    );
}

async fn an_interrupted_import_reports_its_progress_and_can_be_repeated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    // The first batch has 1,000 rows. The failing row is in the second batch. On SQLite, the import stops there. On
    // PostgreSQL, a batch has at most 1,000 rows, and the third batch is imported at the same time as the second. The
    // third batch is therefore stored too.
    let rows = 3_500;
    let kept = match engine {
        Engine::Sqlite => 1_000,
        Engine::Postgres => 2_000,
    };
    let failing = "Part 1500";
    let row = |n| format!("Part {n},2000,90,7.5,10,9.99\n");
    let rows_text: String = (0..rows).map(row).collect();
    let file =
        app.write_file("movies.csv", &format!("name,year,duration_minutes,imdb,votes,price\n{rows_text}"));
    let words = ["movies", "import", file.to_str().unwrap()];
    let visitor = app.anonymous();
    let total = async || visitor.get("/movies").await.expect(200).json()["total_items"].as_i64().unwrap();
    let (trap, untrap) = match engine {
        Engine::Sqlite => (
            format!(
                "CREATE TRIGGER ends BEFORE INSERT ON movies WHEN NEW.name = '{failing}' \
                 BEGIN SELECT RAISE(ABORT, 'end'); END"
            ),
            "DROP TRIGGER ends",
        ),
        Engine::Postgres => (
            format!("ALTER TABLE movies ADD CONSTRAINT ends CHECK (name <> '{failing}')"),
            "ALTER TABLE movies DROP CONSTRAINT ends",
        ),
    };
    app.execute_sql(&trap).await;
    let (has_succeeded, said) = app.cinema().run(&words);
    assert!(!has_succeeded, "{said}");
    let counts = format!("({kept} rows: {kept} added, 0 updated, 0 unchanged, 0 rejected): run it again");
    assert!(said.contains("stopped: ") && said.contains(&counts), "{said}");
    assert_eq!(total().await, kept);
    app.execute_sql(untrap).await;
    let (has_succeeded, said) = app.cinema().run(&words);
    assert!(has_succeeded, "{said}");
    assert_eq!(total().await, rows);
}

async fn with_a_full_disk_writes_are_unavailable_and_nothing_is_lost(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let cinema = app.cinema().serve_with_files_up_to(app.largest_file() + 100 * 1024);
    let visitor = app.visitor_at(cinema.url());
    let register = |name: &str| {
        visitor.post("/accounts/register", json!({"email": email_of(name), "password": password_of(name)}))
    };
    let mut answered = Vec::new();
    let fill = async |answered: &mut Vec<String>| loop {
        let name = format!("user{}", answered.len());
        let answer = register(&name).await;
        if answer.status != 201 {
            break answer.problem(503, "unavailable");
        }
        answered.push(name);
        assert!(answered.len() < 200, "the disk should be full by now");
    };
    assert!(fill(&mut answered).await.header("retry-after").is_some());
    // The server continues to answer calls that need no space, and continues to refuse the others with 503. A few more
    // registrations may succeed, because a checkpoint of the database's log may free some space.
    visitor.get("/health/live").await.expect(200);
    assert_eq!(visitor.get("/movies").await.expect(200).json()["total_items"], 12);
    fill(&mut answered).await;
    cinema.kill();

    for name in &answered {
        app.log_in(name).await.problem(403, "account_inactive");
    }
    let refused = format!("user{}", answered.len());
    app.log_in(&refused).await.problem(401, "invalid_credentials");
    app.register(&refused).await.expect(201);
}
