//! The gateway against a fake Stripe: what it asks for, what it reads, and what it does when something goes wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

mod checkouts;
mod disputes;
mod faults;
mod lists;
mod refunds;
mod support;
mod webhooks;
