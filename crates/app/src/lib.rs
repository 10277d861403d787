//! The use cases of the online cinema: one struct for each area, one file and one error type for each use case.
//!
//! The crate depends only on the domain. The composition root passes the ports to each struct. A use case returns a
//! result or an error, whose variants are the refusals that a caller can distinguish.

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
