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

/// The filters, the sort keys and the page of the list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct UserQuery {
    /// A part of the email address; case is ignored.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    /// Users with this role.
    #[schemars(example = &"moderator")]
    role: Option<RoleBody>,
    /// Only users who may sign in (`true`) or may not (`false`).
    #[schemars(example = true)]
    is_active: Option<bool>,
    /// Sort keys separated by commas; a leading `-` sorts descending. The default is `-created_at`.
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
