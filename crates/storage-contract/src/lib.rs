//! The contract of storage adapters: test cases that each adapter runs on its own database.
//!
//! An adapter's `tests/contract.rs` (with `harness = false`) implements [`Subject`] and calls [`run`]. Each
//! requirement of a storage port of `domain`, and each invariant of storage in docs/architecture.md, must have a case
//! whose name states it. Cases choose every identifier and time themselves, so they do not depend on the current
//! time. In the names of cases, a unit is a unit of work, which is one transaction.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "an unexpected result must fail the test"
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

/// The time limit of a case. Only a case that hangs reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A test case. Its name is the requirement that it checks.
struct Case {
    name: &'static str,
    run: fn(Node) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Defines a function `cases` that returns the listed cases of a module. If a case is not listed, the compiler reports
/// its function as unused.
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

/// Runs the cases that the arguments of the process select, by default all cases. An adapter's test calls this in its
/// `main` function. The arguments are those of the test programs of `cargo test`. `create` makes a new database for
/// each case; the database must be migrated and empty.
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
    // A multi-thread runtime, as in the server.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(async {
        let node = Node::first(create().await).await;
        let run = tokio::spawn((case.run)(node));
        match tokio::time::timeout(PATIENCE, run).await {
            Err(_) => Err(Failed::from("the case exceeded its time limit")),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Ok(Ok(())) => Ok(()),
        }
    })
}
