//! Interpreting a search (which words are typing mistakes, and which numbers are years), and updating the search index.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use domain::{
    catalog::{Correction, Search, SearchIndex, SearchQueries, SearchTerm, allowed_mistakes, corrections},
    store::StoreError,
    time::{Clock, Instant},
};

/// How many corrections of each unknown word are tried at most.
const CORRECTIONS: usize = 6;

/// How many corrected wordings of a search are tried at most. Each of them can cost a database query.
const WORDINGS: usize = 12;

/// A search with more unknown words than this is not corrected, because each unknown word can cost a database query.
const CORRECTED_WORDS: usize = 4;

/// How many of the numbers that may be years are tried as the year, beginning with the last number. The first number is
/// not tried: it is assumed to be the year if no try finds a movie. Each try can cost a database query.
const TRIED_YEARS: usize = 3;

/// An interpreted search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderstoodSearch {
    /// The search to run.
    pub search: Search,
    /// The words that are searched instead of the typed ones, if a typing mistake was corrected.
    pub corrected_query: Option<String>,
}

/// Interprets a search with the search index. Words that no movie contains are treated as typing mistakes, and are
/// corrected if a correction finds a movie. If the numbers that may be years do not all occur in the name of a match,
/// one of them is treated as the year of the movies.
///
/// # Errors
/// When the store fails.
pub async fn understand(queries: &dyn SearchQueries, search: Search) -> Result<UnderstoodSearch, StoreError> {
    if search.is_empty() {
        return Ok(UnderstoodSearch { search, corrected_query: None });
    }
    let corrected = corrected(queries, &search).await?;
    let corrected_query = corrected.as_ref().map(Search::wording);
    let search = with_years(queries, corrected.unwrap_or(search)).await?;
    Ok(UnderstoodSearch { search, corrected_query })
}

/// Returns the search with its unknown words corrected; `None` when all words are known, when there are too many
/// unknown words or one of them cannot be corrected, or when no correction finds a movie. Numbers that may be years are
/// not corrected.
async fn corrected(queries: &dyn SearchQueries, search: &Search) -> Result<Option<Search>, StoreError> {
    let known = known_words(queries, search).await?;
    let years = search.possible_years();
    let unknown: Vec<(usize, &str)> = (0..)
        .zip(search.words().zip(known))
        .filter(|(position, (_, is_known))| !is_known && !years.contains(position))
        .map(|(position, (word, _))| (position, word))
        .collect();
    if unknown.len() > CORRECTED_WORDS || unknown.iter().any(|(_, word)| allowed_mistakes(word) == 0) {
        return Ok(None);
    }
    let mut choices = Vec::new();
    for (position, word) in unknown {
        let similar = queries.similar_words(word).await?;
        let mut words = corrections(word, search.is_unfinished(position), &similar);
        // The word may have been added to the index since it was looked up.
        words.retain(|correction| correction.word != word);
        words.truncate(CORRECTIONS);
        if words.is_empty() {
            return Ok(None);
        }
        choices.push((position, words));
    }
    for wording in wordings(search, &choices) {
        let without_years = wording.clone().without_years();
        if without_years.is_empty() || queries.finds_movies(&without_years).await? {
            return Ok(Some(wording));
        }
    }
    Ok(None)
}

/// Returns, for each word of the search, whether any movie contains it. Repeated words are looked up once.
async fn known_words(queries: &dyn SearchQueries, search: &Search) -> Result<Vec<bool>, StoreError> {
    let mut distinct: Vec<SearchTerm> = Vec::new();
    let mut positions = Vec::new();
    for term in search.terms() {
        let known = distinct.iter().position(|known| *known == term);
        positions.push(known.unwrap_or(distinct.len()));
        if known.is_none() {
            distinct.push(term);
        }
    }
    let known = queries.known_terms(&distinct).await?;
    Ok(positions.into_iter().map(|position| known.get(position).copied().unwrap_or(true)).collect())
}

