use domain::accounts::{UserDetails, UserFilter, UserSort};

use super::Users;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of the list of users.
#[derive(Debug, Clone, PartialEq)]
pub struct ListUsers {
    /// The conditions that the listed users meet.
    pub filter: UserFilter,
    /// The order; by default the newest first.
    pub sorts: Vec<UserSort>,
    /// The requested page.
    pub page: PageSelection,
}

impl Users {
    /// Returns a page of the users, for administrators.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(&self, wanted: ListUsers) -> Result<Listing<UserDetails>, ListError> {
        let ListUsers { filter, mut sorts, page } = wanted;
        if sorts.is_empty() {
            sorts.push(UserSort::NEWEST);
        }
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("users {filter:?} {sorts:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.user_page(&filter, &sorts, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        accounts::{Role, UserSortKey},
        id::UserId,
    };

    use super::*;
    use crate::accounts::doubles::{World, ann, email};

    const BY_EMAIL: UserSort = UserSort { key: UserSortKey::Email, descending: false };

    fn wanted(sorts: &[UserSort], size: u32) -> ListUsers {
        let page = PageSelection::Numbered { page: 1, size };
        ListUsers { filter: UserFilter::default(), sorts: sorts.to_vec(), page }
    }

    fn addresses(listing: &Listing<UserDetails>) -> Vec<&str> {
        listing.items.iter().map(|user| user.email.as_str()).collect()
    }

    #[tokio::test]
    async fn by_default_the_newest_are_first() {
        let world = World::new().await;
        world.registered(&email("old@example.com")).await;
        world.seconds_pass(1);
        world.registered(&ann()).await;
        let listing = world.users.list(wanted(&[], 20)).await.unwrap();
        assert_eq!(addresses(&listing), ["ann@example.com", "old@example.com"]);
        assert_eq!(listing.total.unwrap().items, 2);
        let listing = world.users.list(wanted(&[BY_EMAIL], 20)).await.unwrap();
        assert_eq!(addresses(&listing), ["ann@example.com", "old@example.com"]);
    }

    #[tokio::test]
    async fn a_cursor_continues_the_same_list_and_no_other() {
        let world = World::new().await;
        for name in ["c", "a", "b"] {
            world.registered(&email(&format!("{name}@example.com"))).await;
        }
        let first = world.users.list(wanted(&[BY_EMAIL], 2)).await.unwrap();
        assert_eq!(addresses(&first), ["a@example.com", "b@example.com"]);
        let page = PageSelection::Cursor { text: first.next_cursor.unwrap(), size: 2 };
        let rest = ListUsers { page: page.clone(), ..wanted(&[BY_EMAIL], 2) };
        let rest = world.users.list(rest).await.unwrap();
        assert_eq!(
            (addresses(&rest), rest.total, rest.next_cursor.as_ref()),
            (vec!["c@example.com"], None, None)
        );
        let filter = UserFilter { role: Some(Role::User), ..UserFilter::default() };
        for other in [
            ListUsers { page: page.clone(), ..wanted(&[], 2) },
            ListUsers { filter, page, ..wanted(&[BY_EMAIL], 2) },
        ] {
            let refused = world.users.list(other).await;
            assert!(matches!(refused, Err(ListError::Cursor(_))));
        }
    }

    #[tokio::test]
    async fn a_user_is_shown_and_an_unknown_one_is_none() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let id = world.user(&ann()).await.id;
        let shown = world.users.show(id).await.unwrap().unwrap();
        assert_eq!((shown.email, shown.role, shown.is_active), (ann(), Role::User, false));
        let unknown = UserId::from_uuid(uuid::Uuid::from_u128(999));
        assert_eq!(world.users.show(unknown).await.unwrap(), None);
    }
}
