use std::collections::BTreeSet;

use super::words::{Word, joined, other_numerals, rows_of_letters, searchable, words};

/// The years that a number in a search may mean.
const YEARS: std::ops::RangeInclusive<i32> = 1870..=2100;

/// The maximum number of words in a search; further words are ignored.
const MAX_WORDS: usize = 32;

/// A parsed search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
    pub(super) words: Vec<Word>,
    /// If set, only movies of this year match.
    year: Option<i32>,
    /// The positions of words that must occur in the name of the movie.
    of_name: BTreeSet<usize>,
    /// Whether the last word is known to be complete, because the user typed a year after this word, and the year was
    /// removed from `words`.
    is_finished: bool,
}

/// A word that must occur in a movie, in any of these spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    /// The term matches if a word of the movie is one of these spellings.
    pub whole: Vec<String>,
    /// The term also matches if a word of the movie begins with one of these spellings.
    pub begun: Vec<String>,
    /// Whether the word must occur in the name of the movie.
    pub is_of_name: bool,
}

impl SearchTerm {
    /// Whether this word of a movie matches the term.
    fn accepts(&self, word: &str) -> bool {
        self.whole.iter().any(|whole| whole == word)
            || self.begun.iter().any(|begun| word.starts_with(begun.as_str()))
    }

    /// Restricts the spellings to those that both terms accept, so that this term can replace both.
    fn restrict_to(&mut self, other: &Self) {
        let mut whole: Vec<String> = self.whole.iter().filter(|word| other.accepts(word)).cloned().collect();
        for word in &other.whole {
            if self.accepts(word) && !whole.contains(word) {
                whole.push(word.clone());
            }
        }
        self.whole = whole;
        self.begun.retain(|begun| other.begun.contains(begun));
        self.is_of_name |= other.is_of_name;
    }
}

