//! Searching movies: which words of a movie are indexed, which words a search requires, how matches are ranked, and how
//! misspelled words are corrected. Databases only store and find the words.

mod entry;
mod mistakes;
mod query;
mod rank;
mod suggestion;
mod words;

pub use entry::{IndexEntry, SEARCH_INDEX_VERSION};
pub use mistakes::{Correction, KnownWord, allowed_mistakes, corrections, spellings_without_first_letter};
pub use query::{Search, SearchTerm};
pub use rank::{Candidate, Ranking, SearchRank};
pub use suggestion::{Suggestion, SuggestionKind, best_suggestions};
