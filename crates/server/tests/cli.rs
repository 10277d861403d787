//! Tests of the `cinema` command, which is run as operators run it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports failures by panicking"
)]

#[path = "cli/imports.rs"]
mod imports;
#[path = "cli/media.rs"]
mod media;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use tempfile::TempDir;
use test_postgres::TestPostgres;

/// A working folder, in which the command creates a separate database.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), contents).unwrap();
    }

    /// Returns the permission bits of a file or folder.
    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path().join(name)).unwrap().permissions().mode() & 0o777
    }

    /// Returns the names of the entries of a subfolder with their contents. For an entry that is itself a folder, the
    /// contents are empty.
    fn contents(&self, name: &str) -> BTreeMap<OsString, Vec<u8>> {
        let files = fs::read_dir(self.path().join(name)).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name(), fs::read(file.path()).unwrap_or_default())).collect()
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.path()).unwrap().count() == 0
    }

    /// Runs SQL directly on the database in the folder.
    fn sql(&self, sql: &str) {
        let path = self.path().join("var/cinema.db");
        SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cinema"));
        command.args(words.split_whitespace()).current_dir(self.path()).env_clear().env("APP_PORT", "0");
        command
    }

    fn run(&self, words: &str) -> Done {
        Done(self.command(words).output().unwrap())
    }

    fn run_with(&self, words: &str, input: &str) -> Done {
        let mut command = self.command(words);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Writing may fail, since the command may end before it reads its input. This is not a failure of the test.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        Done(child.wait_with_output().unwrap())
    }
}

struct Done(Output);

impl Done {
    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.out(), self.err());
        self
    }

    /// Asserts that standard error has exactly one line, which begins with `cinema: ` and contains this text.
    #[track_caller]
    fn says(self, text: &str) -> Self {
        let said = self.err();
        assert!(said.contains(text), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with("cinema: "), "{said}");
        self
    }
}

/// Installs a TLS implementation, which an HTTP client needs even if it does not use TLS. An error means that one is
/// already installed.
fn let_clients_be_made() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[test]
fn a_reader_that_closes_the_pipe_is_not_an_error() {
    let folder = Folder::new();
    let mut child = folder
        .command("dev generate-movies 1000000")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"name\":"), "{line}");
    let done = Done(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(done.err(), "");
}

#[test]
fn generated_movies_are_all_imported() {
    let folder = Folder::new();
    let movies = folder.run("dev generate-movies 1200").exits(0).out();
    let done = folder.run_with("movies import -", &movies).exits(0);
    assert_eq!(done.out(), "1200 rows: 1200 added, 0 updated, 0 unchanged, 0 rejected\n");
}

#[test]
fn an_administrator_is_created_once_and_with_an_acceptable_password() {
    let folder = Folder::new();
    let create = "users create-admin --email root@example.com --password-stdin";
    // PowerShell may write a byte order mark before a text that it pipes.
    let marked = "users create-admin --email marked@example.com --password-stdin";
    folder.run_with(marked, "\u{feff}").exits(1).says("has no password");
    folder.run_with(create, "short\n").exits(1).says("choose another password");
    folder.run_with(create, "").exits(1).says("has no password");
    let made = folder.run_with(create, "G00d enough for this\nnot this line\n").exits(0);
    assert_eq!(made.out(), "root@example.com is an administrator and can sign in\n");
    folder
        .run_with(create, "G00d enough for this\n")
        .exits(1)
        .says("an account already has this email address");
    folder.run_with("users create-admin --email root@example.com", "").exits(2).says("--password-stdin");
}

#[test]
fn the_password_policy_can_be_strict() {
    let folder = Folder::new();
    folder.write("cinema.toml", "password_policy = \"strict\"\n");
    assert!(folder.run("config").exits(0).out().lines().any(|line| line == "PASSWORD_POLICY=strict"));
    let create = "users create-admin --email root@example.com --password-stdin";
    folder.run_with(create, "G00d enough 1\n").exits(1).says("at least 15 characters");
    folder.run_with(create, "only letters here\n").exits(0);
}

