//! Tests of the gateway with a fake Stripe: the calls that it makes, how it interprets responses, and how it handles
//! failures.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod checkouts;
mod disputes;
mod faults;
mod lists;
mod refunds;
mod support;
mod webhooks;