/// Returns the wordings to try, at most [`WORDINGS`]. The first one has the most likely correction of every unknown
/// word. Each further wording has a less likely correction of one of these words.
fn wordings(search: &Search, choices: &[(usize, Vec<Correction>)]) -> Vec<Search> {
    if choices.is_empty() {
        return Vec::new();
    }
    let likely = choices.iter().fold(search.clone(), |search, (position, words)| match words.first() {
        Some(first) => search.with_word(*position, &first.word),
        None => search,
    });
    let mut wordings = vec![likely.clone()];
    for (position, words) in choices {
        wordings.extend(words.iter().skip(1).map(|other| likely.clone().with_word(*position, &other.word)));
    }
    wordings.truncate(WORDINGS);
    wordings
}

/// Interprets the numbers that may be years: either all of them are words of the movie's name, or one of them is the
/// year of the movies.
async fn with_years(queries: &dyn SearchQueries, search: Search) -> Result<Search, StoreError> {
    let years = search.possible_years();
    let Some((first, others)) = years.split_first() else { return Ok(search) };
    let in_names = search.clone().with_years_in_names();
    if queries.finds_movies(&in_names).await? {
        return Ok(in_names);
    }
    for position in others.iter().rev().take(TRIED_YEARS) {
        let narrowed = search.clone().narrowed_by_year(*position);
        if queries.finds_movies(&narrowed).await? {
            return Ok(narrowed);
        }
    }
    Ok(search.narrowed_by_year(*first))
}

/// Updates the search index in the background.
pub struct SearchUpkeep {
    index: Arc<dyn SearchIndex>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Run>>,
}

/// A refresh that changed the index.
#[derive(Clone, Copy)]
struct Run {
    end: Instant,
    duration: TimeDelta,
}

/// After a refresh that changed the index, the next refresh waits this many times the duration of that refresh, so that
/// refreshes take less than a twentieth of the time. The wait is at most [`LONGEST_PAUSE`], so refreshes that take
/// longer than 15 seconds get a larger share of the time.
const SHARE_OF_TIME: i32 = 20;

/// The maximum pause after a refresh, however long the refresh took.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

impl SearchUpkeep {
    /// Creates the background work that updates `index`.
    #[must_use]
    pub fn new(index: Arc<dyn SearchIndex>, clock: Arc<dyn Clock>) -> Self {
        Self { index, clock, last: Mutex::new(None) }
    }

