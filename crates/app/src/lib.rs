//! The use cases of the online cinema: one or more structs for each area, whose methods are the use cases. Closely
//! related use cases share a file.
//!
//! Of the crates of this workspace, this crate depends only on the domain (its tests also use the SQLite adapter).
//! The composition root passes the ports to each struct. A use case returns a result or an error. The variants of the
//! error are the refusals and failures that a caller can distinguish.

pub mod accounts;
pub mod audit;
pub mod cart;
pub mod catalog;
pub mod engagement;
pub mod library;
mod mails;
pub mod notifications;
pub mod orders;
pub mod outbox;
pub mod paging;
pub mod payments;
pub mod record;

#[cfg(test)]
mod doubles;
