//! The audit log, for administrators.

pub(crate) mod bodies;
mod query;

use app::{audit::Audit, paging::ListError};
use paperclip::actix::api_v2_operation;

use self::{bodies::AuditEntryBody, query::AuditQuery};
use crate::{
    extract::{Admin, Query, UseCases},
    page::PageBody,
    problem::Failure,
    reply::PrivatePage,
};

/// List the audit log.
///
/// Entries that match all filters, newest first. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "listAudit", tags("users"))]
pub(crate) async fn list(
    audit: UseCases<Audit>,
    Admin(_, Query(wanted)): Admin<Query<AuditQuery>>,
) -> Result<PrivatePage<AuditEntryBody>, Failure<ListError>> {
    let listing = audit.run(async move |audit| audit.list(wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, AuditEntryBody::from)))
}