#[test]
fn migrations_can_be_checked_and_run() {
    let folder = Folder::new();
    folder.run("migrate --check").exits(1).says("run `cinema migrate` first");
    assert!(folder.is_empty(), "a check creates nothing");
    assert!(folder.run("migrate").exits(0).out().starts_with("migrated the database"));
    assert_eq!(folder.run("migrate").exits(0).out(), "the database is up to date\n");
    let before = folder.contents("var");
    assert_eq!(folder.run("migrate --check").exits(0).out(), "the database is up to date\n");
    folder.write("other.db", "");
    let mut other = folder.command("migrate --check");
    Done(other.env("DATABASE_URL", "sqlite://other.db").output().unwrap()).exits(1).says("behind");
    assert_eq!(folder.contents("var"), before, "a check writes nothing");
    assert_eq!(fs::read(folder.path().join("other.db")).unwrap(), b"", "a check writes nothing");
}

#[test]
fn an_unavailable_database_is_reported_once_and_without_its_password() {
    let folder = Folder::new();
    let mut command = folder.command("migrate");
    command.env("DATABASE_URL", "postgresql+psycopg://ann:canary@127.0.0.1:1/cinema");
    let done = Done(command.output().unwrap()).exits(1);
    let said = done.err();
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(said.matches("refused").count(), 1, "{said}");
    done.says("check DATABASE_URL and that it is running");
}

#[test]
fn invalid_settings_stop_every_command_with_one_line() {
    let folder = Folder::new();
    folder.write("cinema.toml", "app_prot = 1\n");
    folder.run("config").exits(1).says("app_prot is not a setting (in cinema.toml); did you mean app_port?");
    folder.write("cinema.toml", "currency = \"EUR\"\n");
    folder.write(".env", "CURRENCY=coins\n");
    folder.run("serve").exits(1).says("CURRENCY cannot be \"coins\"; allowed: an ISO 4217 code");
    folder.write(".env", "CURRENCY=JPY\nAPP_SECRET_KEY=canary\n");
    let shown = folder.run("config").exits(0).out();
    assert!(shown.contains("CURRENCY=JPY\n") && shown.contains("APP_SECRET_KEY=***\n"), "{shown}");
    assert!(!shown.contains("canary"));
    // In production, the error is one line of JSON.
    let prod = || {
        let done = Done(folder.command("serve").env("APP_ENV", "prod").output().unwrap()).exits(1);
        let line: serde_json::Value = serde_json::from_str(&done.err()).unwrap();
        line["message"].as_str().unwrap().to_owned()
    };
    let said = prod();
    assert!(said.starts_with("cinema: APP_SECRET_KEY has 6 bytes, too few for production"), "{said}");
    // All errors are reported in one line.
    folder.write("cinema.toml", "app_prot = 1\n");
    folder.write(".env", "CURRENCY=coins\nAPP_SECRET_KEY=canary\n");
    for fault in [
        "app_prot is not a setting",
        "CURRENCY cannot be",
        "APP_SECRET_KEY has 6 bytes",
        "PUBLIC_URL is missing",
    ] {
        assert!(prod().contains(fault), "{fault}");
    }
}

/// Valid settings for production with SQLite.
const PRODUCTION: [(&str, &str); 7] = [
    ("APP_ENV", "prod"),
    ("APP_SECRET_KEY", "kS0x3vJ8qWm2Zr7TnYp5LbQd9HfGc1Ua"),
    ("PUBLIC_URL", "https://cinema.example"),
    ("MAILER", "smtp"),
    ("SMTP_URL", "smtps://mail.example"),
    ("MAIL_FROM", "cinema@example.com"),
    ("ALLOW_SANDBOX", "true"),
];

