use async_trait::async_trait;

use crate::{
    accounts::{
        EmailAddress, Profile, Role, User,
        email_address::{host_part_key, name_key},
    },
    id::UserId,
    page::{Page, PageRequest, Sort, SortKey},
    store::StoreError,
    time::Instant,
};

/// An account with its profile, as its owner and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// The identifier of the account.
    pub id: UserId,
    /// The address of the account.
    pub email: EmailAddress,
    /// The role, which determines what the owner may do.
    pub role: Role,
    /// Whether the owner of the account may sign in.
    pub is_active: bool,
    /// When the account was registered.
    pub created_at: Instant,
    /// The profile; `None` when there is none yet.
    pub profile: Option<Profile>,
}

impl UserDetails {
    /// Combines an account with its profile.
    #[must_use]
    pub fn of(user: &User, profile: Option<Profile>) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            role: user.role,
            is_active: user.is_active(),
            created_at: user.created_at,
            profile,
        }
    }
}

/// A filter of users. A match must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// A part of the email address.
    pub email: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// Whether the users may sign in.
    pub is_active: Option<bool>,
}

impl UserFilter {
    /// Returns the filter's part of an address, normalized like [`EmailAddress::key`]. An address matches when its key
    /// contains at least one of the returned texts. There may be two: a part without an `@` may belong to the name
    /// before the `@` or to the host, which are normalized differently. Empty when there is no filter by address.
    #[must_use]
    pub fn parts_of_key(&self) -> Vec<String> {
        let part = self.email.as_deref().unwrap_or_default().trim();
        let host_key = |part: &str| host_part_key(part).unwrap_or_else(|| name_key(part));
        let mut parts = match part.rsplit_once('@') {
            Some((name, host)) => vec![format!("{}@{}", name_key(name), host_key(host))],
            None => vec![name_key(part), host_key(part)],
        };
        parts.dedup();
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// The keys that users can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserSortKey {
    /// When the account was registered.
    CreatedAt,
    /// The address in its normalized form ([`EmailAddress::key`]).
    Email,
}

impl SortKey for UserSortKey {
    const NAMED: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt), ("email", Self::Email)];
}

/// How users are sorted.
pub type UserSort = Sort<UserSortKey>;

impl UserSort {
    /// The newest first: the default order.
    pub const NEWEST: Self = Self { key: UserSortKey::CreatedAt, descending: true };
}

/// Reads accounts with their profiles, outside a unit of work (transaction).
#[async_trait]
pub trait UserQueries: Send + Sync {
    /// A page of the users that match the filter, in the order of the sort keys. The part of the address in the filter
    /// MUST be compared literally, without wildcards. Ties MUST be broken by the identifier, in the direction of the
    /// last sort key. Numbered pages MUST contain the total number of matching users; pages after a position MUST NOT
    /// contain it. A position MUST stay valid when its user is changed or removed.
    async fn user_page(
        &self,
        filter: &UserFilter,
        sorts: &[UserSort],
        request: &PageRequest,
    ) -> Result<Page<UserDetails>, StoreError>;
    /// The user; `None` when there is no such user.
    async fn user_details(&self, id: UserId) -> Result<Option<UserDetails>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_address_is_compared_like_an_address() {
        let parts =
            |text: &str| UserFilter { email: Some(text.to_owned()), ..UserFilter::default() }.parts_of_key();
        for same in ["andr\u{e9}@", "ANDRE\u{301}@", "  Andr\u{e9}@\t"] {
            assert_eq!(parts(same), ["andr\u{e9}@"], "{same}");
        }
        assert_eq!(parts("%_\\"), ["%_\\"]);
        assert_eq!(parts("STRA\u{df}E"), ["stra\u{df}e"]);
        assert_eq!(parts("\u{df}@STRA\u{df}E.de"), ["\u{df}@stra\u{df}e.de"]);
        assert_eq!(parts("\u{ff21}nn"), ["\u{ff41}nn", "ann"]);
        assert_eq!(parts("ann@xn--mnchen-3ya"), ["ann@m\u{fc}nchen"]);
        for nothing in ["", "  "] {
            assert!(parts(nothing).is_empty());
        }
        assert!(UserFilter::default().parts_of_key().is_empty());
    }

    #[test]
    fn a_minus_before_a_sort_key_means_descending_order() {
        assert_eq!("-created_at".parse(), Ok(UserSort::NEWEST));
        assert_eq!("email".parse(), Ok(UserSort { key: UserSortKey::Email, descending: false }));
        assert!("role".parse::<UserSort>().is_err());
    }
}
