use domain::audit::{AuditFilter, AuditRecord};

use super::Audit;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of the list of audit log entries.
#[derive(Debug, Clone, PartialEq)]
pub struct ListAudit {
    /// Which entries.
    pub filter: AuditFilter,
    /// Which page.
    pub page: PageSelection,
}

impl Audit {
    /// Returns a page of the audit log, the newest entries first, for administrators.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(&self, wanted: ListAudit) -> Result<Listing<AuditRecord>, ListError> {
        let ListAudit { filter, page } = wanted;
        // Never parsed; it only must be equal for the same list.
        let context = format!("audit {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.audit_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }
}
