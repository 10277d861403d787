//! The outbox: messages that use cases write in their transactions, and their handling afterwards.

mod deliver;
#[cfg(test)]
mod doubles;
mod message;

pub use deliver::{Delivery, Outbox};
pub use message::{InvalidMessage, Message};
