use std::str::FromStr;

/// What a user may do; each role may do all that the one before it may (R17–R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Browses, rates, buys and watches.
    User,
    /// Looks after the catalogue and sees sales.
    Moderator,
    /// Looks after users and money.
    Admin,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a role: user, moderator or admin")]
pub struct UnknownRole;

impl Role {
    /// The name in the API and in tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::User, Self::Moderator, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn each_role_may_do_what_the_one_before_may() {
        assert!(Role::User < Role::Moderator && Role::Moderator < Role::Admin);
    }
}