#[test]
fn the_current_settings_are_shown_with_the_faults_for_production() {
    let folder = Folder::new();
    let config = |more: &[(&str, &str)]| {
        Done(folder.command("config").envs(more.iter().copied()).output().unwrap()).exits(0)
    };
    let good = config(&PRODUCTION);
    assert!(good.out().contains("PUBLIC_URL=https://cinema.example\nFRONTEND_URL=https://cinema.example\n"));
    assert_eq!(good.err(), "");
    let risky = config(&[&PRODUCTION[..], &[("RATE_LIMITS", "off")]].concat()).err();
    assert!(risky.starts_with("warning: RATE_LIMITS: nothing is limited"), "{risky}");
    let bad = config(&PRODUCTION[..2]).err();
    assert!(bad.starts_with("warning: `cinema serve` would not start: PUBLIC_URL is missing"), "{bad}");
    let shown =
        config(&[("DATABASE_URL", "postgres://h/c?user=ann@corp&password=hunter2&options=-c%20x=canary")])
            .out();
    assert!(
        shown.contains("DATABASE_URL=postgres://h/c?user=ann@corp&password=***&options=***\n"),
        "{shown}"
    );
}

/// Reads a JSON log up to the line that says where the server listens. Returns these lines, and the reader of the rest.
fn json_lines(
    child: &mut Child,
) -> (Vec<serde_json::Value>, std::io::Lines<BufReader<std::process::ChildStderr>>) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut read = Vec::new();
    loop {
        let line: serde_json::Value =
            serde_json::from_str(&lines.next().expect("a start line").unwrap()).unwrap();
        let is_last = line["message"].as_str().unwrap().starts_with("listening on http://127.0.0.1:");
        read.push(line);
        if is_last {
            return (read, lines);
        }
    }
}

#[test]
fn with_a_json_log_every_line_is_json_and_none_has_a_password() {
    let folder = Folder::new();
    let mut command = folder.command("serve");
    let mut child = command.env("LOG_FORMAT", "json").stderr(Stdio::piped()).spawn().unwrap();
    let (first, rest) = json_lines(&mut child);
    let password = fs::read_to_string(folder.path().join("var/dev-admin")).unwrap();
    let screen = first.iter().find(|line| line["administrator"] == "admin@cinema.example").unwrap();
    assert_eq!(screen["password_file"], "./var/dev-admin");
    assert!(screen["docs"].as_str().unwrap().ends_with("/docs"), "{screen}");
    signal(&child, "-TERM");
    let mut said = format!("{first:?}");
    for line in rest {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{line}");
        }
        said.push_str(&line.to_string());
    }
    assert_eq!(soon(&mut child), Some(0));
    assert!(said.contains("stopping after the running requests"), "{said}");
    assert!(!said.contains(password.trim()), "{said}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = folder.command("serve");
    let done = Done(command.env("LOG_FORMAT", "json").env("APP_PORT", &port).output().unwrap()).exits(1);
    let line: serde_json::Value = serde_json::from_str(&done.err()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().starts_with("cinema: cannot listen on"), "{line}");

    for (command, name) in [("serve", "APP_PORT"), ("worker", "OUTBOX_WORKERS")] {
        let mut command = folder.command(command);
        let done = Done(command.env("LOG_FORMAT", "json").env(name, "many").output().unwrap()).exits(1);
        let line: serde_json::Value = serde_json::from_str(&done.err()).unwrap();
        assert!(line["message"].as_str().unwrap().contains(name), "{line}");
    }
}

