use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// The maximum length of an address, in characters (RFC 5321 section 4.5.3.1.3).
pub const MAX_EMAIL_LENGTH: usize = 254;

/// An email address: kept as it was written (trimmed, Unicode NFC), compared by [`EmailAddress::key`].
///
/// ```
/// use domain::accounts::EmailAddress;
///
/// let ann: EmailAddress = " Ann@Example.COM ".parse()?;
/// assert_eq!(ann.as_str(), "Ann@Example.COM");
/// assert_eq!(ann.key(), "ann@example.com");
/// assert_eq!(ann, "ann@example.com".parse()?);
/// assert!("ann@example".parse::<EmailAddress>().is_err());
/// # Ok::<(), domain::accounts::InvalidEmailAddress>(())
/// ```
#[derive(Clone)]
pub struct EmailAddress {
    written: String,
    key: String,
}

/// The text is not an email address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// The text or its key is longer than [`MAX_EMAIL_LENGTH`].
    #[error("an email address has at most 254 characters")]
    TooLong,
    /// The text is not of the form `name@host.tld`.
    #[error("not an email address; write it like ann@example.com")]
    Malformed,
}

impl EmailAddress {
    /// The version of the rule for [`EmailAddress::key`]. Increase it when the rule changes, so that stores recompute
    /// their keys.
    pub const KEY_VERSION: i16 = 2;

