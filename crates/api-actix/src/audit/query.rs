//! The parameters of the audit log.

use app::accounts::ListAudit;
use domain::{
    audit::{AuditAction, AuditFilter},
    id::UserId,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    extract::{Fault, Faults, Input, Text},
    moment::Moment,
    page::PageParams,
    problem::FieldCode,
    rules::Rules,
};

/// What a reader of the log may ask for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AuditQuery {
    /// Done by this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    actor_id: Option<Text<UserId>>,
    /// Done to the user, the session or the movie with this identifier.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    object_id: Option<Uuid>,
    /// Of this action.
    #[schemars(example = AuditAction::SignedIn.as_str())]
    action: Option<Text<AuditAction>>,
    /// Done at this moment or later.
    #[schemars(example = "2026-11-22T10:00:00Z")]
    from: Option<Moment>,
    /// Done before this moment.
    #[schemars(example = "2026-11-23T10:00:00Z")]
    to: Option<Moment>,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for AuditQuery {
    type Checked = ListAudit;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListAudit> {
        let (from, to) = (self.from.map(|from| from.0), self.to.map(|to| to.0));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            faults.add("from", Fault::new(FieldCode::InvalidValue, "must not be after `to`"));
        }
        let filter = AuditFilter {
            actor: self.actor_id.map(|actor| actor.0),
            object: self.object_id,
            action: self.action.map(|action| action.0),
            from,
            to,
        };
        Some(ListAudit { filter, page: self.page.check(rules, faults)? })
    }
}
