use std::{collections::BTreeSet, ops::Bound};

use super::{
    entry::spellings,
    query::{Search, SearchTerm},
    words::{Word, article, joined_neighbours, number, searchable, words},
};

/// The maximum number of adjacent words that together match one word: words of a name that match one word of a search,
/// or words of a search that match one word of a name.
const MAX_JOINED: usize = 6;

/// A movie that matches a search.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The name of the movie as written.
    pub name: &'a str,
    /// The words of the names of the movie's people, as indexed, separated by spaces.
    pub people: &'a str,
    /// The description of the movie as written.
    pub description: &'a str,
}

/// Where the words of a search occur; the best place is last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Description,
    People,
    Name,
    BeginningOfName,
    WholeName,
}

/// How well a movie matches a search; larger is better. Movies with equal ranks are sorted by popularity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchRank {
    place: Place,
    manner: Manner,
}

/// How exactly the words match: as complete words, in the same spelling as in the search (after its correction, if it
/// was corrected), and with the same article. When two values are compared, an earlier field takes precedence over a
/// later field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Manner {
    is_whole: bool,
    is_literal: bool,
    has_same_article: bool,
}

impl Manner {
    const BEST: Self = Self { is_literal: true, is_whole: true, has_same_article: true };

    fn with(self, other: Self) -> Self {
        Self {
            is_literal: self.is_literal && other.is_literal,
            is_whole: self.is_whole && other.is_whole,
            has_same_article: self.has_same_article && other.has_same_article,
        }
    }
}

impl SearchRank {
    /// A positive number with the same order as the ranks.
    #[must_use]
    pub fn number(self) -> i64 {
        let place = match self.place {
            Place::Description => 1,
            Place::People => 2,
            Place::Name => 3,
            Place::BeginningOfName => 4,
            Place::WholeName => 5,
        };
        let manner = [self.manner.is_whole, self.manner.is_literal, self.manner.has_same_article];
        manner.into_iter().fold(place, |number: i64, bit| number.saturating_mul(2).saturating_add(bit.into()))
    }
}

/// Ranks the matches of one search. The search is analysed once for all of them.
#[derive(Debug)]
pub struct Ranking<'a> {
    search: &'a Search,
    /// The different words of the search (folded, and possibly corrected), with their terms.
    terms: Vec<(&'a str, SearchTerm)>,
}

