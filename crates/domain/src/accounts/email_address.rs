use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// The longest address that is taken, in characters (RFC 5321 section 4.5.3.1.3).
pub const MAX_EMAIL_LENGTH: usize = 254;

/// An e-mail address: kept as it was written (trimmed, Unicode NFC), compared without case and Unicode form.
#[derive(Clone)]
pub struct EmailAddress {
    written: String,
    key: String,
}

/// The text is no e-mail address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// It is longer than [`MAX_EMAIL_LENGTH`].
    #[error("an e-mail address has at most 254 characters")]
    TooLong,
    /// It is not of the form `name@host.tld`.
    #[error("not an e-mail address; write it like ann@example.com")]
    Malformed,
}

impl EmailAddress {
    /// The address as its owner wrote it, trimmed: where mail goes to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What must be unique: the name in compatibility form (Unicode NFKC) and folded, so that no case of a letter makes
    /// another one, and the host as IDNA (UTS 46) writes it for people, however it was encoded.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The name before the `@` as keys are written. A letter that is lower case may have several: what counts is the lower case
/// of its upper case (`ς` and `σ`, `ß` and `ss`), which is Unicode's full folding, and `ı` is folded with `i`.
pub(super) fn folded_name(text: &str) -> String {
    let lower = text.nfkc().flat_map(char::to_lowercase);
    lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// A part of a host as keys are written; `None` when it cannot be one. What is another letter to the registries of domains
/// (`ß` and `ss`) is another one here.
pub(super) fn folded_host_part(text: &str) -> Option<String> {
    let (host, outcome) = Uts46::new().to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    outcome.is_ok().then(|| host.into_owned())
}

/// A whole host as keys are written; `None` when there can be none of this name.
fn folded_host(text: &str) -> Option<String> {
    let (allowed, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let ascii = Uts46::new().to_ascii(text.as_bytes(), allowed, hyphens, DnsLength::Verify).ok()?;
    folded_host_part(&ascii)
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written: String = text.trim().nfc().collect();
        if written.chars().count() > MAX_EMAIL_LENGTH {
            return Err(InvalidEmailAddress::TooLong);
        }
        // Line ends and NUL would let an address write headers of its own mail.
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
        let host = folded_host(host).ok_or(InvalidEmailAddress::Malformed)?;
        let key = format!("{}@{host}", folded_name(name));
        if key.chars().count() > MAX_EMAIL_LENGTH {
            return Err(InvalidEmailAddress::TooLong);
        }
        // Some signs are a space and a mark by their compatibility form.
        if key.contains(char::is_whitespace) {
            return Err(InvalidEmailAddress::Malformed);
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
    /// Hidden: addresses may not stand in a log.
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
        for same in ["ANN@example.com", "  Ann@Example.Com\t", "ａｎｎ@example.com"] {
            assert_eq!(same.parse::<EmailAddress>().unwrap(), address, "{same}");
        }
        let composed: EmailAddress = "andr\u{e9}@example.com".parse().unwrap();
        assert_eq!("andre\u{301}@example.com".parse::<EmailAddress>().unwrap(), composed);
    }

    #[test]
    fn every_case_of_a_letter_is_the_same_letter() {
        for spellings in [
            &["οδος@example.com", "ΟΔΟΣ@example.com", "οδοσ@example.com"][..],
            &["straße@example.com", "STRASSE@example.com", "STRAẞE@example.com", "Strasse@example.com"],
            &["ılgaz@example.com", "ILGAZ@example.com", "ilgaz@example.com"],
            &["ﬁlm@example.com", "FILM@example.com"],
            &["ann@münchen.de", "ann@MÜNCHEN.DE", "ann@xn--mnchen-3ya.de", "ann@XN--MNCHEN-3YA.de"],
            &["ann@mail.example.com", "ann@MAIL.ｅxample.com"],
        ] {
            for other in spellings {
                assert_eq!(key(other), key(spellings[0]), "{other}");
                assert!(key(other).is_some(), "{other}");
            }
        }
        for (one, other) in [
            ("andre@example.com", "andré@example.com"),
            ("ann@strasse.de", "ann@straße.de"),
            ("ann@a.example.com", "ann@b.example.com"),
        ] {
            assert_ne!(key(one), key(other), "{other}");
        }
    }

    #[test]
    fn a_key_is_readable() {
        assert_eq!(key("Ann.Smith@XN--MNCHEN-3YA.de").as_deref(), Some("ann.smith@münchen.de"));
    }

    #[test]
    fn folding_any_letter_twice_or_in_upper_case_changes_nothing_more() {
        let is_assigned = |c: &char| c.general_category_group() != GeneralCategoryGroup::Other;
        for letter in ('\0'..=char::MAX).filter(is_assigned).map(String::from) {
            let folded = folded_name(&letter);
            assert_eq!(folded_name(&folded), folded, "{letter:?}");
            assert_eq!(folded_name(&letter.to_uppercase()), folded, "{letter:?}");
            assert_eq!(folded_name(&letter.to_lowercase()), folded, "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself(
            name in "[\\p{L}\\p{N}+_-]{1,12}", host in "[\\p{L}\\p{N}]{1,4}\\.(com|de|рф)",
        ) {
            if let Some(one) = key(&format!("{name}@{host}")) && let Some(other) = key(&one) {
                prop_assert_eq!(one, other);
            }
        }

        // In upper case some letters of hosts (`ß`, `ς`) are other letters, and other hosts.
        #[test]
        fn the_key_in_upper_case_is_the_same(
            name in "[\\p{L}\\p{N}+_-]{1,12}", host in "[a-zà-öø-þα-ρσ-ωа-я0-9]{1,8}\\.(com|de|рф)",
        ) {
            let address = format!("{name}@{host}");
            if let Some(upper) = key(&address.to_uppercase()) && let Some(key) = key(&address) {
                prop_assert_eq!(upper, key);
            }
        }
    }

    #[test]
    fn the_address_is_kept_as_written_but_trimmed() {
        assert_eq!(" Ann@Example.com ".parse::<EmailAddress>().unwrap().as_str(), "Ann@Example.com");
    }

    #[test]
    fn what_mail_cannot_be_sent_to_is_refused() {
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
            "ͺann@example.com",
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
