//! Export and deletion of the caller's own data.

mod bodies;
mod download;
mod opinions;

use app::accounts::{DeleteAccountError, OwnData};
use domain::{
    accounts::{AccessError, HashError},
    store::StoreError,
    throttle::TooManyFailures,
};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{DeletionBody, PersonalDataBody},
    download::ExportDownload,
};
use super::limits::Exports;
use crate::{
    extract::{Body, Caller, LargeExport, Limited, Origin, PublicUrl, UseCases},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    reply::NoContent,
};

impl Refusal for DeleteAccountError {
    fn problem(&self) -> Problem {
        match self {
            Self::WrongPassword => {
                let fault = FieldProblem::new("password", FieldCode::WrongPassword, self.to_string());
                Problem::invalid(vec![fault])
            }
            Self::LastAdmin(_) => Problem::new(&kinds::LAST_ADMIN),
            Self::OrderPending => Problem::new(&kinds::ORDER_PENDING),
            Self::Access(inner) => inner.problem(),
            Self::Throttled(inner) => inner.problem(),
            Self::Hash(inner) => inner.problem(),
            Self::Store(inner) => inner.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::VALIDATION_FAILED, &kinds::LAST_ADMIN, &kinds::ORDER_PENDING]);
        AccessError::kinds(into);
        TooManyFailures::kinds(into);
        HashError::kinds(into);
        StoreError::kinds(into);
    }
}

/// Export the caller's data.
///
/// Everything that is stored about the caller, as one JSON document to download. Hashes of passwords and tokens and the
/// data of other users are not included.
#[api_v2_operation(operation_id = "exportMyData", tags("me"))]
pub(crate) async fn export(
    own_data: UseCases<OwnData>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    Caller(actor, Limited(LargeExport(permit), ())): Caller<Limited<Exports, LargeExport>>,
) -> Result<ExportDownload, Failure<AccessError>> {
    let (data, at) = own_data.run(async move |own_data| own_data.export(actor, &origin).await).await?;
    let file_name = format!("cinema-export-{}.json", at.format("%Y-%m-%d"));
    let (user_id, body) = (data.user.id, PersonalDataBody::new(data, at, &public_url));
    Ok(ExportDownload { body, user_id, own_data, permit, file_name })
}

/// Delete the caller's account.
///
/// This cannot be undone. Personal data are erased, every session ends, and the email address can be registered again.
/// Orders, payments and purchases are kept without personal data. The account of the last active administrator, or an
/// account with a pending order, cannot be deleted.
#[api_v2_operation(operation_id = "deleteMyAccount", tags("me"))]
pub(crate) async fn delete(
    own_data: UseCases<OwnData>,
    Origin(origin): Origin,
    Caller(actor, Body(body)): Caller<Body<DeletionBody>>,
) -> Result<NoContent, Failure<DeleteAccountError>> {
    own_data.run(async move |own_data| own_data.delete(actor, &body.password.0, &origin).await).await?;
    Ok(NoContent)
}
