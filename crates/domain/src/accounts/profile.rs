use std::str::FromStr;

use chrono::NaiveDate;

use crate::{
    id::{ProfileId, UserId},
    media::MediaKey,
};

/// How a person wants to be addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gender {
    /// A man.
    Man,
    /// A woman.
    Woman,
    /// Neither, or not to be said.
    Other,
}

/// The text names no gender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of man, woman, other")]
pub struct UnknownGender;

impl Gender {
    /// The name in the API and in the store.
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

/// What a person says of themselves (R23): all of it optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its identifier.
    pub id: ProfileId,
    /// Whose it is; a user has one at most.
    pub user_id: UserId,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// How to address them.
    pub gender: Option<Gender>,
    /// The day they were born.
    pub date_of_birth: Option<NaiveDate>,
    /// What they want others to know.
    pub info: Option<String>,
    /// The stored picture.
    pub avatar: Option<MediaKey>,
}

impl Profile {
    /// One that says nothing.
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
}
