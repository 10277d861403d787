//! What every test case uses: a separate server, its users, and responses, each of which is checked against general
//! rules when it is received.

mod actors;
mod answer;
mod app;
mod canaries;
mod case;
mod cinema;
mod clock;
mod contract;
mod engine;
mod fixtures;
mod logs;
mod mail_server;
mod mailer;
mod redaction;
mod tables;

pub(crate) use self::{
    actors::{Call, Caller, SignedIn, Tokens, email_of, jwt_part, password_of},
    answer::Answer,
    app::{Movies, SECRET, TestApp, all_stopped},
    canaries::{found_in, leaks},
    case::{Case, cases},
    cinema::Cinema,
    clock::MovableClock,
    contract::{document, operations, resolved},
    engine::Engine,
    fixtures::{facts, small_catalogue},
    logs::{capture_logs, captured_logs},
    mail_server::MailServer,
    mailer::RecordingMailer,
    redaction::{redacted, snapshot},
    tables::Cell,
};

/// Returns the runtime that all cases share. The servers of the cases run on it too.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime")
    })
}