    /// Refreshes the index when movies have changed; returns how many movies and words were updated. Does nothing
    /// during the pause after a refresh that changed the index. The longer that refresh took, the longer is the pause.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self) -> Result<u64, StoreError> {
        let begin = self.clock.now();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| {
            let pause = last.duration.checked_mul(SHARE_OF_TIME).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
            begin.signed_duration_since(last.end) < pause
        }) {
            return Ok(0);
        }
        let changed = self.index.refresh_search_index().await?;
        if changed > 0 {
            let end = self.clock.now();
            let run = Run { end, duration: end.signed_duration_since(begin) };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use domain::catalog::{KnownWord, Suggestion};

    use super::*;
    use crate::catalog::doubles::KnownMovies;

    mockall::mock! {
        Words {}
        #[async_trait::async_trait]
        impl SearchQueries for Words {
            async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError>;
            async fn similar_words(&self, word: &str) -> Result<Vec<KnownWord>, StoreError>;
            async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError>;
            async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError>;
        }
    }

    async fn understood(names: &[(&str, i32)], text: &str) -> (String, Option<i32>, Option<String>) {
        let known = KnownMovies::new(names);
        let UnderstoodSearch { search, corrected_query } =
            understand(&known, Search::parse(text)).await.unwrap();
        (search.wording(), search.year(), corrected_query)
    }

    fn plain(wording: &str) -> (String, Option<i32>, Option<String>) {
        (wording.to_owned(), None, None)
    }

    fn corrected_to(wording: &str) -> (String, Option<i32>, Option<String>) {
        (wording.to_owned(), None, Some(wording.to_owned()))
    }

    const MOVIES: [(&str, i32); 7] = [
        ("The Godfather", 1972),
        ("Heat", 1995),
        ("Heart", 1990),
        ("Dune", 2021),
        ("Dune", 1984),
        ("1984", 1984),
        ("Blade Runner 2049", 2017),
    ];

    #[tokio::test]
    async fn known_words_are_not_corrected() {
        for text in ["heat", "the godf", "godfather dune", ""] {
            assert_eq!(understood(&MOVIES, text).await, plain(text));
        }
    }

    #[tokio::test]
    async fn unknown_words_are_corrected_to_those_that_find_a_movie() {
        assert_eq!(
            understood(&MOVIES, "teh godfahter").await,
            plain("teh godfahter"),
            "words of three letters are not corrected"
        );
        assert_eq!(understood(&MOVIES, "the godfahter").await, corrected_to("the godfather"));
        assert_eq!(understood(&MOVIES, "hezt").await, corrected_to("heat"));
        assert_eq!(understood(&MOVIES, "balde runnre").await, corrected_to("blade runner"));
        assert_eq!(understood(&MOVIES, "xyzzyx").await, plain("xyzzyx"));
        let both = [("Heat of Night", 1995), ("Heart of Gold", 1990), ("Heart", 1991)];
        assert_eq!(understood(&both, "hezt night").await, corrected_to("heat night"));
        assert_eq!(
            understood(&both, "heqrt night").await,
            plain("heqrt night"),
            "no movie contains both words"
        );
    }

    #[tokio::test]
    async fn a_repeated_word_is_looked_up_once() {
        let mut queries = MockWords::new();
        queries
            .expect_known_terms()
            .once()
            .withf(|terms| terms.len() == 2)
            .returning(|terms| Ok(vec![true; terms.len()]));
        let search = Search::parse(&"xyzzy ".repeat(32));
        let understood = understand(&queries, search.clone()).await.unwrap();
        assert_eq!(understood, UnderstoodSearch { search, corrected_query: None });
    }

    #[tokio::test]
    async fn a_search_with_many_unknown_words_is_not_corrected() {
        let names = [("Alpha Bravo Charlie Delta Foxtrot", 1990)];
        let corrected = corrected_to("alpha bravo charlie delta");
        assert_eq!(understood(&names, "alpga brabo chatlie delra").await, corrected);
        let many = "alpga brabo chatlie delra foxtrit";
        assert_eq!(understood(&names, many).await, plain(many));
    }

    #[tokio::test]
    async fn the_last_numbers_are_tried_as_the_year() {
        let names = [("Alpha 2001 2002 2003", 2004)];
        let found = understood(&names, "alpha 2001 2002 2003 2004").await;
        assert_eq!(found, ("alpha 2001 2002 2003".to_owned(), Some(2004), None));
        let names = [("Alpha 2004 2003 2002 2001", 2005)];
        let (_, year, _) = understood(&names, "alpha 2004 2005 2003 2002 2001").await;
        assert_eq!(year, Some(2004), "2005 is not tried");
    }

    #[tokio::test]
    async fn a_number_is_a_word_of_a_name_that_matches_or_else_the_year() {
        assert_eq!(understood(&MOVIES, "dune 2021").await, ("dune".to_owned(), Some(2021), None));
        assert_eq!(understood(&MOVIES, "dune 1984").await, ("dune".to_owned(), Some(1984), None));
        assert_eq!(understood(&MOVIES, "1984").await, plain("1984"));
        assert_eq!(understood(&MOVIES, "1995").await, (String::new(), Some(1995), None));
        assert_eq!(understood(&MOVIES, "blade runner 2049").await, plain("blade runner 2049"));
        assert_eq!(
            understood(&MOVIES, "blade runner 2049 2017").await,
            ("blade runner 2049".to_owned(), Some(2017), None)
        );
        let corrected = Some("godfather 1972".to_owned());
        assert_eq!(
            understood(&MOVIES, "godfahter 1972").await,
            ("godfather".to_owned(), Some(1972), corrected)
        );
    }
}
