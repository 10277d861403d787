//! The parameters of the audit log.

use app::audit::ListAudit;
use domain::{
    audit::{AuditAction, AuditFilter},
    id::UserId,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    extract::{Faults, Input, Text},
    page::PageParams,
    period::{Period, PeriodParams},
    rules::Rules,
};

/// The filters and page of the log.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AuditQuery {
    /// Entries of actions by this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    actor_id: Option<Text<UserId>>,
    /// Entries of actions on the object with this identifier.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    object_id: Option<Uuid>,
    /// Entries of this action.
    #[schemars(example = AuditAction::SignedIn.as_str())]
    action: Option<Text<AuditAction>>,
    #[serde(flatten)]
    period: PeriodParams,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for AuditQuery {
    type Checked = ListAudit;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListAudit> {
        let (period, page) = (self.period.check(rules, faults), self.page.check(rules, faults));
        let Period { from, to } = period?;
        let filter = AuditFilter {
            actor: self.actor_id.map(|actor| actor.0),
            object: self.object_id,
            action: self.action.map(|action| action.0),
            from,
            to,
        };
        Some(ListAudit { filter, page: page? })
    }
}
