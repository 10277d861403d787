use domain::audit::{AuditFilter, AuditRecord};

use super::Accounts;
use crate::paging::{ListError, Listing, PageSelection};

/// What an administrator wants to see of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct ListAudit {
    /// Which rows.
    pub filter: AuditFilter,
    /// Which part.
    pub page: PageSelection,
}

impl Accounts {
    /// A page of the audit log, the newest first, for administrators (quality E14).
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_audit(&self, wanted: ListAudit) -> Result<Listing<AuditRecord>, ListError> {
        let ListAudit { filter, page } = wanted;
        // Never parsed: it only has to be the same text for the same list.
        let context = format!("audit {filter:?}");
        let request = self.ports.cursors.request(&context, page)?;
        let page = self.ports.audit.audit_page(&filter, &request).await?;
        Ok(self.ports.cursors.listing(&context, &request, page))
    }
}

#[cfg(test)]
mod tests {
    use domain::audit::AuditAction;

    use super::*;
    use crate::accounts::doubles::{World, ann};

    #[tokio::test]
    async fn a_cursor_reads_on_in_the_same_list_and_in_no_other() {
        let world = World::new();
        world.signed_in(&ann()).await;
        let page = PageSelection::Numbered { page: 1, size: 2 };
        let wanted = ListAudit { filter: AuditFilter::default(), page };
        let first = world.accounts.list_audit(wanted.clone()).await.unwrap();
        let actions = |listing: &Listing<AuditRecord>| -> Vec<String> {
            listing.items.iter().map(|record| record.action.clone()).collect()
        };
        assert_eq!(actions(&first), ["signed_in", "activated"]);
        assert_eq!(first.total.unwrap().items, 3);
        let page = PageSelection::Cursor { text: first.next_cursor.unwrap(), size: 2 };
        let rest = ListAudit { page: page.clone(), ..wanted };
        assert_eq!(actions(&world.accounts.list_audit(rest).await.unwrap()), ["registered"]);
        let filter = AuditFilter { action: Some(AuditAction::SignedIn), ..AuditFilter::default() };
        let other = world.accounts.list_audit(ListAudit { filter, page }).await;
        assert!(matches!(other, Err(ListError::Cursor(_))));
    }
}