#[test]
fn a_development_administrator_in_a_production_database_is_reported() {
    let folder = Folder::new();
    let server = Server::start(&folder, "0");
    server.signal("-TERM");
    assert_eq!(server.end().1, Some(0));
    let start = || {
        let mut command = folder.command("serve");
        let mut child =
            command.envs(PRODUCTION).env("DRAIN_SECONDS", "0").stderr(Stdio::piped()).spawn().unwrap();
        let (lines, _rest) = json_lines(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        format!("{lines:?}")
    };
    let said = start();
    assert!(said.contains("the development administrator admin@cinema.example can sign in"), "{said}");
    folder.sql("UPDATE users SET is_active = 0");
    let said = start();
    assert!(!said.contains("the development administrator"), "{said}");
}

#[test]
fn a_stop_in_development_does_not_drain() {
    let folder = Folder::new();
    let mut command = folder.command("serve");
    let mut server = Server::run(command.stdout(Stdio::piped()));
    let begun = Instant::now();
    server.signal("-INT");
    assert_eq!(soon(&mut server.child), Some(0));
    // In other environments, the server would first drain for 5 s.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn symbolic_links_in_the_data_folder_are_not_followed() {
    for name in ["dev-secret-key", "dev-admin", "cinema.db"] {
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        fs::create_dir(folder.path().join("var")).unwrap();
        let target = elsewhere.path().join("target");
        std::os::unix::fs::symlink(&target, folder.path().join("var").join(name)).unwrap();
        folder.run("serve").exits(1).says(&format!("{name} is a link"));
        assert!(elsewhere.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_reported_in_one_line_with_advice() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let database = server.empty_database().await;
    database.execute("CREATE ROLE ann LOGIN").await;
    database
        .execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
        .await;
    let (place, name) = database.url().rsplit_once('/').unwrap();
    let anns = place.replace("postgres@", "ann@");
    let folder = Folder::new();
    for (url, says) in [
        (
            format!("{place}/latin"),
            "encoded in LATIN1, which cannot represent every name: make one with `createdb --encoding=UTF8",
        ),
        (format!("{anns}/{name}"), "ann may not create tables in the schema public: let the owner"),
    ] {
        for words in ["migrate", "serve"] {
            let done = Done(folder.command(words).env("DATABASE_URL", &url).output().unwrap()).exits(1);
            done.says(says);
        }
    }
    let mut command = folder.command("migrate");
    command.env("DATABASE_URL", format!("{place}/{name}")).env("DATABASE_POOL_SIZE", "999");
    let done = Done(command.output().unwrap()).exits(0);
    assert!(done.err().contains("the pool may open 999 connections"), "{}", done.err());
}

#[test]
fn an_invalid_value_of_a_setting_stops_a_command_before_anything_is_created() {
    let folder = Folder::new();
    for (name, bad, says) in [
        ("SMTP_URL", "http://ann:canary@mail", "SMTP_URL cannot be used ("),
        ("DATABASE_URL", "postgres://ann:canary@db:notaport/cinema", "DATABASE_URL cannot be used ("),
        ("REDIS_URL", "redis://ann:canary@", "REDIS_URL has a value that cannot be used"),
        ("PAYMENT_PROVIDER", "cash", "PAYMENT_PROVIDER cannot be \"cash\"; allowed: sandbox, stripe"),
        ("PAYMENT_PROVIDER", "stripe", "STRIPE_SECRET_KEY is missing, and PAYMENT_PROVIDER=stripe needs it"),
        ("METRICS_ADDR", "everywhere", "METRICS_ADDR cannot be \"everywhere\""),
    ] {
        for words in ["config", "serve"] {
            let settings =
                [("MAILER", "smtp"), ("MAIL_FROM", "cinema@example.com"), ("SMTP_URL", "smtp://mail")];
            let done = Done(folder.command(words).envs(settings).env(name, bad).output().unwrap()).exits(1);
            assert!(!done.err().contains("canary"), "{}", done.err());
            done.says(says);
            assert!(folder.is_empty(), "{name}");
        }
    }
}

#[test]
fn passwords_are_hidden_in_shown_settings() {
    let folder = Folder::new();
    let mut command = folder.command("config");
    command
        .env("DATABASE_URL", "postgres://cinema:can?ary@db/cinema")
        .env("REDIS_URL", "redis://:can%3Fary@cache");
    let shown = Done(command.output().unwrap()).exits(0).out();
    assert!(shown.contains("DATABASE_URL=postgres://cinema:***@db/cinema\n"), "{shown}");
    assert!(shown.contains("REDIS_URL=redis://:***@cache\n"), "{shown}");
    assert!(!shown.contains("ary"), "{shown}");
}

#[test]
fn a_setting_without_effect_is_reported_at_the_start() {
    let folder = Folder::new();
    let mut command = folder.command("serve");
    let server = Server::run(command.env("METRICS_ADDR", "127.0.0.1:9100").stdout(Stdio::piped()));
    let screen = server.screen.join("\n");
    assert!(screen.contains("this setting has no effect in this version"), "{screen}");
    assert!(screen.contains("METRICS_ADDR"), "{screen}");
}

#[test]
fn the_document_is_printed_without_a_database() {
    let folder = Folder::new();
    let document: serde_json::Value = serde_json::from_str(&folder.run("openapi").exits(0).out()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(folder.is_empty(), "nothing was created");
}

/// A process that runs until it is stopped.
struct Server {
    child: Child,
    /// The lines of standard error that were not read yet.
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
    /// The lines that the process printed on standard error before the line that says that it is ready.
    screen: Vec<String>,
    /// The URL of the server; empty for a worker.
    url: String,
}

impl Server {
    fn start(folder: &Folder, drain: &str) -> Self {
        Self::run(folder.command("serve").env("DRAIN_SECONDS", drain).stdout(Stdio::piped()))
    }

    /// Starts the process, and reads its standard error up to the line that says that it is ready (`listening on` or
    /// `working:`).
    fn run(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut screen = Vec::new();
        let url = loop {
            let line = lines.next().expect("a start line").unwrap();
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.to_owned();
            }
            if line.starts_with("working: ") {
                break String::new();
            }
            screen.push(line);
        };
        Self { child, lines, screen, url }
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Sends SIGTERM to the process, and waits until it prints that it is stopping.
    fn begin_stop(&mut self) {
        self.signal("-TERM");
        let said = self.lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("stopping")));
        assert!(said.is_some());
    }

    /// Reads standard output until the process ends. Returns the output and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (out, self.child.wait().unwrap().code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process is also killed if a test fails.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until a process ends, without reading its output. Returns its exit code. Panics if the process does not end
/// within 20 seconds.
fn soon(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("the process does not end");
        }
        std::thread::yield_now();
    }
}

/// Creates a pipe that is only read when a test reads its first end. It is open as long as the first end exists.
/// Writing to the second end blocks when the pipe is full.
fn unread_pipe() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

/// Fills the pipe completely.
fn fill(pipe: &UnixStream) {
    pipe.set_nonblocking(true).unwrap();
    for size in [4096, 1] {
        while (&*pipe).write(&vec![b' '; size]).is_ok() {}
    }
    pipe.set_nonblocking(false).unwrap();
}

fn end_of(pipe: &UnixStream) -> Stdio {
    Stdio::from(OwnedFd::from(pipe.try_clone().unwrap()))
}

async fn register(url: &str) {
    let_clients_be_made();
    let ann = serde_json::json!({"email": "ann@example.com", "password": "G00d enough for this"});
    let register = reqwest::Client::new().post(format!("{url}/api/v1/accounts/register")).json(&ann);
    assert_eq!(register.send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn the_first_start_prints_everything_that_a_developer_needs() {
    let folder = Folder::new();
    let server = Server::start(&folder, "0");
    let screen = server.screen.join("\n");
    assert!(screen.contains(&format!("{}/docs", server.url)), "{screen}");
    assert!(screen.contains("1000 movies loaded"), "{screen}");
    for (path, mode) in [
        ("var", 0o700),
        ("var/media", 0o700),
        ("var/cinema.db", 0o600),
        ("var/dev-admin", 0o600),
        ("var/dev-secret-key", 0o600),
    ] {
        assert_eq!(folder.mode(path), mode, "{path}");
    }
    let password = fs::read_to_string(folder.path().join("var/dev-admin")).unwrap();
    assert!(screen.contains(&format!("admin@cinema.example, password {password} ")), "{screen}");

    let_clients_be_made();
    let http = reqwest::Client::new();
    let login = serde_json::json!({"email": "admin@cinema.example", "password": password});
    let answer =
        http.post(format!("{}/api/v1/accounts/login", server.url)).json(&login).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    register(&server.url).await;

    server.signal("-TERM");
    let url = server.url.clone();
    let (out, code) = server.end();
    assert_eq!(code, Some(0));
    let mail: Vec<&str> = out.lines().collect();
    assert_eq!(
        mail.first().copied(),
        Some("To: ann@example.com"),
        "a mail in the outbox is sent before the end"
    );
    assert!(mail.get(1).unwrap().starts_with("Subject: "), "{out}");
    assert!(out.contains(&format!("\n{url}/activate?token=")), "{out}");

    let again = Server::start(&folder, "0");
    let screen = again.screen.join("\n");
    assert!(screen.contains(&password) && !screen.contains("movies loaded"), "{screen}");
    again.signal("-INT");
    assert_eq!(again.end().1, Some(0));
}

#[test]
fn a_background_job_seals_the_audit_log_and_a_changed_row_is_found() {
    let folder = Folder::new();
    let verified = |code| folder.run("audit verify").exits(code);
    let nothing = "0 rows in 0 seals are unchanged since they were sealed; 0 rows are not sealed yet\n";
    assert_eq!(verified(0).out(), nothing);
    folder
        .run_with("users create-admin --email root@example.com --password-stdin", "G00d enough for this\n")
        .exits(0);
    // Makes the row an hour older (in microseconds), because only rows that are older than ten minutes are sealed.
    folder.sql("UPDATE audit_log SET created_at = created_at - 3600000000");
    let server = Server::start(&folder, "0");
    server.signal("-TERM");
    assert_eq!(server.end().1, Some(0));
    let out = verified(0).out();
    let (summary, last) = out.split_once("\nlast seal: 1:").unwrap();
    assert_eq!(summary, "1 rows in 1 seals are unchanged since they were sealed; 1 rows are not sealed yet");
    let known = format!("audit verify --known 1:{last}");
    folder.run(&known).exits(0);
    folder.sql(
        "UPDATE audit_log SET action = 'registered' WHERE created_at = (SELECT min(created_at) FROM audit_log)",
    );
    let done = folder.run(&known).exits(1);
    assert!(done.err().ends_with("): a row of it, or the seal itself, was changed\n"), "{}", done.err());
    assert!(done.out().starts_with("0 rows in 0 seals "), "{}", done.out());
}

#[tokio::test]
async fn a_stop_is_announced_before_it_happens_and_a_second_signal_ends_the_process() {
    let folder = Folder::new();
    let mut server = Server::start(&folder, "600");
    let ready = format!("{}/health/ready", server.url);
    let_clients_be_made();
    assert_eq!(reqwest::get(&ready).await.unwrap().status(), 200);
    server.begin_stop();
    // Shortly after the server prints that it is stopping, it reports that it is not ready. It still handles other
    // requests.
    loop {
        let answer = reqwest::get(&ready).await.unwrap();
        if answer.status() == 503 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let movies = reqwest::get(format!("{}/api/v1/movies", server.url)).await.unwrap();
    assert_eq!(movies.status(), 200);
    server.signal("-TERM");
    assert_eq!(server.end().1, Some(1));
}

#[tokio::test]
async fn a_blocked_mail_output_does_not_delay_the_second_signal() {
    let folder = Folder::new();
    let (_reader, pipe) = unread_pipe();
    fill(&pipe);
    let mut command = folder.command("serve");
    let mut server = Server::run(command.env("DRAIN_SECONDS", "0").stdout(end_of(&pipe)));
    register(&server.url).await;
    server.begin_stop();
    // Waits until the server no longer accepts connections. From then on, the server waits only for the mail to be
    // written.
    let address = server.url.strip_prefix("http://").unwrap();
    while TcpStream::connect(address).is_ok() {}
    server.signal("-TERM");
    assert_eq!(soon(&mut server.child), Some(1));

    let mut command = folder.command("worker");
    let mut worker = Server::run(command.stdout(end_of(&pipe)));
    worker.begin_stop();
    worker.signal("-TERM");
    assert_eq!(soon(&mut worker.child), Some(1));
}

#[test]
fn a_stop_works_even_if_standard_error_is_not_read() {
    let folder = Folder::new();
    let (reader, pipe) = unread_pipe();
    let mut command = folder.command("serve");
    let mut child = command.env("DRAIN_SECONDS", "0").stderr(end_of(&pipe)).spawn().unwrap();
    let lines = BufReader::new(&reader).lines().map_while(Result::ok);
    assert!(lines.into_iter().any(|line| line.starts_with("listening on ")));
    fill(&pipe);
    signal(&child, "-TERM");
    assert_eq!(soon(&mut child), Some(0));
}

#[test]
fn a_port_in_use_is_named_in_the_error() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = Done(folder.command("serve").env("APP_PORT", &port).output().unwrap()).exits(1);
    done.says("stop what listens there, or set APP_HOST and APP_PORT");
}
