//! The parameters of the list of users.

use app::{accounts::ListUsers, paging::PageSelection};
use domain::accounts::{MAX_EMAIL_LENGTH, UserFilter, UserSortKey};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::RoleBody;
use crate::{
    extract::{Faults, Input, Sorts},
    page::PageParams,
    rules::Rules,
};

/// What an administrator may ask for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct UserQuery {
    /// A text that stands in the address as it is, but for case.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    /// With this role.
    #[schemars(example = &"moderator")]
    role: Option<RoleBody>,
    /// Whether they may sign in.
    #[schemars(example = true)]
    is_active: Option<bool>,
    /// Sorts separated by commas, a `-` before one for the largest first. Without it: `-created_at`.
    #[serde(default)]
    #[schemars(example = ["email", "-created_at"])]
    sort: Sorts<UserSortKey>,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for UserQuery {
    type Checked = ListUsers;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListUsers> {
        let filter =
            UserFilter { email: self.email, role: self.role.map(Into::into), is_active: self.is_active };
        let page: PageSelection = self.page.check(rules, faults)?;
        Some(ListUsers { filter, sorts: self.sort.0, page })
    }
}
