//! The outbox: what use cases leave to be done afterwards, and who does it.

mod deliver;
#[cfg(test)]
mod doubles;
mod message;

pub use deliver::Outbox;
pub use message::{InvalidMessage, Message};
