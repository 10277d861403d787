use domain::catalog::IndexEntry;
use uuid::Uuid;

/// A new entry of the search index for a movie.
pub(crate) struct NewEntry {
    pub(crate) movie_id: Uuid,
    pub(crate) entry: IndexEntry,
}

/// A word of the vocabulary, and the number of movies that contain it.
pub(crate) type WordCount = (String, i64);
