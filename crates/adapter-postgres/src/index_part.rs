//! The parts of the search index.

/// A part of the search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexPart {
    /// The complete index.
    All,
    /// The names of movies.
    Name,
    /// The names of their people.
    People,
}
