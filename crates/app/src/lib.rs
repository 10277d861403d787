//! The use cases of the online cinema: one struct an area, one file a use case, one error a use case.
//!
//! It knows the domain alone. Whoever composes the application gives each struct its ports; whoever calls a use case
//! gets an answer or an error whose variants are the refusals that can be told apart.

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
