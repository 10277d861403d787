/// A user's rating of a movie: a whole number from 1 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(i16);

/// The number is not between 1 and 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a score is between 1 and 10")]
pub struct InvalidScore;

impl Score {
    /// The score as a number.
    #[must_use]
    pub const fn value(self) -> i16 {
        self.0
    }
}

impl TryFrom<i16> for Score {
    type Error = InvalidScore;

    fn try_from(value: i16) -> Result<Self, Self::Error> {
        if (1..=10).contains(&value) { Ok(Self(value)) } else { Err(InvalidScore) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_between_1_and_10() {
        for (value, is_valid) in [(0, false), (1, true), (10, true), (11, false), (-1, false)] {
            assert_eq!(Score::try_from(value).is_ok(), is_valid, "{value}");
        }
    }
}
