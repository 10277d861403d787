use std::fmt;

use async_trait::async_trait;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use zeroize::Zeroizing;

use crate::accounts::EmailAddress;

/// The maximum number of characters of a password.
pub const MAX_PASSWORD_LENGTH: usize = 128;

/// The passwords that [`PasswordPolicy::Standard`] refuses because they are common: one per line, in lower case, most
/// common first. They are the first 1,000 passwords of the zxcvbn frequency list that the policy would otherwise allow.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// The common passwords that [`PasswordPolicy::Strict`] refuses: every password of the zxcvbn frequency list that the
/// policy would otherwise allow. The frequency list has 30,000 passwords, most of which have fewer than 15 characters.
const LONG_COMMON_PASSWORDS: &str = include_str!("long_common_passwords.txt");

/// A password as it was typed, in Unicode NFC and never truncated. Hidden in `Debug`, wiped on drop.
#[derive(Clone)]
pub struct PlainPassword(Zeroizing<String>);

impl PlainPassword {
    /// Creates a password from the typed text, which may have any Unicode normalization form.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfc().collect()))
    }

    /// The text, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PasswordProblem {
    /// The password has fewer characters than the policy requires.
    #[error("a password has at least {least} characters")]
    TooShort {
        /// The minimum number of characters.
        least: usize,
    },
    /// The password has more than [`MAX_PASSWORD_LENGTH`] characters.
    #[error("a password has at most 128 characters")]
    TooLong,
    /// The password has no letter or no digit.
    #[error("a password has at least one letter and one digit")]
    TooWeak,
    /// The password is on the list of common passwords of the policy.
    #[error("this password is among the most common ones; choose another")]
    TooCommon,
    /// The password is the email address.
    #[error("the password must not be the email address")]
    IsEmail,
    /// The password is the current password.
    #[error("the new password must differ from the current one")]
    Unchanged,
}

/// The policy for new passwords.
///
/// ```
/// use domain::accounts::{PasswordPolicy, PasswordProblem, PlainPassword};
///
/// let check = |text| PasswordPolicy::Standard.check(&PlainPassword::new(text), None);
/// assert_eq!(check("Passw0rd1"), Ok(()));
/// assert_eq!(check("password1"), Err(PasswordProblem::TooCommon));
/// assert_eq!(check("only letters"), Err(PasswordProblem::TooWeak));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordPolicy {
    /// 8 to 128 characters with a letter and a digit, none of the 1,000 most common passwords of this form, and not the
    /// email address.
    #[default]
    Standard,
    /// 15 to 128 characters of any kind, not on the complete list of common passwords, and not the email address.
    Strict,
}

impl PasswordPolicy {
    /// The minimum number of characters of a password.
    #[must_use]
    pub const fn least_length(self) -> usize {
        match self {
            Self::Standard => 8,
            Self::Strict => 15,
        }
    }

    /// Whether a password needs a letter and a digit.
    #[must_use]
    pub const fn needs_letter_and_digit(self) -> bool {
        matches!(self, Self::Standard)
    }

    const fn common_passwords(self) -> &'static str {
        match self {
            Self::Standard => COMMON_PASSWORDS,
            Self::Strict => LONG_COMMON_PASSWORDS,
        }
    }

    /// Checks the password for an account with this address, if the address is known.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(
        self,
        password: &PlainPassword,
        email: Option<&EmailAddress>,
    ) -> Result<(), PasswordProblem> {
        let text = password.expose();
        let length = text.chars().count();
        if length < self.least_length() {
            return Err(PasswordProblem::TooShort { least: self.least_length() });
        }
        if length > MAX_PASSWORD_LENGTH {
            return Err(PasswordProblem::TooLong);
        }
        if email.is_some_and(|email| text.parse().is_ok_and(|typed: EmailAddress| typed == *email)) {
            return Err(PasswordProblem::IsEmail);
        }
        let is_mixed = text.chars().any(char::is_alphabetic) && text.chars().any(is_digit);
        if self.needs_letter_and_digit() && !is_mixed {
            return Err(PasswordProblem::TooWeak);
        }
        let lower = Zeroizing::new(text.to_lowercase());
        if self.common_passwords().lines().any(|common| common == *lower) {
            return Err(PasswordProblem::TooCommon);
        }
        Ok(())
    }
}

/// Whether the character is a decimal digit of any script. Fractions and Roman numerals are not.
fn is_digit(character: char) -> bool {
    character.general_category() == GeneralCategory::DecimalNumber
}

