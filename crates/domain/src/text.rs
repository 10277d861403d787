//! Comparison of text without regard to case and accents, and the rule for characters of names.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The key by which names are compared, searched and sorted. It ignores case, accents and repeated spaces.
///
/// The key is the compatibility decomposition (Unicode NFKD) in lower case, without marks, without white space around
/// it, and with each run of white space as one space. Letters such as `ß` and `æ` are replaced by basic Latin letters.
/// Databases compare the key byte by byte.
///
/// ```
/// assert_eq!(domain::text::fold("  AMÉLIE  Poulain"), "amelie poulain");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    let folded: String = text
        .nfkd()
        .filter(|character| !is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .flat_map(|character| {
            let plain: &'static str = match character {
                'ß' => "ss",
                'æ' => "ae",
                'œ' => "oe",
                'ø' => "o",
                'ł' => "l",
                'đ' | 'ð' => "d",
                'þ' => "th",
                'ı' => "i",
                _ => "",
            };
            plain.chars().chain(plain.is_empty().then_some(character))
        })
        .collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cleans the name of a person or of a catalogue entry: removes white space around it, and format characters (Unicode
/// category Cf), which are invisible or change the direction of the text. The joiners U+200C and U+200D are kept
/// where scripts and emoji need them: between two characters that are neither ASCII nor white space nor joiners.
///
/// ```
/// assert_eq!(domain::text::clean_name(" Ann\u{202e}\u{200b} "), "Ann");
/// ```
#[must_use]
pub fn clean_name(text: &str) -> String {
    let text = text.trim();
    if !text.chars().any(is_format) {
        return text.to_owned();
    }
    let kept: Vec<char> =
        text.chars().filter(|character| is_joiner(*character) || !is_format(*character)).collect();
    let is_joined = |position: Option<usize>| {
        position.and_then(|position| kept.get(position)).is_some_and(|character| {
            !character.is_ascii() && !character.is_whitespace() && !is_joiner(*character)
        })
    };
    let name: String = kept
        .iter()
        .enumerate()
        .filter(|(position, character)| {
            !is_joiner(**character)
                || (is_joined(position.checked_sub(1)) && is_joined(position.checked_add(1)))
        })
        .map(|(_, character)| *character)
        .collect();
    name.trim().to_owned()
}

/// Whether a name has a character that can be seen.
#[must_use]
pub fn has_visible_character(name: &str) -> bool {
    name.chars().any(|character| {
        let is_invisible = character.is_whitespace()
            || character.is_control()
            || is_combining_mark(character)
            || is_format(character)
            // Letters and symbols without a shape, and code points that are reserved for invisible characters.
            || matches!(
                character,
                '\u{115f}' | '\u{1160}' | '\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
                    | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
            );
        !is_invisible
    })
}

/// Whether a name contains a line break or another control character, which would break the lines of lists, logs and
/// files.
pub(crate) fn has_control_character(name: &str) -> bool {
    name.contains(is_control_character)
}

/// Whether the character is a line break or another control character.
pub(crate) fn is_control_character(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn is_format(character: char) -> bool {
    !character.is_ascii() && character.general_category() == GeneralCategory::Format
}

const fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn format_characters_are_removed_from_names() {
        for (text, name) in [
            (" Ann Lee\n", "Ann Lee"),
            ("\u{202e}Ann\u{202c} \u{200b}", "Ann"),
            ("A\u{ad}nn\u{feff}", "Ann"),
            ("A\u{200d}nn\u{200c}", "Ann"),
            ("\u{200b}", ""),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("می\u{200e}\u{200c}خواهم", "می\u{200c}خواهم"),
            ("می\u{200c}\u{200c}خواهم\u{200c}", "میخواهم"),
            ("👩\u{200d}👩\u{200d}👧", "👩\u{200d}👩\u{200d}👧"),
            ("千と千尋の神隠し", "千と千尋の神隠し"),
        ] {
            assert_eq!(clean_name(text), name, "{text:?}");
        }
    }

    #[test]
    fn names_of_only_invisible_characters_are_recognized() {
        for text in ["", " ", "\u{200b}", "\u{301}", "\u{3164}", "\u{2800}\u{a0}", "\u{fe0f}", "\u{e0041}"] {
            assert!(!has_visible_character(text), "{text:?}");
        }
        for text in ["a", "7", "…", "é", "千", "👩", "\u{200b}a"] {
            assert!(has_visible_character(text), "{text:?}");
        }
    }

    #[test]
    fn line_breaks_of_every_kind_are_control_characters() {
        for name in
            ["a\nb", "a\rb", "a\tb", "a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"]
        {
            assert!(has_control_character(name), "{name:?}");
        }
        assert!(!has_control_character("WALL·E – 千と千尋の神隠し"));
    }

    #[test]
    fn case_accents_and_repeated_spaces_are_ignored() {
        for (text, key) in [
            ("Amélie", "amelie"),
            ("AMÉLIE", "amelie"),
            ("  Léon:  The Professional ", "leon: the professional"),
            ("Straße", "strasse"),
            ("İstanbul", "istanbul"),
            ("Stalker ﬁlm", "stalker film"),
            ("千と千尋の神隠し", "千と千尋の神隠し"),
        ] {
            assert_eq!(fold(text), key);
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn cleaning_a_name_twice_changes_nothing_more(text in "[ aé\u{200c}\u{200d}\u{202e}]{0,20}") {
            let name = clean_name(&text);
            prop_assert_eq!(clean_name(&name), name);
        }
    }
}