impl Search {
    /// Parses the text that the user typed.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = searchable(text);
        let mut words = words(&text);
        words.truncate(MAX_WORDS);
        Self { text, words, year: None, of_name: BTreeSet::new(), is_finished: false }
    }

    /// The text in its canonical form. Texts that differ only in case, accents or spaces have the same canonical form.
    /// Characters such as `³` and `&` are replaced by digits and words, so `&` and `and` are the same, too.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The year of the movies, if a number in the search means a year.
    #[must_use]
    pub const fn year(&self) -> Option<i32> {
        self.year
    }

    /// Whether the search has neither words nor a year, and therefore finds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty() && self.year.is_none()
    }

    /// The words in order, folded and possibly corrected.
    #[must_use]
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|word| word.text.as_str())
    }

    /// Whether the word at this position may be incomplete.
    #[must_use]
    pub const fn is_unfinished(&self, position: usize) -> bool {
        !self.is_finished && position.saturating_add(1) == self.words.len()
    }

    /// The key of names that consist of exactly these words; see [`IndexEntry::name_key`](super::IndexEntry::name_key).
    #[must_use]
    pub fn name_key(&self) -> String {
        super::words::name_key(&self.words)
    }

    /// The terms that must occur in a movie, one for each word, in order.
    #[must_use]
    pub fn terms(&self) -> Vec<SearchTerm> {
        let rows = rows_of_letters(&self.words);
        let text = |position: usize| self.words.get(position).map(|word| word.text.as_str());
        (0..self.words.len())
            .filter_map(|position| {
                let word = self.words.get(position)?;
                let mut joins = BTreeSet::new();
                if let Some(before) = position.checked_sub(1).and_then(text) {
                    joins.insert(joined([before, &word.text].into_iter()));
                }
                if let Some(behind) = text(position.saturating_add(1)) {
                    joins.insert(joined([&*word.text, behind].into_iter()));
                }
                joins.extend(
                    rows.iter().filter(|(row, _)| row.contains(&position)).map(|(_, row)| row.clone()),
                );
                let part: Vec<&str> = self
                    .words
                    .iter()
                    .filter(|other| other.part == word.part)
                    .map(|other| &*other.text)
                    .collect();
                if part.len() > 1 {
                    joins.insert(joined(part.into_iter()));
                }
                let mut whole = vec![word.text.clone()];
                whole.extend(other_numerals(&word.text));
                let mut begun = Vec::new();
                if self.is_unfinished(position) {
                    begun.push(word.text.clone());
                    begun.extend(joins.iter().cloned());
                }
                whole.extend(joins);
                Some(SearchTerm { whole, begun, is_of_name: self.of_name.contains(&position) })
            })
            .collect()
    }

    /// The terms that must occur in a movie, one for each different word: a repeated word is looked up only once, in
    /// those spellings that are possible at every position of the word.
    #[must_use]
    pub fn distinct_terms(&self) -> Vec<SearchTerm> {
        let mut distinct: Vec<(&str, SearchTerm)> = Vec::new();
        for (word, term) in self.words().zip(self.terms()) {
            match distinct.iter_mut().find(|(known, _)| *known == word) {
                Some((_, known)) => known.restrict_to(&term),
                None => distinct.push((word, term)),
            }
        }
        distinct.into_iter().map(|(_, term)| term).collect()
    }

    /// The positions of the words that may be years.
    #[must_use]
    pub fn possible_years(&self) -> Vec<usize> {
        (0..self.words.len()).filter(|position| self.possible_year(*position).is_some()).collect()
    }

    fn possible_year(&self, position: usize) -> Option<i32> {
        let word = self.words.get(position)?;
        word.text.parse().ok().filter(|year| word.text.len() == 4 && YEARS.contains(year))
    }

    /// The same search, in which every word that may be a year must occur in the name of the movie.
    #[must_use]
    pub fn with_years_in_names(mut self) -> Self {
        self.of_name = self.possible_years().into_iter().collect();
        self
    }

    /// The same search without the words that may be years.
    #[must_use]
    pub fn without_years(mut self) -> Self {
        let years = self.possible_years();
        self.is_finished |= self.words.len().checked_sub(1).is_some_and(|last| years.contains(&last));
        self.of_name.clear();
        let mut position = 0_usize..;
        self.words.retain(|_| position.next().is_none_or(|position| !years.contains(&position)));
        self
    }

    /// The same search, in which the word at this position is used as a year: the word is removed, and only movies of
    /// that year match. If the word cannot be a year, it is kept, and movies of every year match. Other words that may
    /// be years must occur in the name of the movie.
    #[must_use]
    pub fn narrowed_by_year(mut self, position: usize) -> Self {
        self.year = self.possible_year(position);
        if self.year.is_some() {
            self.is_finished |= position.saturating_add(1) == self.words.len();
            self.words.remove(position);
        }
        self.with_years_in_names()
    }

    /// The same search with the word at this position replaced.
    #[must_use]
    pub fn with_word(mut self, position: usize, text: &str) -> Self {
        if let Some(word) = self.words.get_mut(position) {
            text.clone_into(&mut word.text);
        }
        self
    }

    /// The words as one text, for human readers.
    #[must_use]
    pub fn wording(&self) -> String {
        self.words().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::{Search, SearchTerm};

    fn spellings(terms: Vec<SearchTerm>) -> Vec<(String, String)> {
        terms.into_iter().map(|term| (term.whole.join(" "), term.begun.join(" "))).collect()
    }

    fn terms(text: &str) -> Vec<(String, String)> {
        spellings(Search::parse(text).terms())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(whole, begun)| ((*whole).to_owned(), (*begun).to_owned())).collect()
    }

    #[test]
    fn each_word_has_its_spellings_and_the_last_may_be_unfinished() {
        assert_eq!(terms("Alien"), pairs(&[("alien", "alien")]));
        assert_eq!(terms("rocky 2"), pairs(&[("rocky rocky2", ""), ("2 ii two rocky2", "2 rocky2")]));
        assert_eq!(
            terms("m*a*s*h"),
            pairs(&[
                ("m ma mash", ""),
                ("a as ma mash", ""),
                ("s as mash sh", ""),
                ("h mash sh", "h mash sh")
            ])
        );
        assert_eq!(terms("spider-man"), terms("spider man"));
        assert!(Search::parse(" !? ").is_empty());
        assert!(terms(" !? ").is_empty());
    }

    #[test]
    fn a_repeated_word_is_looked_up_once() {
        let distinct = |text: &str| spellings(Search::parse(text).distinct_terms());
        assert_eq!(distinct("rocky 2"), terms("rocky 2"));
        assert_eq!(distinct(&"and ".repeat(32)), pairs(&[("and andand", "")]));
        assert_eq!(distinct(&"& ".repeat(12)), pairs(&[("and andand", "")]));
        assert_eq!(distinct(&"a ".repeat(32)), pairs(&[("a aa", "")]));
        let expected = [("new newyork", ""), ("york newyork yorknew", "")];
        assert_eq!(distinct("new york new york"), pairs(&expected));
        assert_eq!(distinct("dune messiah dune")[0], ("dune dunemessiah".to_owned(), String::new()));
        let of_name = Search::parse("2001 2001").with_years_in_names().distinct_terms();
        assert_eq!(of_name.iter().map(|term| term.is_of_name).collect::<Vec<_>>(), [true]);
        assert!(Search::parse("").distinct_terms().is_empty());
    }

    #[test]
    fn different_spellings_of_a_search_are_equal() {
        for (one, other) in [("  The  ALIEN³ ", "thé alien.3"), ("fast & furious", "fast and furious")] {
            assert_eq!(Search::parse(one), Search::parse(other));
        }
    }

    #[test]
    fn a_year_matches_names_or_narrows_the_search() {
        let search = Search::parse("dune 2021");
        assert_eq!(search.possible_years(), [1]);
        let literal = search.clone().with_years_in_names();
        assert_eq!(literal.terms().iter().map(|term| term.is_of_name).collect::<Vec<_>>(), [false, true]);
        let narrowed = search.narrowed_by_year(1);
        assert_eq!((narrowed.year(), narrowed.wording()), (Some(2021), "dune".to_owned()));
        assert!(!narrowed.is_unfinished(0), "the word before the year is complete");
        let alone = Search::parse("1999").narrowed_by_year(0);
        assert!(!alone.is_empty() && alone.terms().is_empty());
        assert_eq!(Search::parse("1984 300 12345 3000").without_years().wording(), "300 12345 3000");
    }
}
