//! The parameters of the list of users.

use app::accounts::ListUsers;
use domain::{
    accounts::{MAX_EMAIL_LENGTH, UserFilter, UserSort},
    page::InvalidPage,
};
use schemars::JsonSchema;

use super::bodies::RoleBody;
use crate::{
    extract::{FromQuery, Params, values},
    page::{CURSOR, PageParams, sorts},
    state::Api,
};

/// What an administrator may ask for, once it was found sound.
#[derive(Debug)]
pub(crate) struct UserQuery {
    filter: UserFilter,
    sorts: Vec<UserSort>,
    page: PageParams,
}

/// The parameters as the document shows them; [`UserQuery::read`] reads the same names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct UserParameters {
    /// A text that stands in the address as it is, but for case.
    #[schemars(length(max = 254), example = "@example.com")]
    email: Option<String>,
    /// With this role.
    #[schemars(example = &"moderator")]
    role: Option<RoleBody>,
    /// Whether they may sign in.
    #[schemars(example = true)]
    is_active: Option<bool>,
    /// `created_at` or `email`, a `-` before it for the largest first, several separated by commas. Without it:
    /// `-created_at`.
    #[schemars(
        regex(pattern = "^-?(created_at|email)(,-?(created_at|email))*$"),
        example = "email,-created_at"
    )]
    sort: Option<String>,
    /// Counted from 1.
    #[schemars(range(min = 1), example = 1)]
    page: Option<u32>,
    /// How many items a page holds at most; 20 without it.
    #[schemars(range(min = 1, max = 100), example = 20)]
    page_size: Option<u32>,
    /// The `next_cursor` of the page before, in place of `page`.
    #[schemars(example = CURSOR)]
    cursor: Option<String>,
}

impl JsonSchema for UserQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        UserParameters::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        UserParameters::json_schema(generator)
    }
}

impl FromQuery for UserQuery {
    fn read(params: &mut Params, _api: &Api) -> Option<Self> {
        let email = params.optional("email", values::up_to(MAX_EMAIL_LENGTH));
        let role = params.optional("role", values::named);
        let is_active = params.optional("is_active", values::truth);
        let sorts = params.optional("sort", sorts);
        let page = PageParams::take(params);
        let filter = UserFilter { email: email?, role: role?, is_active: is_active? };
        Some(Self { filter, sorts: sorts?.unwrap_or_default(), page: page? })
    }
}

impl UserQuery {
    /// What the use case is asked, and the number and size of the page.
    ///
    /// # Errors
    /// When the page is too deep to be counted to.
    pub(crate) fn wanted(self) -> Result<(ListUsers, Option<u32>, u32), InvalidPage> {
        let (page, number, size) = self.page.selection()?;
        Ok((ListUsers { filter: self.filter, sorts: self.sorts, page }, number, size))
    }
}
