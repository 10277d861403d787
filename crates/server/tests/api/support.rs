//! What the test cases use: servers, their users, and their responses. A response that is received as an [`Answer`]
//! is checked against general rules.

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

/// Returns the runtime that all cases share. Tasks that the servers of the cases start run on it too, but their web
/// threads have their own runtimes.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime")
    })
}
