use domain::catalog::IndexEntry;
use uuid::Uuid;

/// An entry to write into the search index.
pub(crate) struct NewEntry {
    pub(crate) movie_id: Uuid,
    pub(crate) entry: IndexEntry,
}

/// A word of the vocabulary, and the number of movies that contain it.
pub(crate) type WordCount = (String, i64);
