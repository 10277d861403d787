use std::{fmt, str::FromStr};

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

    /// What must be unique: the address in compatibility form (Unicode NFKC) and lower case.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// A text as the keys of addresses are written.
pub(super) fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
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
        let key = folded(&written);
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
    /// Hidden: addresses may not stand in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(InvalidEmailAddress::Malformed), "{bad:?}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        assert_eq!(long.parse::<EmailAddress>(), Err(InvalidEmailAddress::TooLong));
    }
}
