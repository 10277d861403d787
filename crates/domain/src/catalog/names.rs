use uuid::Uuid;

use super::facts_error::FactFault;
use crate::{
    id::{CertificationId, DirectorId, GenreId, StarId},
    text::{clean_name, fold, has_control_character, has_visible_character},
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

/// The identifiers of the names in a movie's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedNames {
    /// The certification.
    pub certification: CertificationId,
    /// The genres, in the order of the facts.
    pub genres: Vec<GenreId>,
    /// The directors, in the order of the facts.
    pub directors: Vec<DirectorId>,
    /// The stars, in the order of the facts.
    pub stars: Vec<StarId>,
}

/// A name to find or add: if it is not stored yet, its new row gets this identifier.
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
    /// Parses a name. Before the checks, [`clean_name`] removes the white space around the name and the format
    /// characters in it.
    ///
    /// # Errors
    /// When the name has no visible character or is empty after [`fold`], is too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, FactFault> {
        let name = clean_name(text);
        if has_control_character(&name) {
            return Err(FactFault::ControlCharacter);
        }
        if is_blank(&name) {
            return Err(FactFault::Missing);
        }
        if name.chars().count() > MAX_NAME_LENGTH {
            return Err(FactFault::TooLong { most: MAX_NAME_LENGTH });
        }
        Ok(Self(name))
    }

    /// The cleaned name, in its original case and with its accents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name has no visible character, or is empty after [`fold`], so that no search could find it.
pub(super) fn is_blank(name: &str) -> bool {
    // `fold` keeps every ASCII letter and digit, so it need not be called for most names.
    !name.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && (!has_visible_character(name) || fold(name).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_blank_without_a_letter_digit_or_symbol() {
        for blank in ["", " ", "\u{301}", " \u{301} ", "\u{200b}", "\u{3164}"] {
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
        assert!(matches!(fault("\u{200b}\u{2060}"), FactFault::Missing));
        assert_eq!(CatalogName::parse("Al\u{202e} Pacino\u{200b}").unwrap().as_str(), "Al Pacino");
        let longest = "é".repeat(100);
        assert_eq!(CatalogName::parse(&format!(" {longest}\n")).unwrap().as_str(), longest);
    }
}
