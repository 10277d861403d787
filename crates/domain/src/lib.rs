//! The online cinema's rules, values and ports.
//!
//! Pure: it knows no runtime, no database and no web, so that other tools can reuse it. The areas (`accounts`,
//! `catalog`, `cart`, `purchases`) hold entities, values, rules and the **ports** that adapters plug into; the other
//! modules hold what every area shares. A port's doc comment says what an adapter MUST do; each MUST is a case of
//! the `storage-contract` crate.

pub mod accounts;
pub mod audit;
pub mod cart;
pub mod catalog;
pub mod engagement;
pub mod entropy;
pub mod failure;
pub mod id;
pub mod mail;
pub mod media;
pub mod money;
pub mod network;
pub mod orders;
pub mod outbox;
pub mod page;
pub mod payments;
pub mod purchases;
pub mod storage;
pub mod store;
pub mod text;
pub mod throttle;
pub mod time;
