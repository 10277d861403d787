//! Runs a real mail server: `scripts/mail_server.py` with aiosmtpd.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A mail that the server received, or a recipient that the server refused.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredMail {
    /// The recipient in the envelope.
    pub(crate) to: String,
    /// Headers and body of the mail; empty for a refused recipient.
    pub(crate) content: String,
    /// Whether the server accepts the mail. If not, it refuses the mail temporarily or the recipient permanently. Has
    /// no meaning for a held mail, which gets no reply.
    pub(crate) is_taken: bool,
    /// Whether the server holds the mail: it sends no reply, and waits until the sender closes the connection.
    pub(crate) is_held: bool,
}

impl DeliveredMail {
    fn read(line: &str) -> Self {
        let mail: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            to: text(&mail["to"][0]),
            content: text(&mail["content"]),
            is_taken: mail["is_taken"] == true,
            is_held: mail["is_held"] == true,
        }
    }

    pub(crate) fn message_id(&self) -> &str {
        let header = self.content.lines().find_map(|line| line.strip_prefix("Message-ID: "));
        header.expect("a Message-ID")
    }
}

/// A running mail server. Dropping this value stops the server.
pub(crate) struct MailServer {
    child: Child,
    port: u64,
    lines: UnboundedReceiver<String>,
    delivered: Vec<DeliveredMail>,
}

impl MailServer {
    /// Returns whether the mail server is unavailable, because `SKIP_MAIL=1` is set or because aiosmtpd is not
    /// installed (`scripts/setup.sh mail` installs it).
    #[expect(clippy::disallowed_methods, reason = "the environment selects the skipped parts of the suite")]
    pub(crate) fn is_missing() -> bool {
        std::env::var("SKIP_MAIL").is_ok_and(|value| value == "1") || python().is_none()
    }

    /// Starts a mail server. The arguments are passed to the script.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let python = python().expect("a Python with aiosmtpd");
        let script = root().join("scripts/mail_server.py");
        let mut command = Command::new(python);
        command.arg(script).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the mail server starts");
        let (told, lines) = unbounded_channel();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let port = output.next().expect("the port").parse().expect("a port number");
        std::thread::spawn(move || {
            for line in output {
                // Sending fails if the case has ended.
                let _ = told.send(line);
            }
        });
        Self { child, port, lines, delivered: Vec::new() }
    }

    /// Returns the settings with which a `cinema` server sends its mails to this mail server.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("MAILER", "smtp".to_owned()),
            ("SMTP_URL", format!("smtp://127.0.0.1:{}?tls=none", self.port)),
            ("MAIL_FROM", "no-reply@cinema.test".to_owned()),
        ]
    }

    /// Waits for the next mail or refused recipient.
    pub(crate) async fn next(&mut self) -> DeliveredMail {
        let mail = DeliveredMail::read(&self.lines.recv().await.expect("a running server"));
        self.delivered.push(mail.clone());
        mail
    }

    /// Stops the mail server. Returns all received mails and refused recipients, oldest first.
    pub(crate) async fn end(mut self) -> Vec<DeliveredMail> {
        self.child.kill().expect("a running server");
        // The pipe may still contain lines.
        while let Some(line) = self.lines.recv().await {
            self.delivered.push(DeliveredMail::read(&line));
        }
        std::mem::take(&mut self.delivered)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the path of a Python with aiosmtpd; `None` if there is none.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let has_it = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    PYTHON
        .get_or_init(|| [root().join(".tools/mail/bin/python"), "python3".into()].into_iter().find(has_it))
        .as_deref()
}
