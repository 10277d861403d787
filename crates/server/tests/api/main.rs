//! Tests of the API over a real socket. Each test is a case that runs with both databases, unless its entry in `cases!`
//! names one of them.
//!
//! `cargo test -p server --test api` runs all cases; `… --test api -- sqlite::cart` runs some. A case is an async
//! function that starts a server ([`support::TestApp`]) and is listed in its module's `cases!` table. After all cases,
//! everything that was logged is searched for every secret that was sent or received ([`support::leaks`]).
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "an unexpected result must fail the test"
)]

mod accounts;
mod audit;
mod audit_seals;
mod authority;
mod authorization;
mod bad_input;
mod cart;
mod catalog;
mod crash;
mod docs;
mod engagement;
mod every_answer;
mod given_back;
mod health;
mod library;
mod logs;
mod lost_races;
mod mails;
mod notifications;
mod openapi;
mod orders;
mod overload;
mod pages;
mod secrets;
mod slow_clients;
mod story;
mod support;
mod throttling;
mod tokens;
mod unasked_bodies;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    support::capture_logs();
    // The HTTP clients of the cases need a TLS implementation, although they do not use TLS. An error means that one is
    // already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let modules = [
        accounts::cases(),
        audit::cases(),
        audit_seals::cases(),
        authority::cases(),
        authorization::cases(),
        bad_input::cases(),
        cart::cases(),
        catalog::cases(),
        crash::cases(),
        docs::cases(),
        engagement::cases(),
        every_answer::cases(),
        given_back::cases(),
        health::cases(),
        library::cases(),
        logs::cases(),
        lost_races::cases(),
        mails::cases(),
        notifications::cases(),
        openapi::cases(),
        orders::cases(),
        overload::cases(),
        pages::cases(),
        secrets::cases(),
        slow_clients::cases(),
        story::cases(),
        throttling::cases(),
        tokens::cases(),
        unasked_bodies::cases(),
    ];
    let trials = modules.into_iter().flatten().flat_map(support::Case::trials).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    support::all_stopped();
    let leaks = support::leaks();
    if leaks.is_empty() {
        return conclusion.exit_code();
    }
    eprintln!("Secrets were found in {} log lines:", leaks.len());
    leaks.iter().take(20).for_each(|leak| eprintln!("{leak}"));
    ExitCode::FAILURE
}
