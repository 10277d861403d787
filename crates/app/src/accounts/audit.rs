use domain::{
    accounts::{AccountUnit, Origin},
    audit::{AuditAction, AuditEntry, AuditObject, AuditState},
    id::UserId,
    store::StoreError,
    time::Instant,
};

use super::Accounts;

/// Something that the audit log tells of.
pub(super) struct Deed {
    action: AuditAction,
    actor: Option<UserId>,
    object: Option<AuditObject>,
    before: Option<AuditState>,
    after: Option<AuditState>,
}

impl Deed {
    /// Done by the user, or by nobody who was signed in.
    pub(super) fn by(actor: impl Into<Option<UserId>>, action: AuditAction) -> Self {
        Self { action, actor: actor.into(), object: None, before: None, after: None }
    }

    /// What it was done to.
    pub(super) fn on(self, object: AuditObject) -> Self {
        Self { object: Some(object), ..self }
    }

    /// What it became.
    pub(super) fn to(self, after: AuditState) -> Self {
        Self { after: Some(after), ..self }
    }
}

impl Accounts {
    /// Writes the deed into the audit log, with the unit that does it.
    pub(super) async fn record(
        &self,
        unit: &mut dyn AccountUnit,
        deed: Deed,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry {
            id: self.ports.ids.next(),
            at: now,
            action: deed.action,
            actor: deed.actor,
            object: deed.object,
            before: deed.before,
            after: deed.after,
            ip: origin.device.ip,
            request_id: origin.request_id.clone(),
        };
        unit.audit().append(&entry).await
    }
}
