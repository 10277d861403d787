//! The outbox: what use cases leave to be done afterwards, and who does it.

mod deliver;
mod message;

pub use deliver::Outbox;
pub use message::{InvalidMessage, Message};
