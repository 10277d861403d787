use domain::audit::{AuditFilter, AuditRecord};

use super::Audit;
use crate::paging::{ListError, Listing, PageSelection};

/// Which entries of the audit log an administrator wants to see.
#[derive(Debug, Clone, PartialEq)]
pub struct ListAudit {
    /// Which entries.
    pub filter: AuditFilter,
    /// Which page.
    pub page: PageSelection,
}

impl Audit {
    /// A page of the audit log, the newest entries first, for administrators.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(&self, wanted: ListAudit) -> Result<Listing<AuditRecord>, ListError> {
        let ListAudit { filter, page } = wanted;
        // Never parsed: it only has to be equal for the same list.
        let context = format!("audit {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.audit_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }
}
