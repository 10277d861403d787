use domain::audit::{AuditFilter, AuditRecord};

use super::Audit;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of the list of audit log entries.
#[derive(Debug, Clone, PartialEq)]
pub struct ListAudit {
    /// The conditions that the listed entries meet.
    pub filter: AuditFilter,
    /// The requested page.
    pub page: PageSelection,
}

impl Audit {
    /// Returns a page of the audit log, the newest entries first, for administrators.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(&self, wanted: ListAudit) -> Result<Listing<AuditRecord>, ListError> {
        let ListAudit { filter, page } = wanted;
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("audit {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.audit_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }
}
