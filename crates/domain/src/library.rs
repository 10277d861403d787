//! The library of a user: the movies that the user bought.

mod ports;

pub use ports::{LibraryItem, LibraryQueries};
