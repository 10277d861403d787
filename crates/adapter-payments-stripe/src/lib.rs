//! The payment gateway for Stripe: Checkout Sessions, refunds, disputes and webhook events, with a small HTTP client
//! for API version `2026-10-28.endive`.

mod amounts;
mod breaker;
mod client;
mod events;
mod forms;
mod gateway;
mod json;
mod objects;
mod pace;
mod reports;
mod settings;
mod webhook;

pub use client::StripeSetupError;
pub use gateway::StripeGateway;
pub use settings::{StripeSecret, StripeSettings};
