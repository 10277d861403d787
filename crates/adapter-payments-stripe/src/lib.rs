//! Payments at Stripe: Checkout Sessions, refunds, disputes and events, with a small client of the API version
//! `2026-10-28.endive`.

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
