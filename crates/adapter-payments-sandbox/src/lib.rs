//! A payment provider for development: [`Sandbox`] behaves like a real one, keeps books of its own in a folder, and tells
//! the shop of what happens by signed webhooks to the server's own address. No money moves.

mod books;
mod checkout;
mod gateway;
mod http_client;
mod page;
mod sandbox;
mod schedule;
mod webhooks;

pub use self::{books::OpenSandboxError, sandbox::Sandbox};
