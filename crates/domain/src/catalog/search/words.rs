//! Splits a text into folded words. An apostrophe does not separate words; other punctuation does.

use std::collections::BTreeSet;

use crate::text::fold;

/// The maximum length of a word, in characters; longer words are truncated.
const MAX_WORD: usize = 64;

/// The maximum number of single letters in a row that are also joined into one word, such as `M A S H`.
const MAX_LETTERS: usize = 16;

/// Numbers up to 20 as words and in Roman numerals; the position is the number.
const NUMBERS: [(&str, &str); 21] = [
    ("zero", ""),
    ("one", "i"),
    ("two", "ii"),
    ("three", "iii"),
    ("four", "iv"),
    ("five", "v"),
    ("six", "vi"),
    ("seven", "vii"),
    ("eight", "viii"),
    ("nine", "ix"),
    ("ten", "x"),
    ("eleven", "xi"),
    ("twelve", "xii"),
    ("thirteen", "xiii"),
    ("fourteen", "xiv"),
    ("fifteen", "xv"),
    ("sixteen", "xvi"),
    ("seventeen", "xvii"),
    ("eighteen", "xviii"),
    ("nineteen", "xix"),
    ("twenty", "xx"),
];

/// A word of a text. `part` is the number of the space-separated part that contains it; there is no space between the
/// words of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) part: usize,
}

/// The text as it is searched and compared: folded, with fractions, superscripts, subscripts and `&` written out, and
/// without trademark and copyright signs. Two texts with the same result are the same search.
pub(super) fn searchable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let superscript = match character {
            '⁰' | '₀' => Some('0'),
            '¹' | '₁' => Some('1'),
            '²' | '₂' => Some('2'),
            '³' | '₃' => Some('3'),
            '⁴' | '₄' => Some('4'),
            '⁵' | '₅' => Some('5'),
            '⁶' | '₆' => Some('6'),
            '⁷' | '₇' => Some('7'),
            '⁸' | '₈' => Some('8'),
            '⁹' | '₉' => Some('9'),
            _ => None,
        };
        if let Some(digit) = superscript {
            // A digit that does not follow another digit begins a separate word, as in `Alien³`.
            if !plain.is_empty() && !plain.ends_with(|last: char| last.is_ascii_digit()) {
                plain.push('.');
            }
            plain.push(digit);
            continue;
        }
        match character {
            '&' | '＆' | '﹠' => plain.push_str(" and "),
            '™' | '®' | '©' | '℠' => {}
            '¼'..='¾' | '⅐'..='⅟' => {
                if plain.ends_with(|last: char| last.is_ascii_digit()) {
                    plain.push('.');
                }
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    fold(&plain)
}

/// The words of a text, which must be a result of [`searchable`]. An apostrophe does not separate words; other
/// punctuation does.
pub(super) fn words(searchable: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (part, text) in searchable.split(' ').enumerate() {
        words.extend(pieces(text, is_apostrophe).map(|text| Word { text, part }));
    }
    words
}

/// The words of one part. Characters that `joins` accepts do not separate words.
fn pieces(part: &str, joins: impl Fn(char) -> bool) -> impl Iterator<Item = String> {
    let mut pieces: Vec<String> = vec![String::new()];
    let mut was_single = false;
    for character in part.chars() {
        if joins(character) {
            continue;
        }
        if !is_of_word(character) {
            pieces.push(String::new());
            was_single = false;
            continue;
        }
        // Each character of a script without spaces, and each symbol, is a word of its own.
        let is_single = is_word_by_itself(character);
        if is_single || was_single {
            pieces.push(String::new());
        }
        was_single = is_single;
        if let Some(last) = pieces.last_mut() {
            last.push(character);
        }
    }
    pieces.into_iter().filter(|piece| !piece.is_empty()).map(|piece| piece.chars().take(MAX_WORD).collect())
}

/// Returns other spellings of each space-separated part that consists of several pieces: the pieces, which are also
/// split at apostrophes, and the pieces joined into one word.
pub(super) fn other_spellings(searchable: &str) -> BTreeSet<String> {
    let mut others = BTreeSet::new();
    for part in searchable.split(' ') {
        let split: Vec<String> = pieces(part, |_| false).collect();
        if split.len() > 1 {
            others.insert(joined(split.iter().map(String::as_str)));
            others.extend(split);
        }
    }
    others
}

/// Returns adjacent words written as one word: pairs, and sequences of single letters.
pub(super) fn joined_neighbours(words: &[Word]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for pair in words.windows(2) {
        all.insert(joined(pair.iter().map(|word| word.text.as_str())));
    }
    for (_, letters) in rows_of_letters(words) {
        all.insert(letters);
    }
    all
}

/// Sequences of 2 to [`MAX_LETTERS`] single ASCII letters or digits as one word, each with the range of its words.
pub(super) fn rows_of_letters(words: &[Word]) -> Vec<(std::ops::Range<usize>, String)> {
    let mut rows = Vec::new();
    let mut start = 0_usize;
    let is_letter = |word: &Word| word.text.len() == 1;
    for group in words.chunk_by(|one, other| is_letter(one) && is_letter(other)) {
        let end = start.saturating_add(group.len());
        if (2..=MAX_LETTERS).contains(&group.len()) {
            rows.push((start..end, joined(group.iter().map(|word| word.text.as_str()))));
        }
        start = end;
    }
    rows
}

pub(super) fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<String>().chars().take(MAX_WORD).collect()
}

