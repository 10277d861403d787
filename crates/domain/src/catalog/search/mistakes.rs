//! Typing mistakes: corrections of misspelled words.

use std::cmp::Reverse;

/// The minimum length of words in which one mistake is corrected, in characters.
const ONE_MISTAKE: usize = 4;

/// The minimum length of words in which two mistakes are corrected, in characters.
const TWO_MISTAKES: usize = 8;

/// The number of mistakes that a mistake at the first letter counts as.
const FIRST_LETTER: usize = 2;

/// A word of the vocabulary, which contains the words of the search index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownWord {
    /// The word.
    pub word: String,
    /// The approximate number of movies that contain the word.
    pub movies: i64,
}

/// A possible correction of a misspelled word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The known word that the user probably meant.
    pub word: String,
    /// The number of mistakes.
    pub mistakes: usize,
}

/// How many mistakes are tolerated in a word; none if it contains a digit or another numeral.
#[must_use]
pub fn allowed_mistakes(word: &str) -> usize {
    if word.contains(|character: char| character.is_numeric()) {
        return 0;
    }
    match word.chars().count() {
        TWO_MISTAKES.. => 2,
        ONE_MISTAKE.. => 1,
        _ => 0,
    }
}

/// Returns texts that lead from a typed word to the intended word if the first letter is extra, wrong, missing or
/// swapped with the second letter: the intended word is then one of these texts, or a letter followed by one of them.
/// Empty when such a mistake is not tolerated in the word ([`allowed_mistakes`]).
#[must_use]
pub fn spellings_without_first_letter(word: &str) -> Vec<String> {
    if allowed_mistakes(word) < FIRST_LETTER {
        return Vec::new();
    }
    let letters: Vec<char> = word.chars().collect();
    let rest: String = letters.iter().skip(1).collect();
    let mut exchanged = letters;
    if exchanged.len() > 1 {
        exchanged.swap(0, 1);
    }
    vec![rest, exchanged.into_iter().collect(), word.to_owned()]
}

/// Returns the possible corrections of a word, the most likely first: by the number of mistakes, then known words that
/// match completely before known words of which only the beginning matches, then words of many movies before words of
/// few. Matches of only the beginning are accepted only if the word `is_unfinished`: the user may still be typing it.
#[must_use]
pub fn corrections(word: &str, is_unfinished: bool, known: &[KnownWord]) -> Vec<Correction> {
    let allowed = allowed_mistakes(word);
    let typed: Vec<char> = word.chars().collect();
    let mut found: Vec<(usize, bool, Reverse<i64>, &str)> = known
        .iter()
        .filter_map(|known| {
            let letters: Vec<char> = known.word.chars().collect();
            let (whole, begun) = distances(&typed, &letters);
            let (mistakes, is_begun) =
                if whole <= allowed || !is_unfinished { (whole, false) } else { (begun, true) };
            (1..=allowed).contains(&mistakes).then_some((
                mistakes,
                is_begun,
                Reverse(known.movies),
                known.word.as_str(),
            ))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(mistakes, _, _, word)| Correction { word: word.to_owned(), mistakes }).collect()
}

/// Returns the number of mistakes of the typed word compared with the known word: with the complete known word, and
/// with the prefix of the known word that differs least. An extra, a missing or a wrong letter, and two swapped
/// adjacent letters, are one mistake each, or two at the first letter.
fn distances(typed: &[char], known: &[char]) -> (usize, usize) {
    let cost = |is_first: bool| if is_first { FIRST_LETTER } else { 1 };
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = Vec::with_capacity(known.len().saturating_add(1));
    row.push(0);
    for column in 0..known.len() {
        row.push(row.last().copied().unwrap_or(0).saturating_add(cost(column == 0)));
    }
    for (line, letter) in typed.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(row.first().copied().unwrap_or(0).saturating_add(cost(line == 0)));
        for (column, wanted) in known.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX);
            let behind = column.saturating_add(1);
            let is_first = line == 0 || column == 0;
            let same = if letter == wanted { 0 } else { cost(is_first) };
            let mut best = at(&row, column).saturating_add(same);
            best = best.min(at(&row, behind).saturating_add(cost(line == 0 && column == 0)));
            best = best.min(at(&next, column).saturating_add(cost(line == 0 && column == 0)));
            let exchanged = line.checked_sub(1).zip(column.checked_sub(1)).filter(|(line, column)| {
                typed.get(*line) == Some(wanted) && known.get(*column) == Some(letter) && letter != wanted
            });
            if let Some((line, column)) = exchanged {
                best = best.min(at(&before, column).saturating_add(cost(line == 0 || column == 0)));
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    (row.last().copied().unwrap_or(0), row.iter().copied().min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mistakes(typed: &str, known: &str) -> usize {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        distances(&letters(typed), &letters(known)).0
    }

    fn corrected(typed: &str, is_unfinished: bool, known: &[(&str, i64)]) -> Vec<String> {
        let known: Vec<_> = known
            .iter()
            .map(|(word, movies)| KnownWord { word: (*word).to_owned(), movies: *movies })
            .collect();
        corrections(typed, is_unfinished, &known).into_iter().map(|correction| correction.word).collect()
    }

    #[test]
    fn a_mistake_counts_once_and_twice_at_the_first_letter() {
        for (typed, known, count) in [
            ("godfather", "godfather", 0),
            ("godfathr", "godfather", 1),
            ("godfatther", "godfather", 1),
            ("godfazher", "godfather", 1),
            ("godfahter", "godfather", 1),
            ("odfather", "godfather", 2),
            ("xgodfather", "godfather", 2),
            ("kodfather", "godfather", 2),
            ("ogdfather", "godfather", 2),
            ("gdfahter", "godfather", 2),
        ] {
            assert_eq!(mistakes(typed, known), count, "{typed}");
        }
    }

    #[test]
    fn short_words_and_numbers_are_not_corrected() {
        assert_eq!(
            ["her", "hear", "shining", "shinings", "2049", "se7en"].map(allowed_mistakes),
            [0, 1, 1, 2, 0, 0]
        );
    }

    #[test]
    fn corrections_are_sorted_by_distance_completeness_and_frequency() {
        let known = [("matir", 1), ("matrix", 9), ("matrixes", 20), ("metro", 90)];
        assert_eq!(corrected("matirx", false, &known), ["matrix", "matir"]);
        assert_eq!(corrected("matirx", true, &known), ["matrix", "matir", "matrixes"]);
        assert_eq!(corrected("shawhsa", true, &[("shawshank", 1)]), ["shawshank"]);
        assert_eq!(corrected("shawhsa", false, &[("shawshank", 1)]), [""; 0]);
        assert_eq!(corrected("eat", true, &[("heat", 5)]), [""; 0]);
    }

    #[test]
    fn a_word_with_a_wrong_first_letter_is_found_by_the_other_letters() {
        let rest = |word: &str| word.chars().skip(1).collect::<String>();
        for typed in ["kodfather", "ogdfather", "odfather", "xgodfather"] {
            let spellings = spellings_without_first_letter(typed);
            let is_found = spellings.iter().any(|text| *text == "godfather" || *text == rest("godfather"));
            assert!(is_found, "{typed}: {spellings:?}");
        }
        assert!(spellings_without_first_letter("heat").is_empty());
    }

    proptest! {
        #[test]
        fn a_word_has_distance_zero_to_itself_and_distances_are_symmetric(one in "[a-c]{1,7}", other in "[a-c]{1,7}") {
            prop_assert_eq!(mistakes(&one, &one), 0);
            prop_assert_eq!(mistakes(&one, &other), mistakes(&other, &one));
        }
    }
}
