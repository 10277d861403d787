use uuid::Uuid;

use crate::{
    id::{CertificationId, DirectorId, GenreId, StarId},
    text::fold,
};

/// The longest name of a genre, star, director or certification, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// The kinds of names that movies share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// Genres.
    Genre,
    /// Actors.
    Star,
    /// Directors.
    Director,
    /// Age certifications.
    Certification,
}

/// The rows that the names in a movie's facts stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedNames {
    /// The certification's row.
    pub certification: CertificationId,
    /// The genres' rows, in order.
    pub genres: Vec<GenreId>,
    /// The directors' rows, in order.
    pub directors: Vec<DirectorId>,
    /// The stars' rows, in order.
    pub stars: Vec<StarId>,
}

/// A name with the identifier that it gets if it is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedName {
    /// The identifier for a new row.
    pub id: Uuid,
    /// The name as written.
    pub name: String,
}

/// Whether a name is empty when it is folded, so that it could not be found again.
pub(super) fn is_blank(name: &str) -> bool {
    // Folding keeps every letter and digit of ASCII: most names need no folding to be told.
    !name.bytes().any(|byte| byte.is_ascii_alphanumeric()) && fold(name).is_empty()
}

/// Whether a name contains a line break or another control character, which would break lists, logs and files apart.
pub(super) fn has_control_character(name: &str) -> bool {
    name.contains(|character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_blank_without_a_letter_digit_or_symbol() {
        for blank in ["", " ", "\u{301}", " \u{301} "] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for name in ["a", "7", "千", "é", "…"] {
            assert!(!is_blank(name), "{name}");
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
}
