use std::collections::BTreeSet;

use super::words::{joined_neighbours, name_key, other_spellings, searchable, words};
use crate::text::fold;

/// The version of the rules for index entries. Entries of an earlier version are created again.
pub const SEARCH_INDEX_VERSION: i32 = 2;

/// The entry of a movie in the search index. Words of the description are omitted if they also occur in the name of the
/// movie, or in the names of its directors and stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The folded name. The filter `title` finds the movie if this name contains the text of the filter.
    pub title: String,
    /// The key by which a search for the complete name finds the movie.
    pub name_key: String,
    /// The words of the name, with the other spellings of words with punctuation: `Spider-Man` becomes `man`, `spider`
    /// and `spiderman`.
    pub name: Vec<String>,
    /// Adjacent words of the name, written as one word, such as `darkknight`. A search finds them only by the complete
    /// word, not by its beginning.
    pub joined: Vec<String>,
    /// The words of the names of directors and stars.
    pub people: Vec<String>,
    /// The words of the description.
    pub description: Vec<String>,
}

impl IndexEntry {
    /// Creates the entry of a movie.
    #[must_use]
    pub fn of<'a>(name: &str, people: impl Iterator<Item = &'a str>, description: &str) -> Self {
        let title = fold(name);
        let name = searchable(name);
        let own_words = words(&name);
        let name_words = spellings(&name);
        let joined = joined_neighbours(&own_words).difference(&name_words).cloned().collect();
        let people: BTreeSet<String> = people.flat_map(|person| spellings(&searchable(person))).collect();
        let is_new = |word: &String| !name_words.contains(word) && !people.contains(word);
        let description = spellings(&searchable(description)).into_iter().filter(is_new).collect();
        Self {
            title,
            name_key: name_key(&own_words),
            description,
            name: name_words.into_iter().collect(),
            joined,
            people: people.into_iter().collect(),
        }
    }
}

/// Returns the words of a text, and the [other spellings](other_spellings) of its space-separated parts that are
/// divided into several pieces, such as `spider-man`. The text must be a result of [`searchable`].
pub(super) fn spellings(searchable: &str) -> BTreeSet<String> {
    let mut all = other_spellings(searchable);
    all.extend(words(searchable).into_iter().map(|word| word.text));
    all
}

#[cfg(test)]
mod tests {
    use super::IndexEntry;

    #[test]
    fn an_entry_has_each_word_once_in_every_spelling() {
        let entry =
            IndexEntry::of("Spider-Man 2", ["Sam Raimi", "J.K. Simmons"].into_iter(), "Sam is a man.");
        assert_eq!(entry.title, "spider-man 2");
        assert_eq!(entry.name_key, "spiderman2");
        assert_eq!(entry.name, ["2", "man", "spider", "spiderman"]);
        assert_eq!(entry.joined, ["man2"]);
        assert_eq!(entry.people, ["j", "jk", "k", "raimi", "sam", "simmons"]);
        assert_eq!(entry.description, ["a", "is"]);
    }
}
