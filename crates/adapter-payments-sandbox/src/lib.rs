//! [`Sandbox`] is a payment provider for development, which moves no money. It behaves as a real provider does: it
//! keeps books, which are files in a folder, and reports events with signed webhooks, which it sends to this server
//! itself.

mod books;
mod checkout;
mod gateway;
mod http_client;
mod page;
mod sandbox;
mod schedule;
mod webhooks;

pub use self::{books::OpenSandboxError, sandbox::Sandbox};
