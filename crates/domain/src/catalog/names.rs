use uuid::Uuid;

use super::facts_error::FactFault;
use crate::{
    id::{CertificationId, DirectorId, GenreId, StarId},
    text::fold,
};

/// The maximum length of the name of a genre, star, director or certification, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// The kinds of names that several movies can share.
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

/// The rows of the names in a movie's facts.
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

/// A name with the identifier for it if it is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedName {
    /// The identifier for a new row.
    pub id: Uuid,
    /// The name as written.
    pub name: String,
}

/// A valid name of a genre, star, director or certification.
///
/// ```
/// use domain::catalog::CatalogName;
///
/// assert_eq!(CatalogName::parse(" Film noir ").unwrap().as_str(), "Film noir");
/// assert!(CatalogName::parse(" ").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogName(String);

impl CatalogName {
    /// Parses a name, without surrounding white space.
    ///
    /// # Errors
    /// When the name is empty, too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, FactFault> {
        let name = text.trim();
        if is_blank(name) {
            return Err(FactFault::Missing);
        }
        if name.chars().count() > MAX_NAME_LENGTH {
            return Err(FactFault::TooLong { most: MAX_NAME_LENGTH });
        }
        if has_control_character(name) {
            return Err(FactFault::ControlCharacter);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name is empty when it is folded, so that it could not be found again.
pub(super) fn is_blank(name: &str) -> bool {
    // Folding keeps every ASCII letter and digit, so most names need not be folded for this check.
    !name.bytes().any(|byte| byte.is_ascii_alphanumeric()) && fold(name).is_empty()
}

/// Whether a name contains a line break or another control character, which would break the lines of lists, logs and
/// files.
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
    fn a_name_has_1_to_100_characters_and_no_control_characters() {
        let fault = |text: &str| CatalogName::parse(text).unwrap_err();
        assert!(matches!(fault(" \u{301}"), FactFault::Missing));
        assert!(matches!(fault(&"x".repeat(101)), FactFault::TooLong { most: 100 }));
        assert!(matches!(fault("a\nb"), FactFault::ControlCharacter));
        let longest = "é".repeat(100);
        assert_eq!(CatalogName::parse(&format!(" {longest}\n")).unwrap().as_str(), longest);
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
