//! The parameters of the audit log.

use app::accounts::ListAudit;
use domain::{
    audit::{AuditAction, AuditFilter},
    id::UserId,
    page::InvalidPage,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use uuid::Uuid;

use crate::{
    extract::{FromQuery, Params, values},
    moment::Moment,
    page::{CURSOR, PageParams},
    state::Api,
};

/// What a reader of the log may ask for, once it was found sound.
#[derive(Debug)]
pub(crate) struct AuditQuery {
    filter: AuditFilter,
    page: PageParams,
}

/// The name of an action, for the document.
enum ActionName {}

impl JsonSchema for ActionName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AuditAction".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": AuditAction::ALL.map(AuditAction::as_str)})
    }
}

/// The parameters as the document shows them; [`AuditQuery::read`] reads the same names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct AuditParameters {
    /// Done by this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    actor_id: Option<Uuid>,
    /// Done to the user, the session or the movie with this identifier.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    object_id: Option<Uuid>,
    /// Of this action.
    #[schemars(example = AuditAction::SignedIn.as_str())]
    action: Option<ActionName>,
    /// Done at this moment or later.
    #[schemars(example = "2026-11-22T10:00:00Z")]
    from: Option<Moment>,
    /// Done before this moment.
    #[schemars(example = "2026-11-23T10:00:00Z")]
    to: Option<Moment>,
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

impl JsonSchema for AuditQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        AuditParameters::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        AuditParameters::json_schema(generator)
    }
}

impl FromQuery for AuditQuery {
    fn read(params: &mut Params, _api: &Api) -> Option<Self> {
        let actor = params.optional("actor_id", values::id::<UserId>);
        // Of whatever kind it is: all identifiers are written alike.
        let object = params.optional("object_id", values::id::<UserId>);
        let action = params.optional("action", values::named::<AuditAction>);
        let from = params.optional("from", values::moment);
        let to = params.optional("to", values::moment);
        let page = PageParams::take(params);
        let filter = AuditFilter {
            actor: actor?,
            object: object?.map(|id| id.as_uuid()),
            action: action?,
            from: from?,
            to: to?,
        };
        Some(Self { filter, page: page? })
    }
}

impl AuditQuery {
    /// What the use case is asked, and the number and size of the page.
    ///
    /// # Errors
    /// When the page is too deep to be counted to.
    pub(crate) fn wanted(self) -> Result<(ListAudit, Option<u32>, u32), InvalidPage> {
        let (page, number, size) = self.page.selection()?;
        Ok((ListAudit { filter: self.filter, page }, number, size))
    }
}
