#![doc = include_str!("../README.md")]

pub mod accounts;
pub mod audit;
pub mod cart;
pub mod catalog;
pub mod engagement;
pub mod entropy;
pub mod failure;
pub mod id;
pub mod idempotency;
pub mod mail;
pub mod media;
pub mod money;
pub mod network;
pub mod notifications;
pub mod orders;
pub mod outbox;
pub mod page;
pub mod payments;
pub mod purchases;
#[cfg(feature = "serde")]
mod serialization;
pub mod storage;
pub mod store;
pub mod text;
pub mod throttle;
pub mod time;
