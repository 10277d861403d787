//! The cart: what a user means to buy. Each user has one, and each movie is in it once.

mod ports;
mod refusal;
mod view;

pub use ports::{CartItem, CartQueries, CartRepository, CartStore, CartUnit};
pub use refusal::{CartAddition, CartRefusal, MAX_CART_ITEMS};
pub use view::{CartEntry, CartLine, CartView, UnavailableItem};
