/// The part of the search index in which words are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexPart {
    /// The whole index: names, people and descriptions of movies.
    All,
    /// Only the names of movies.
    Name,
    /// Only the names of the movies' people.
    People,
}