impl<'a> Ranking<'a> {
    /// Prepares the ranking of the matches of this search.
    #[must_use]
    pub fn of(search: &'a Search) -> Self {
        let mut terms = Vec::new();
        for term in search.words().zip(search.terms()) {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        Self { search, terms }
    }

    /// Returns the rank of a movie that the search found. Movies whose complete name equals the search, with or
    /// without an article, rank first. Then follow names that begin with the search, names that contain all words,
    /// movies where some words are only in the names of directors or stars, and finally movies where some words are
    /// only in the description. Within each group, complete words rank before prefixes, then literal matches before
    /// other spellings, and then names with the same article before other names.
    #[must_use]
    pub fn rank(&self, candidate: Candidate<'_>) -> SearchRank {
        let mut sets = match self.rank_in_name(candidate.name) {
            Ok(rank) => return rank,
            Err(sets) => sets,
        };
        sets.words.extend(candidate.people.split(' ').map(str::to_owned));
        if let Some(manner) = sets.manner(&self.terms) {
            return SearchRank { place: Place::People, manner };
        }
        sets.words.extend(spellings(&searchable(candidate.description)));
        let worst = Manner { is_literal: false, is_whole: false, has_same_article: false };
        SearchRank { place: Place::Description, manner: sets.manner(&self.terms).unwrap_or(worst) }
    }

    /// Returns how well the name of a movie or person matches the search; `None` when the name lacks a word of the
    /// search.
    #[must_use]
    pub fn rank_of_name(&self, name: &str) -> Option<SearchRank> {
        self.rank_in_name(name).ok()
    }

    /// Returns the rank of a name, or the words of the name when a word of the search is missing.
    fn rank_in_name(&self, name: &str) -> Result<SearchRank, Sets> {
        let text = searchable(name);
        let words = words(&text);
        if let Some(rank) = rank_of_sequence(&words, &self.search.words) {
            return Ok(rank);
        }
        let sets = Sets { words: spellings(&text), joined: joined_neighbours(&words) };
        match sets.manner(&self.terms) {
            Some(manner) => Ok(SearchRank { place: Place::Name, manner }),
            None => Err(sets),
        }
    }
}

/// The words of a movie, and the adjacent words of its name joined into one word.
struct Sets {
    words: BTreeSet<String>,
    joined: BTreeSet<String>,
}

impl Sets {
    /// Returns how exactly all words of a search match these words; `None` when a word of the search is missing.
    fn manner(&self, terms: &[(&str, SearchTerm)]) -> Option<Manner> {
        let mut all = Manner::BEST;
        for (literal, term) in terms {
            let literal = *literal;
            let begins = |text: &str| {
                let first = self.words.range::<str, _>((Bound::Included(text), Bound::Unbounded)).next();
                first.is_some_and(|word| word.starts_with(text))
            };
            let manner = if self.words.contains(literal) {
                Manner::BEST
            } else if !term.begun.is_empty() && begins(literal) {
                Manner { is_whole: false, ..Manner::BEST }
            } else if term.whole.iter().any(|word| self.words.contains(word) || self.joined.contains(word)) {
                Manner { is_literal: false, ..Manner::BEST }
            } else if term.begun.iter().any(|word| begins(word)) {
                Manner { is_literal: false, is_whole: false, ..Manner::BEST }
            } else {
                return None;
            };
            all = all.with(manner);
        }
        Some(all)
    }
}

/// Returns the rank of a name that is, or begins with, the words of the search in their order; `None` for other names.
fn rank_of_sequence(name: &[Word], search: &[Word]) -> Option<SearchRank> {
    let (own, wanted) = (article(name), article(search));
    let has_same_article = name.get(..own).into_iter().flatten().map(|word| &word.text).eq(search
        .get(..wanted)
        .into_iter()
        .flatten()
        .map(|word| &word.text));
    let bare = matched(name.get(own..).unwrap_or_default(), search.get(wanted..).unwrap_or_default())
        .map(|(place, manner)| SearchRank { place, manner: Manner { has_same_article, ..manner } });
    // The name and the search are also compared without removing their articles, because the same word can be an
    // article in one of them and an ordinary word in the other: the search "the" and the name "The Godfather", or the
    // search "a t" and the name "A to Z".
    let as_written = matched(name, search).map(|(place, manner)| SearchRank { place, manner });
    bare.max(as_written)
}

/// Returns the best match of the beginning of a name with all words of a search.
fn matched(name: &[Word], search: &[Word]) -> Option<(Place, Manner)> {
    let Some((first, rest)) = search.split_first() else {
        let place = if name.is_empty() { Place::WholeName } else { Place::BeginningOfName };
        return Some((place, Manner::BEST));
    };
    let mut best = None;
    let mut consider = |manner: Manner, name: &[Word], search: &[Word]| {
        if let Some((place, behind)) = matched(name, search) {
            let place = if manner.is_whole { place } else { Place::BeginningOfName };
            best = best.max(Some((place, manner.with(behind))));
        }
    };
    let (own, behind) = name.split_first()?;
    if own.text == first.text {
        consider(Manner::BEST, behind, rest);
    } else if rest.is_empty() && own.text.starts_with(&first.text) {
        consider(Manner { is_whole: false, ..Manner::BEST }, behind, rest);
    } else if number(&own.text).is_some_and(|own| number(&first.text) == Some(own)) {
        consider(Manner { is_literal: false, ..Manner::BEST }, behind, rest);
    }
    let other_spelling = Manner { is_literal: false, ..Manner::BEST };
    // Several words of the name match one word of the search.
    let mut text = own.text.clone();
    for (count, word) in (2..=MAX_JOINED).zip(behind) {
        if !first.text.starts_with(&text) {
            break;
        }
        text.push_str(&word.text);
        if text == first.text {
            consider(other_spelling, name.get(count..).unwrap_or_default(), rest);
        } else if rest.is_empty() && word.part == own.part && text.starts_with(&first.text) {
            let manner = Manner { is_whole: false, ..other_spelling };
            consider(manner, name.get(count..).unwrap_or_default(), rest);
        }
    }
    // Several words of the search match one word of the name.
    let mut text = first.text.clone();
    for (count, word) in (2..=MAX_JOINED).zip(rest) {
        if !own.text.starts_with(&text) {
            break;
        }
        text.push_str(&word.text);
        let behind_search = search.get(count..).unwrap_or_default();
        if text == own.text {
            consider(other_spelling, behind, behind_search);
        } else if behind_search.is_empty() && own.text.starts_with(&text) {
            consider(Manner { is_whole: false, ..other_spelling }, behind, behind_search);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(search: &str, name: &str) -> SearchRank {
        let candidate = Candidate { name, people: "al pacino", description: "A crime drama." };
        Ranking::of(&Search::parse(search)).rank(candidate)
    }

    /// Asserts that the names are ranked in this order.
    fn in_order(search: &str, names: &[&str]) {
        for pair in names.windows(2) {
            let [one, other] = [0, 1].map(|place| ranked(search, pair[place]));
            assert!(one > other && one.number() > other.number(), "{search}: {pair:?} {one:?} {other:?}");
        }
    }

    #[test]
    fn matches_are_ranked_by_complete_name_beginning_words_people_and_description() {
        in_order("heat", &["Heat", "The Heat", "Heat 2", "Heatwave", "Dead Heat", "Old Heater"]);
        in_order("the heat", &["The Heat", "Heat", "The Heat 2", "In the Heat"]);
        in_order("pacino", &["Pacino", "Not Pacino", "Heat"]);
        in_order("pacino heat", &["Pacino Heat", "Heat by Pacino", "Heat"]);
        in_order("heat crime", &["Heat, a Crime", "Heat"]);
        assert_eq!(ranked("heat crime", "Heat").place, Place::Description);
        assert_eq!(ranked("heat pacino", "Heat").place, Place::People);
        in_order("the", &["The", "The Godfather", "Theodora", "In the Dark"]);
        in_order("a to z", &["A to Z", "A to Zebra"]);
    }

    #[test]
    fn literal_matches_rank_before_other_spellings() {
        in_order("7", &["7", "Seven", "7 Up", "Seven Up"]);
        in_order("rocky 2", &["Rocky 2", "Rocky II", "Rocky 2 Returns", "Rocky Two Returns"]);
        in_order("et", &["E.T.", "E.T. Returns", "Eternal"]);
        in_order("spiderman", &["Spiderman", "Spider-Man", "Spiderman 2", "Spider-Man 2"]);
    }

    #[test]
    fn every_spelling_of_a_name_matches_the_complete_name() {
        for (search, name) in [
            ("wall e", "WALL·E"),
            ("walle", "WALL·E"),
            ("wall-e", "WALL·E"),
            ("la confidential", "L.A. Confidential"),
            ("mash", "M*A*S*H"),
            ("m a s h", "MASH"),
            ("schindlers list", "Schindler's List"),
            ("8 1/2", "8½"),
            ("alien 3", "Alien³"),
            ("alien3", "Alien³"),
            ("fast and furious", "Fast & Furious"),
            ("godfather part 2", "The Godfather: Part II"),
            ("oceans 11", "Ocean's Eleven"),
            ("et", "E.T."),
            ("black bird", "Blackbird"),
            ("千と千尋", "千と千尋"),
        ] {
            assert_eq!(ranked(search, name).place, Place::WholeName, "{search}");
        }
        assert_eq!(ranked("spider m", "Spider-Man").place, Place::BeginningOfName);
        assert_eq!(ranked("spiderm", "Spider-Man").place, Place::BeginningOfName);
        assert_eq!(ranked("her", "He Ran").place, Place::Description);
    }
}
