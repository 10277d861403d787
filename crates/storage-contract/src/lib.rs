//! The contract of storage adapters, as cases that each adapter's tests run.
//!
//! An adapter's `tests/contract.rs` (with `harness = false`) implements [`Subject`] and calls [`run`]. Each MUST of a
//! port of `domain`, and each invariant of storage in docs/architecture.md, is a case, whose name is the requirement. Cases choose
//! every identifier and time, and wait only for the database.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "cases are tests, which unexpected results must fail"
)]

mod access;
mod accounts;
mod audit;
mod audit_seals;
mod cancellation;
mod cart;
mod cart_view;
mod catalog;
mod catalog_names;
mod comment_reports;
mod disputes;
mod engagement;
mod facets;
mod filters;
mod fixtures;
mod idempotency;
mod known_devices;
mod library;
mod links;
mod moderation;
mod name_changes;
mod name_counts;
mod node;
mod notification_streams;
mod notifications;
mod order;
mod orders;
mod outbox;
mod outbox_queue;
mod paging;
mod parallel;
mod payments;
mod personal_data;
mod profiles;
mod purchases;
mod purge;
mod refund_requests;
mod refunds;
mod search;
mod sessions;
mod similar;
mod units;
mod users;
mod viewer;

use std::{pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use libtest_mimic::{Arguments, Failed, Trial};
pub use node::{Subject, begin_unit};

use crate::node::Node;

/// The time limit of a case, which only a hanging case reaches.
const PATIENCE: Duration = Duration::from_mins(2);

/// A requirement and its test.
struct Case {
    name: &'static str,
    run: fn(Node) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Lists the cases of a module. The compiler reports a case that is not listed as unused.
macro_rules! cases {
    ($area:literal: $($case:ident),+ $(,)?) => {
        pub(crate) fn cases() -> Vec<crate::Case> {
            vec![$(crate::Case {
                name: concat!($area, "::", stringify!($case)),
                run: |node| Box::pin($case(node)),
            }),+]
        }
    };
}
use cases;

fn all() -> Vec<Case> {
    [
        units::cases(),
        cancellation::cases(),
        access::cases(),
        accounts::cases(),
        users::cases(),
        links::cases(),
        profiles::cases(),
        known_devices::cases(),
        personal_data::cases(),
        audit::cases(),
        audit_seals::cases(),
        sessions::cases(),
        similar::cases(),
        purge::cases(),
        outbox::cases(),
        outbox_queue::cases(),
        catalog_names::cases(),
        catalog::cases(),
        moderation::cases(),
        name_changes::cases(),
        name_counts::cases(),
        comment_reports::cases(),
        engagement::cases(),
        facets::cases(),
        filters::cases(),
        search::cases(),
        order::cases(),
        paging::cases(),
        viewer::cases(),
        cart::cases(),
        cart_view::cases(),
        purchases::cases(),
        library::cases(),
        orders::cases(),
        payments::cases(),
        refunds::cases(),
        refund_requests::cases(),
        disputes::cases(),
        idempotency::cases(),
        notifications::cases(),
        notification_streams::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs every case, each on an empty database from `create`, with the options of `cargo test`; called by `main`.
pub fn run<F, Fut>(create: F) -> ExitCode
where
    F: Fn() -> Fut + Copy + Send + 'static,
    Fut: Future<Output = Arc<dyn Subject>>,
{
    let trials = all().into_iter().map(|case| Trial::test(case.name, move || check(&case, create))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check<F, Fut>(case: &Case, create: F) -> Result<(), Failed>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Subject>>,
{
    // As in the server, connections are driven by a multi-thread runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(async {
        let node = Node::first(create().await).await;
        let run = tokio::spawn((case.run)(node));
        match tokio::time::timeout(PATIENCE, run).await {
            Err(_) => Err(Failed::from("it hangs")),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Ok(Ok(())) => Ok(()),
        }
    })
}
