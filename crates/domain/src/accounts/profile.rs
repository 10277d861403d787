mod ports;
mod store;

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

use crate::{
    id::{ProfileId, UserId},
    media::MediaKey,
    text::{clean_name, has_visible_character, is_control_character},
};

pub use self::{
    ports::ProfileRepository,
    store::{ProfileStore, ProfileUnit},
};

/// The gender that a person states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gender {
    /// A man.
    Man,
    /// A woman.
    Woman,
    /// Another gender, or deliberately not stated.
    Other,
}

/// The text is not the name of a gender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of man, woman, other")]
pub struct UnknownGender;

impl Gender {
    /// The name of the gender, such as `woman`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Man => "man",
            Self::Woman => "woman",
            Self::Other => "other",
        }
    }
}

impl FromStr for Gender {
    type Err = UnknownGender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Man, Self::Woman, Self::Other]
            .into_iter()
            .find(|gender| gender.as_str() == text)
            .ok_or(UnknownGender)
    }
}

/// The maximum length of a given or family name, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// The maximum length of the text about a person, in characters.
pub const MAX_INFO_LENGTH: usize = 2_000;

/// The minimum age of a user who states a date of birth.
const MIN_AGE_YEARS: u32 = 13;

/// The maximum age of a user who states a date of birth.
const MAX_AGE_YEARS: u32 = 150;

/// Why a text cannot be in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfileText {
    /// A name has no visible character, or a text about a person is empty after trimming.
    #[error("must not be blank; null clears it")]
    Blank,
    /// The text has too many characters after trimming.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// The text contains a control character that is not allowed in it.
    #[error("must not contain control characters")]
    ControlCharacter,
}

/// A given or family name: trimmed, on one line, without format characters (see [`clean_name`]), with 1 to
/// [`MAX_NAME_LENGTH`] characters, of which at least one is visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// A text about a person: trimmed, with 1 to [`MAX_INFO_LENGTH`] characters, on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileInfo(String);

impl FromStr for PersonName {
    type Err = InvalidProfileText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = clean_name(text);
        if !has_visible_character(&name) {
            return Err(InvalidProfileText::Blank);
        }
        checked(&name, MAX_NAME_LENGTH, is_control_character).map(Self)
    }
}

impl FromStr for ProfileInfo {
    type Err = InvalidProfileText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.replace("\r\n", "\n");
        checked(&text, MAX_INFO_LENGTH, |character| character.is_control() && !"\n\t".contains(character))
            .map(Self)
    }
}

fn checked(
    text: &str,
    most: usize,
    is_forbidden: impl Fn(char) -> bool,
) -> Result<String, InvalidProfileText> {
    let text = text.trim();
    if text.is_empty() {
        Err(InvalidProfileText::Blank)
    } else if text.chars().any(is_forbidden) {
        Err(InvalidProfileText::ControlCharacter)
    } else if text.chars().count() > most {
        Err(InvalidProfileText::TooLong(most))
    } else {
        Ok(text.to_owned())
    }
}

/// Why a day is not an acceptable date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDateOfBirth {
    /// The day is today or later.
    #[error("must be in the past")]
    NotPast,
    /// The person would be too young.
    #[error("must be at least {MIN_AGE_YEARS} years ago")]
    TooYoung,
    /// The person would be too old.
    #[error("must be at most {MAX_AGE_YEARS} years ago")]
    TooOld,
}

/// An acceptable date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateOfBirth(NaiveDate);

impl DateOfBirth {
    /// Checks the day against today's date.
    ///
    /// # Errors
    /// See [`InvalidDateOfBirth`].
    pub fn new(day: NaiveDate, today: NaiveDate) -> Result<Self, InvalidDateOfBirth> {
        if day >= today {
            return Err(InvalidDateOfBirth::NotPast);
        }
        match age(day, today) {
            ..MIN_AGE_YEARS => Err(InvalidDateOfBirth::TooYoung),
            MIN_AGE_YEARS..=MAX_AGE_YEARS => Ok(Self(day)),
            _ => Err(InvalidDateOfBirth::TooOld),
        }
    }
}

/// Returns the age today, in years. A birthday on 29 February is on 1 March in years without that day.
fn age(born: NaiveDate, today: NaiveDate) -> u32 {
    let years = today.year().saturating_sub(born.year());
    let is_to_come = (today.month(), today.day()) < (born.month(), born.day());
    u32::try_from(years.saturating_sub(i32::from(is_to_come))).unwrap_or_default()
}

/// A change of a field that may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field is not changed.
    #[default]
    Keep,
    /// The field becomes empty.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Change<T> {
    fn apply<V>(self, field: &mut Option<V>, stored: impl FnOnce(T) -> V) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(stored(value)),
        }
    }
}

/// Changes to a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// The given name.
    pub first_name: Change<PersonName>,
    /// The family name.
    pub last_name: Change<PersonName>,
    /// The gender.
    pub gender: Change<Gender>,
    /// The date of birth.
    pub date_of_birth: Change<DateOfBirth>,
    /// A text about the person.
    pub info: Change<ProfileInfo>,
}

/// The data that users provide about themselves. All of it is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The identifier of the profile.
    pub id: ProfileId,
    /// The user of the profile, who has at most one profile.
    pub user_id: UserId,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The gender.
    pub gender: Option<Gender>,
    /// The date of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// A text about the person.
    pub info: Option<String>,
    /// The key of the stored avatar.
    pub avatar: Option<MediaKey>,
}

impl Profile {
    /// A profile without any data.
    #[must_use]
    pub const fn empty(id: ProfileId, user_id: UserId) -> Self {
        Self {
            id,
            user_id,
            first_name: None,
            last_name: None,
            gender: None,
            date_of_birth: None,
            info: None,
            avatar: None,
        }
    }

