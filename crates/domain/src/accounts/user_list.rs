use async_trait::async_trait;

use super::email_address::folded;
use crate::{
    accounts::{EmailAddress, Profile, Role, User},
    id::UserId,
    page::{Page, PageRequest, Sort, SortKey},
    store::StoreError,
    time::Instant,
};

/// An account with what its owner says of themselves: as the owner and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// Its identifier.
    pub id: UserId,
    /// Its address.
    pub email: EmailAddress,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Instant,
    /// What its owner says; `None` while nothing was ever said.
    pub profile: Option<Profile>,
}

impl UserDetails {
    /// The account with this profile.
    #[must_use]
    pub fn of(user: &User, profile: Option<Profile>) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            role: user.role,
            is_active: user.is_active,
            created_at: user.created_at,
            profile,
        }
    }
}

/// Which users are wanted: those that meet all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// A part of the address.
    pub email: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub is_active: Option<bool>,
}

impl UserFilter {
    /// The part of the address as keys are written; `None` when nothing is asked of the address.
    #[must_use]
    pub fn folded_email(&self) -> Option<String> {
        self.email.as_deref().map(|part| folded(part.trim())).filter(|part| !part.is_empty())
    }
}

/// By what users can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserSortKey {
    /// When the account was made.
    CreatedAt,
    /// The address, by its key.
    Email,
}

impl SortKey for UserSortKey {
    const NAMED: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt), ("email", Self::Email)];
}

/// How users are sorted.
pub type UserSort = Sort<UserSortKey>;

impl UserSort {
    /// The newest first: how users are sorted when nobody says.
    pub const NEWEST: Self = Self { key: UserSortKey::CreatedAt, descending: true };
}

/// Reads accounts with their profiles, outside a unit of work.
#[async_trait]
pub trait UserQueries: Send + Sync {
    /// A page of the users that meet the filter, in this order. The part of the address MUST be taken as it is, whatever
    /// characters are in it; ties MUST be broken by the identifier, in the direction of the last sort; numbered pages
    /// MUST have the total, those behind a position MUST NOT, and positions MUST hold when their user changes or goes.
    async fn page(
        &self,
        filter: &UserFilter,
        sorts: &[UserSort],
        request: &PageRequest,
    ) -> Result<Page<UserDetails>, StoreError>;
    /// The user, or `None`.
    async fn find(&self, id: UserId) -> Result<Option<UserDetails>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_address_is_folded_like_an_address() {
        let part =
            |text: &str| UserFilter { email: Some(text.to_owned()), ..UserFilter::default() }.folded_email();
        for same in ["andr\u{e9}@", "ANDRE\u{301}@", "  Andr\u{e9}@\t"] {
            assert_eq!(part(same).as_deref(), Some("andr\u{e9}@"), "{same}");
        }
        assert_eq!(part("%_\\").as_deref(), Some("%_\\"));
        for nothing in ["", "  "] {
            assert_eq!(part(nothing), None);
        }
    }

    #[test]
    fn a_minus_sorts_the_largest_first() {
        assert_eq!("-created_at".parse(), Ok(UserSort::NEWEST));
        assert_eq!("email".parse(), Ok(UserSort { key: UserSortKey::Email, descending: false }));
        assert!("role".parse::<UserSort>().is_err());
    }
}
