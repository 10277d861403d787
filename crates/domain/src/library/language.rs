use std::{fmt, str::FromStr};

/// The maximum length of a language tag, in characters.
const MAX_LENGTH: usize = 35;

/// Common languages of subtitles, with their native names.
const NAMES: [(&str, &str); 36] = [
    ("ar", "العربية"),
    ("bg", "Български"),
    ("bn", "বাংলা"),
    ("ca", "Català"),
    ("cs", "Čeština"),
    ("da", "Dansk"),
    ("de", "Deutsch"),
    ("el", "Ελληνικά"),
    ("en", "English"),
    ("es", "Español"),
    ("et", "Eesti"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fr", "Français"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hr", "Hrvatski"),
    ("hu", "Magyar"),
    ("id", "Bahasa Indonesia"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("lt", "Lietuvių"),
    ("lv", "Latviešu"),
    ("nl", "Nederlands"),
    ("no", "Norsk"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("ru", "Русский"),
    ("sv", "Svenska"),
    ("th", "ไทย"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
];

/// The text does not have the form of a language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a language tag; write one such as de or pt-BR")]
pub struct InvalidLanguage;

/// The language of subtitles, as its tag (RFC 5646): `de`, `pt-BR`, `zh-Hant`.
///
/// ```
/// use domain::library::Language;
///
/// let language: Language = "PT-br".parse()?;
/// assert_eq!((language.as_str(), language.label().as_str()), ("pt-BR", "Português (BR)"));
/// # Ok::<(), domain::library::InvalidLanguage>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for users: the native name of the language, with the rest of the tag in parentheses, or the whole tag
    /// if the name is not known.
    #[must_use]
    pub fn label(&self) -> String {
        let (primary, rest) = self.0.split_once('-').unwrap_or((&self.0, ""));
        let name = NAMES.iter().find(|(known, _)| *known == primary).map(|(_, name)| *name);
        match (name, rest) {
            (None, _) => self.0.clone(),
            (Some(name), "") => name.to_owned(),
            (Some(name), rest) => format!("{name} ({rest})"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;

    /// Parses a tag in upper, lower or mixed case, and normalizes the case.
    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let mut written = Vec::new();
        for (place, part) in text.split('-').enumerate() {
            let is_letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
            let fits = if place == 0 {
                is_letters && (2..=3).contains(&part.len())
            } else {
                part.bytes().all(|byte| byte.is_ascii_alphanumeric()) && (2..=8).contains(&part.len())
            };
            if !fits {
                return Err(InvalidLanguage);
            }
            let lower = part.to_ascii_lowercase();
            written.push(match (place, part.len(), is_letters) {
                // A region subtag is in upper case.
                (1.., 2, true) => part.to_ascii_uppercase(),
                // A script subtag is in title case.
                (1.., 4, true) => {
                    let (first, rest) = lower.split_at(1);
                    first.to_ascii_uppercase() + rest
                }
                _ => lower,
            });
        }
        let tag = written.join("-");
        if tag.len() > MAX_LENGTH { Err(InvalidLanguage) } else { Ok(Self(tag)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_one_spelling() {
        for (text, tag, label) in [
            ("de", "de", "Deutsch"),
            ("EN-us", "en-US", "English (US)"),
            ("zh-hant-tw", "zh-Hant-TW", "中文 (Hant-TW)"),
            ("es-419", "es-419", "Español (419)"),
            ("tlh", "tlh", "tlh"),
        ] {
            let language: Language = text.parse().unwrap();
            assert_eq!((language.as_str(), language.label().as_str()), (tag, label));
            assert_eq!(tag.parse(), Ok(language));
        }
        for bad in [
            "",
            "d",
            "deut",
            "de-",
            "-de",
            "de_AT",
            "de-x",
            "d3",
            "de/..",
            "de-aaaaaaaaa",
            &"de-ab".repeat(9),
        ] {
            assert_eq!(bad.parse::<Language>(), Err(InvalidLanguage), "{bad}");
        }
    }
}
