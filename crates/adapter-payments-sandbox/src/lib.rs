//! [`Sandbox`] is a payment provider for development, which moves no money. Like a real provider, it stores its
//! checkouts (as files in a folder) and reports events with signed webhooks, which it sends over HTTP to the server
//! that contains it.

mod books;
mod checkout;
mod gateway;
mod http_client;
mod page;
mod sandbox;
mod schedule;
mod webhooks;

pub use self::{books::OpenSandboxError, sandbox::Sandbox};