/// The number from 1 to 20 that a word means.
pub(super) fn number(word: &str) -> Option<usize> {
    if let Ok(number) = word.parse::<usize>() {
        return Some(number).filter(|number| *number < NUMBERS.len() && !word.starts_with('0'));
    }
    NUMBERS
        .iter()
        .skip(1)
        .position(|(name, roman)| *name == word || *roman == word)
        .map(|found| found.saturating_add(1))
}

/// The other ways to write a number from 1 to 20.
pub(super) fn other_numerals(word: &str) -> Vec<String> {
    let Some(number) = number(word) else { return Vec::new() };
    let Some((name, roman)) = NUMBERS.get(number) else { return Vec::new() };
    [number.to_string(), (*roman).to_owned(), (*name).to_owned()]
        .into_iter()
        .filter(|numeral| numeral != word && !numeral.is_empty())
        .collect()
}

/// How many words at the beginning form an article: one or none. A word without a following word, or with the following
/// word `to`, is not an article.
pub(super) fn article(words: &[Word]) -> usize {
    match words {
        [first, second, ..] if matches!(first.text.as_str(), "the" | "a" | "an") => {
            usize::from(second.text != "to")
        }
        _ => 0,
    }
}

/// Returns the key for finding a complete name: without its article, with numbers as digits, and all words joined.
pub(super) fn name_key(words: &[Word]) -> String {
    let own = words.get(article(words)..).unwrap_or_default();
    own.iter()
        .map(|word| number(&word.text).map_or_else(|| word.text.clone(), |number| number.to_string()))
        .collect()
}

const fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | 'ʻ' | '′' | '＇' | '‛')
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() && !is_apostrophe(character) || is_symbol_word(character)
}

/// Symbols that can be names, such as emoji.
const fn is_symbol_word(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

const fn is_word_by_itself(character: char) -> bool {
    is_symbol_word(character)
        || matches!(character,
            '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' // Thai, Lao, Burmese, Khmer
            | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' // kana and Han
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(&searchable(text)).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn punctuation_separates_and_an_apostrophe_joins() {
        for (text, expected) in [
            ("Spider-Man", &["spider", "man"][..]),
            ("WALL·E", &["wall", "e"]),
            ("M*A*S*H", &["m", "a", "s", "h"]),
            ("Schindler’s List", &["schindlers", "list"]),
            ("'71", &["71"]),
            ("8½", &["8", "1", "2"]),
            ("Alien³", &["alien", "3"]),
            ("Rocky Ⅳ", &["rocky", "iv"]),
            ("Fast & Furious", &["fast", "and", "furious"]),
            ("R&B", &["r", "and", "b"]),
            ("ﬁlm", &["film"]),
            ("千と千尋", &["千", "と", "千", "尋"]),
            ("The 🎬 Movie", &["the", "🎬", "movie"]),
            ("...!? -", &[]),
            ("", &[]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_part_with_punctuation_is_also_one_word_and_split_at_its_apostrophes() {
        let others = |text: &str| other_spellings(&searchable(text)).into_iter().collect::<Vec<_>>();
        assert_eq!(others("WALL·E"), ["e", "wall", "walle"]);
        assert_eq!(others("L'Avventura"), ["avventura", "l", "lavventura"]);
        assert_eq!(others("Plain words"), [""; 0]);
    }

    #[test]
    fn digits_words_and_roman_numerals_are_equivalent() {
        assert_eq!(other_numerals("iv"), ["4", "four"]);
        assert_eq!(other_numerals("20"), ["xx", "twenty"]);
        assert_eq!(other_numerals("zero"), [""; 0]);
        assert_eq!(other_numerals("21"), [""; 0]);
        assert_eq!(other_numerals("007"), [""; 0]);
    }

    #[test]
    fn all_spellings_of_a_name_have_the_same_key() {
        let key = |text: &str| name_key(&words(&searchable(text)));
        assert_eq!(key("The Wall·E"), key("wall e"));
        assert_eq!(key("Rocky II"), key("rocky two"));
        assert_eq!(key("A to Z"), "atoz");
        assert_eq!(key("The"), "the");
    }

    proptest! {
        #[test]
        fn the_searchable_form_of_a_searchable_form_is_itself(text in "\\PC{0,40}") {
            prop_assert_eq!(searchable(&searchable(&text)), searchable(&text));
        }

        #[test]
        fn words_contain_no_quotes_spaces_or_query_operators(text in "\\PC{0,40}") {
            for word in texts(&text) {
                prop_assert!(!word.contains(['\'', '"', '\\', ' ', ':', '*', '&', '|', '(', ')']), "{}", word);
            }
        }
    }
}
