//! The audit log, for administrators (quality E14).

pub(crate) mod bodies;
mod query;

use actix_web::web;
use app::paging::ListError;
use paperclip::actix::api_v2_operation;

use self::{bodies::AuditEntryBody, query::AuditQuery};
use crate::{
    extract::{Admin, Query},
    page::PageBody,
    problem::Failure,
    reply::PrivatePage,
    state::Api,
};

/// List the audit log.
///
/// The newest first. Filters must all be met; deep pages are read by `cursor`.
#[api_v2_operation(operation_id = "listAudit", tags("users"))]
pub(crate) async fn list(
    api: web::Data<Api>,
    admin: Admin<Query<AuditQuery>>,
) -> Result<PrivatePage<AuditEntryBody>, Failure<ListError>> {
    let Query(wanted) = admin.rest;
    let accounts = api.accounts();
    let listing = api.run(async move { accounts.list_audit(wanted).await }).await?;
    Ok(PrivatePage(PageBody::of(listing, AuditEntryBody::from)))
}
