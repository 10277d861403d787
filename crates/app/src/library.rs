//! The library of a user: the movies that the user bought.

mod list;

use std::sync::Arc;

use domain::{catalog::SearchQueries, library::LibraryQueries};

pub use list::FoundPurchases;

use crate::paging::CursorCodec;

/// The use cases of the library.
pub struct Library {
    /// Reads libraries.
    pub queries: Arc<dyn LibraryQueries>,
    /// Reads the words that movies are searched by.
    pub words: Arc<dyn SearchQueries>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
}
