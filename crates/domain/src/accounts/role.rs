use std::str::FromStr;

/// The role of a user. Roles are ordered: each role includes the permissions of the roles before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Browses, rates, buys and watches.
    User,
    /// Manages the catalogue and comments, and sees orders, payments, disputes and sales.
    Moderator,
    /// Manages users and refunds, and reads the audit log.
    Admin,
}

/// The text is not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a role; the roles are user, moderator and admin")]
pub struct UnknownRole;

impl Role {
    /// The name of the role, such as `moderator`.
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
    fn each_role_includes_the_permissions_of_the_previous_one() {
        assert!(Role::User < Role::Moderator && Role::Moderator < Role::Admin);
    }
}
