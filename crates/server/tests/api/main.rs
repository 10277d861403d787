//! The API over a real socket, each case on both databases.
//!
//! `cargo test -p server --test api` runs all, `… --test api -- sqlite::cart` a part. A case is an async function that
//! spawns a [`support::TestApp`]; it stands in its module's `cases!` table.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect stops and says so"
)]

mod accounts;
mod authorization;
mod bad_input;
mod cart;
mod catalog;
mod crash;
mod docs;
mod health;
mod logs;
mod manners;
mod openapi;
mod overload;
mod pages;
mod secrets;
mod story;
mod support;
mod tokens;

use libtest_mimic::Arguments;

fn main() {
    support::capture_logs();
    let modules = [
        accounts::cases(),
        authorization::cases(),
        bad_input::cases(),
        cart::cases(),
        catalog::cases(),
        crash::cases(),
        docs::cases(),
        health::cases(),
        logs::cases(),
        manners::cases(),
        openapi::cases(),
        overload::cases(),
        pages::cases(),
        secrets::cases(),
        story::cases(),
        tokens::cases(),
    ];
    let trials = modules.into_iter().flatten().flat_map(support::Case::trials).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