/// The stored hash of a password: a PHC string, hidden in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Creates a hash from the PHC string of a hasher or a store.
    #[must_use]
    pub const fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// A hash that no password matches.
    #[must_use]
    pub fn unusable() -> Self {
        Self("!".to_owned())
    }

    /// Whether there can be a password that matches the hash.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0 != "!"
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many passwords are already waiting; a later attempt may succeed.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The hasher failed.
    #[error("the password hasher failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hashes passwords, on threads that serve no requests.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Checks that there is capacity for one more password. The check reserves nothing and is cheap, so that callers
    /// can check before they do other work.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is no capacity.
    fn check_room(&self) -> Result<(), HashError>;
    /// Hashes a password. MUST use a new salt each time.
    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, HashError>;
    /// Whether the password matches the hash. MUST take as long without a usable hash as with one, so that the time
    /// does not reveal whether the user exists.
    async fn verify(&self, hash: Option<&PasswordHash>, password: &PlainPassword) -> Result<bool, HashError>;
    /// Whether the hash was made with parameters other than the current parameters.
    fn needs_rehash(&self, hash: &PasswordHash) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(policy: PasswordPolicy, text: &str) -> Result<(), PasswordProblem> {
        let email = "ann1@example.com".parse().unwrap();
        policy.check(&PlainPassword::new(text), Some(&email))
    }

    fn check(text: &str) -> Result<(), PasswordProblem> {
        checked(PasswordPolicy::Standard, text)
    }

    #[test]
    fn the_policy_reports_the_fault() {
        assert_eq!(check("Ab1"), Err(PasswordProblem::TooShort { least: 8 }));
        assert_eq!(check(&"a1".repeat(65)), Err(PasswordProblem::TooLong));
        assert_eq!(check("onlyletters"), Err(PasswordProblem::TooWeak));
        assert_eq!(check("8236481923"), Err(PasswordProblem::TooWeak));
        assert_eq!(check("password1"), Err(PasswordProblem::TooCommon));
        assert_eq!(check("PassWord1"), Err(PasswordProblem::TooCommon));
        for address in ["Ann1@Example.com", " ann1@example.com ", "ann1@ｅxample.com"] {
            assert_eq!(check(address), Err(PasswordProblem::IsEmail), "{address}");
        }
    }

    #[test]
    fn decimal_digits_of_any_script_are_digits() {
        for weak in ["½aaaaaaa", "aaaaaaaⅧ", "aaaaaaa²", "aaaaaaa①", "aaaaaaa〇", "aaaaaaa五"] {
            assert_eq!(check(weak), Err(PasswordProblem::TooWeak), "{weak}");
        }
        for good in ["aaaaaaa7x", "aaaaaaaa٣", "aaaaaaaa५", "aaaaaaaa７", "aaaaaaaa𝟟"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_strict_policy_requires_only_length_and_refuses_every_common_password() {
        let strict = |text: &str| checked(PasswordPolicy::Strict, text);
        assert_eq!(strict("fourteen chars"), Err(PasswordProblem::TooShort { least: 15 }));
        assert_eq!(strict("Passw0rd1"), Err(PasswordProblem::TooShort { least: 15 }));
        assert_eq!(strict(&"a".repeat(129)), Err(PasswordProblem::TooLong));
        assert_eq!(strict("ann1@example.COM"), Err(PasswordProblem::IsEmail));
        assert_eq!(strict("Qwertyuiop12345"), Err(PasswordProblem::TooCommon));
        assert_eq!(strict("passwordstandard"), Err(PasswordProblem::TooCommon));
        assert_eq!(strict("12345678987654321"), Err(PasswordProblem::TooCommon));
        for good in
            ["only letters here", "902375610984576", "é".repeat(15).as_str(), "a".repeat(128).as_str()]
        {
            assert_eq!(strict(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn valid_passwords_in_several_scripts_are_accepted() {
        for good in ["Passw0rd1", "correct horse 1", "пароль123456", "p4ss🎬word", "a1a1a1a1x"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check(&format!("a1{}", "é".repeat(126))), Ok(()));
    }

    #[test]
    fn unicode_normalization_forms_of_a_text_are_the_same_password() {
        assert_eq!(PlainPassword::new("e\u{301}").expose(), PlainPassword::new("\u{e9}").expose());
    }

    #[test]
    fn the_common_list_has_a_thousand_passwords_that_the_policy_would_allow() {
        assert_eq!(COMMON_PASSWORDS.lines().count(), 1_000);
        assert!(COMMON_PASSWORDS.lines().all(|line| {
            line.chars().count() >= PasswordPolicy::Standard.least_length()
                && line.chars().any(char::is_alphabetic)
                && line.chars().any(is_digit)
                && line == line.to_lowercase()
        }));
    }

    #[test]
    fn the_long_list_has_the_passwords_that_the_strict_policy_would_allow() {
        assert_eq!(LONG_COMMON_PASSWORDS.lines().count(), 31);
        let least = PasswordPolicy::Strict.least_length();
        assert!(
            LONG_COMMON_PASSWORDS
                .lines()
                .all(|line| line.chars().count() >= least && line == line.to_lowercase())
        );
    }
}
