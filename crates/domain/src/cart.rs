//! The cart: the movies that a user wants to buy. Each user has one cart, and each movie is in it at most once.

mod ports;
mod refusal;
mod view;

pub use ports::{CartItem, CartQueries, CartRepository, CartStore, CartUnit};
pub use refusal::{CartAddition, CartRefusal, MAX_CART_ITEMS};
pub use view::{CartEntry, CartLine, CartView, UnavailableItem};