    /// The address as it was written, trimmed and in Unicode NFC. Mail is sent to this address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form by which addresses are compared and must be unique.
    ///
    /// The part before the `@` is in Unicode NFC and in lower case; each letter is converted without regard to its
    /// neighbours. In this part, letters that only look alike or have a compatibility form (`ı`, `ﬁ`, full-width
    /// letters) are different letters, since they may belong to different mailboxes. The host is in the Unicode form of
    /// IDNA (UTS 46), however it was encoded.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether both addresses have the same spelling. Equal addresses with different spellings may be different
    /// mailboxes.
    #[must_use]
    pub fn is_spelled_like(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

/// Returns the part before the `@` in the form that it has in [`EmailAddress::key`].
pub(super) fn name_key(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Returns a part of a host in the form that it has in [`EmailAddress::key`]; `None` when it is not valid. Letters that
/// domain registries distinguish (`ß` and `ss`) stay different.
pub(super) fn host_part_key(text: &str) -> Option<String> {
    let (host, outcome) = Uts46::new().to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    outcome.is_ok().then(|| host.into_owned())
}

/// Returns a complete host in the form that it has in [`EmailAddress::key`]; `None` when it is not valid.
fn host_key(text: &str) -> Option<String> {
    let (allowed, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let ascii = Uts46::new().to_ascii(text.as_bytes(), allowed, hyphens, DnsLength::Verify).ok()?;
    host_part_key(&ascii)
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written: String = text.trim().nfc().collect();
        if written.chars().count() > MAX_EMAIL_LENGTH {
            return Err(InvalidEmailAddress::TooLong);
        }
        // Line breaks in an address could inject headers into a mail.
        if written.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err(InvalidEmailAddress::Malformed);
        }
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        email_address::EmailAddress::parse_with_options(&written, options)
            .map_err(|_| InvalidEmailAddress::Malformed)?;
        let (name, host) = written.rsplit_once('@').ok_or(InvalidEmailAddress::Malformed)?;
        let host = host_key(host).ok_or(InvalidEmailAddress::Malformed)?;
        let key = format!("{}@{host}", name_key(name));
        if key.chars().count() > MAX_EMAIL_LENGTH {
            return Err(InvalidEmailAddress::TooLong);
        }
        Ok(Self { written, key })
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for EmailAddress {}

impl fmt::Debug for EmailAddress {
    /// Hidden, since addresses must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

    use super::*;

    fn key(text: &str) -> Option<String> {
        text.parse::<EmailAddress>().ok().map(|address| address.key().to_owned())
    }

    #[test]
    fn case_spaces_and_unicode_form_make_no_second_account() {
        let address: EmailAddress = "ann@example.com".parse().unwrap();
        for same in ["ANN@example.com", "  Ann@Example.Com\t"] {
            assert_eq!(same.parse::<EmailAddress>().unwrap(), address, "{same}");
        }
        let composed: EmailAddress = "andr\u{e9}@example.com".parse().unwrap();
        assert_eq!("andre\u{301}@example.com".parse::<EmailAddress>().unwrap(), composed);
    }

    #[test]
    fn upper_and_lower_case_of_a_letter_are_the_same_letter() {
        for spellings in [
            &["οδος@example.com", "ΟΔΟς@example.com"][..],
            &["straße@example.com", "STRAẞE@example.com"],
            &["ilgaz@example.com", "ILGAZ@example.com"],
            &["\u{212b}ke@example.com", "\u{e5}ke@example.com", "A\u{30a}KE@example.com"],
            &["ann@münchen.de", "ann@MÜNCHEN.DE", "ann@xn--mnchen-3ya.de", "ann@XN--MNCHEN-3YA.de"],
            &["ann@mail.example.com", "ann@MAIL.ｅxample.com"],
        ] {
            for other in spellings {
                assert_eq!(key(other), key(spellings[0]), "{other}");
                assert!(key(other).is_some(), "{other}");
            }
        }
    }

    #[test]
    fn letters_that_only_look_alike_make_another_address() {
        for (one, other) in [
            ("ian@example.com", "ıan@example.com"),
            ("film@example.com", "ﬁlm@example.com"),
            ("ann@example.com", "ａｎｎ@example.com"),
            ("strasse@example.com", "straße@example.com"),
            ("οδος@example.com", "οδοσ@example.com"),
            ("x2@example.com", "x²@example.com"),
            ("andre@example.com", "andré@example.com"),
            ("ann@strasse.de", "ann@straße.de"),
            ("ann@a.example.com", "ann@b.example.com"),
        ] {
            assert_ne!(key(one), key(other), "{other}");
            assert!(key(one).is_some() && key(other).is_some(), "{other}");
        }
    }

    #[test]
    fn equal_addresses_may_be_spelled_differently() {
        let [one, same, other] = ["Ann@example.com", " Ann@example.com", "ann@example.com"]
            .map(|text| text.parse::<EmailAddress>().unwrap());
        assert!(one == other && !one.is_spelled_like(&other));
        assert!(one.is_spelled_like(&same));
    }

    #[test]
    fn a_key_is_readable() {
        assert_eq!(key("Ann.Smith@XN--MNCHEN-3YA.de").as_deref(), Some("ann.smith@münchen.de"));
    }

    #[test]
    fn the_key_of_any_letter_is_its_own_key() {
        let is_assigned = |c: &char| c.general_category_group() != GeneralCategoryGroup::Other;
        for letter in ('\0'..=char::MAX).filter(is_assigned).map(String::from) {
            let key = name_key(&letter);
            assert_eq!(name_key(&key), key, "{letter:?}");
            assert_eq!(name_key(&letter.to_lowercase()), key, "{letter:?}");
        }
    }

    /// Returns the key of a name by version 1 of the rule: compatibility form (NFKC) with full case folding.
    fn name_key_of_version_1(text: &str) -> String {
        let lower = text.nfkc().flat_map(char::to_lowercase);
        lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
    }

    #[test]
    fn letters_that_version_1_of_the_rule_distinguished_are_still_distinguished() {
        let is_assigned = |c: &char| c.general_category_group() != GeneralCategoryGroup::Other;
        for letter in ('\0'..=char::MAX).filter(is_assigned).map(String::from) {
            assert_eq!(
                name_key_of_version_1(&name_key(&letter)),
                name_key_of_version_1(&letter),
                "{letter:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn names_that_version_1_distinguished_are_still_distinguished(name in "[\\p{L}\\p{N}\\p{M}._-]{1,16}") {
            prop_assert_eq!(name_key_of_version_1(&name_key(&name)), name_key_of_version_1(&name));
        }

        #[test]
        fn the_key_of_a_key_is_itself(
            name in "[\\p{L}\\p{N}+_-]{1,12}", host in "[\\p{L}\\p{N}]{1,4}\\.(com|de|рф)",
        ) {
            if let Some(one) = key(&format!("{name}@{host}")) && let Some(other) = key(&one) {
                prop_assert_eq!(one, other);
            }
        }

        // The generated names omit letters whose upper case belongs to another letter as well (`ß`, `ς`, `ı`).
        #[test]
        fn the_key_in_upper_case_is_the_same(
            name in "[a-zà-öø-þα-ρσ-ωа-я0-9+_-]{1,12}", host in "[a-zà-öø-þα-ρσ-ωа-я0-9]{1,8}\\.(com|de|рф)",
        ) {
            let address = format!("{name}@{host}");
            if let Some(upper) = key(&address.to_uppercase()) && let Some(key) = key(&address) {
                prop_assert_eq!(upper, key);
            }
        }
    }

    #[test]
    fn the_address_is_stored_as_written_but_trimmed() {
        assert_eq!(" Ann@Example.com ".parse::<EmailAddress>().unwrap().as_str(), "Ann@Example.com");
    }

    #[test]
    fn addresses_that_cannot_receive_mail_are_refused() {
        for bad in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "a b@example.com",
            "ann@example",
            "ann@@example.com",
            "ann@example.com\r\nBcc: x@example.com",
            "ann@exam\0ple.com",
            "Ann <ann@example.com>",
            "ann@[127.0.0.1]",
            "ann@ex_ample.com",
            "ann@xn--zzzzzz.com",
            "ann@ex\u{378}ample.com",
            "ann@\u{ad}.com",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(InvalidEmailAddress::Malformed), "{bad:?}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        assert_eq!(long.parse::<EmailAddress>(), Err(InvalidEmailAddress::TooLong));
    }
}