    /// Applies the changes.
    pub fn change(&mut self, changes: ProfileChanges) {
        let ProfileChanges { first_name, last_name, gender, date_of_birth, info } = changes;
        first_name.apply(&mut self.first_name, |name| name.0);
        last_name.apply(&mut self.last_name, |name| name.0);
        gender.apply(&mut self.gender, |gender| gender);
        date_of_birth.apply(&mut self.date_of_birth, |day| day.0);
        info.apply(&mut self.info, |info| info.0);
    }
}

/// Returns the name under which other users see a user: the names in the profile, or else `Member` and the last four
/// characters of the identifier. The email address of the user is not used.
#[must_use]
pub fn public_name(id: UserId, first_name: Option<&str>, last_name: Option<&str>) -> String {
    let names = [first_name, last_name].into_iter().flatten().map(clean_name);
    let names: Vec<String> = names.filter(|name| has_visible_character(name)).collect();
    if names.is_empty() {
        let id = id.to_string();
        format!("Member {}", id.get(id.len().saturating_sub(4)..).unwrap_or_default())
    } else {
        names.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn a_user_without_names_is_shown_as_a_member() {
        let id = UserId::from_uuid(Uuid::from_u128(0xabcd));
        assert_eq!(public_name(id, None, None), "Member abcd");
        assert_eq!(public_name(id, Some(" "), Some("\u{200b}")), "Member abcd");
        assert_eq!(public_name(id, Some("Ann"), None), "Ann");
        assert_eq!(public_name(id, Some("Ann"), Some("Lee")), "Ann Lee");
    }

    #[test]
    fn names_are_trimmed_and_have_one_line_of_at_most_a_hundred_characters() {
        assert_eq!("  Zoë Æ. O'Hara-Łuk \u{3000}".parse(), Ok(PersonName("Zoë Æ. O'Hara-Łuk".to_owned())));
        assert!("🎬".repeat(100).parse::<PersonName>().is_ok());
        assert_eq!("🎬".repeat(101).parse::<PersonName>(), Err(InvalidProfileText::TooLong(100)));
        assert_eq!("\u{202e}Ann\u{200b}".parse(), Ok(PersonName("Ann".to_owned())));
        for blank in ["", " ", "\n\t ", "\u{200b}", "\u{3164}"] {
            assert_eq!(blank.parse::<PersonName>(), Err(InvalidProfileText::Blank));
        }
        for control in ["a\0b", "a\nb", "a\u{7f}b", "a\u{85}b", "a\u{2028}b", "\u{1b}[31m"] {
            assert_eq!(
                control.parse::<PersonName>(),
                Err(InvalidProfileText::ControlCharacter),
                "{control:?}"
            );
        }
    }

    #[test]
    fn the_text_about_a_person_keeps_its_lines() {
        assert_eq!(" one\r\n\ttwo\n".parse(), Ok(ProfileInfo("one\n\ttwo".to_owned())));
        assert!("é".repeat(2_000).parse::<ProfileInfo>().is_ok());
        assert_eq!("é".repeat(2_001).parse::<ProfileInfo>(), Err(InvalidProfileText::TooLong(2_000)));
        assert_eq!("a\u{8}b".parse::<ProfileInfo>(), Err(InvalidProfileText::ControlCharacter));
    }

    #[test]
    fn the_age_increases_on_the_day_of_the_birthday() {
        let today = day(2026, 11, 23);
        for (born, expected) in [
            (day(2013, 11, 23), Ok(())),
            (day(2013, 11, 24), Err(InvalidDateOfBirth::TooYoung)),
            (day(2026, 11, 22), Err(InvalidDateOfBirth::TooYoung)),
            (today, Err(InvalidDateOfBirth::NotPast)),
            (day(2999, 1, 1), Err(InvalidDateOfBirth::NotPast)),
            (day(1876, 11, 23), Ok(())),
            (day(1875, 11, 24), Ok(())),
            (day(1875, 11, 23), Err(InvalidDateOfBirth::TooOld)),
            (NaiveDate::MIN, Err(InvalidDateOfBirth::TooOld)),
        ] {
            assert_eq!(DateOfBirth::new(born, today).map(drop), expected, "{born}");
        }
        let leap = day(2012, 2, 29);
        assert_eq!(DateOfBirth::new(leap, day(2025, 2, 28)), Err(InvalidDateOfBirth::TooYoung));
        assert!(DateOfBirth::new(leap, day(2025, 3, 1)).is_ok());
    }

    #[test]
    fn a_change_keeps_omitted_values() {
        let id = Uuid::nil();
        let mut profile = Profile::empty(ProfileId::from_uuid(id), UserId::from_uuid(id));
        profile.avatar = Some(MediaKey::avatar(id));
        let name = |text: &str| Change::Set(text.parse().unwrap());
        profile.change(ProfileChanges { first_name: name("Ann"), ..ProfileChanges::default() });
        profile.change(ProfileChanges {
            last_name: name("Lee"),
            gender: Change::Set(Gender::Woman),
            ..ProfileChanges::default()
        });
        profile.change(ProfileChanges { gender: Change::Clear, ..ProfileChanges::default() });
        let expected = Profile {
            first_name: Some("Ann".to_owned()),
            last_name: Some("Lee".to_owned()),
            avatar: Some(MediaKey::avatar(id)),
            ..Profile::empty(profile.id, profile.user_id)
        };
        assert_eq!(profile, expected);
    }

    proptest! {
        #[test]
        fn a_parsed_name_parses_to_itself(text in "\\PC{0,120}") {
            if let Ok(name) = text.parse::<PersonName>() {
                prop_assert_eq!(name.0.parse(), Ok(name.clone()));
            }
        }
    }
}
