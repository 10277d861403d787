use domain::catalog::IndexEntry;
use uuid::Uuid;

/// What the search index is to keep of a movie.
pub(crate) struct NewEntry {
    pub(crate) movie_id: Uuid,
    pub(crate) entry: IndexEntry,
}

/// A word of the vocabulary, and in how many movies it stands.
pub(crate) type WordCount = (String, i64);
