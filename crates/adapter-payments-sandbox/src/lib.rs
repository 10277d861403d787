//! A payment provider for development: [`Sandbox`] behaves like a real one, stores its books in a folder, and reports
//! events to the shop with signed webhooks to the server's own address. No money is moved.

mod books;
mod checkout;
mod gateway;
mod http_client;
mod page;
mod sandbox;
mod schedule;
mod webhooks;

pub use self::{books::OpenSandboxError, sandbox::Sandbox};
