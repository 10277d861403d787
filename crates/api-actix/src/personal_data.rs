//! The caller's own data: a copy of it, and its deletion.

mod bodies;

use app::accounts::{Accounts, DeleteAccountError, ExportDataError};
use domain::{accounts::HashError, store::StoreError, throttle::TooManyFailures};
use paperclip::actix::api_v2_operation;

use self::bodies::{DeletionBody, PersonalDataBody};
use crate::{
    accounts::limits::Exports,
    extract::{Body, Caller, Limited, Origin, PublicUrl, UseCases},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    refusals,
    reply::{Download, NoContent},
};

refusals! {
    ExportDataError {
        Gone => ACCESS_TOKEN_INVALID;
        via Store: StoreError,
    }
}

impl Refusal for DeleteAccountError {
    fn problem(&self) -> Problem {
        match self {
            Self::WrongPassword => {
                let fault = FieldProblem::new("password", FieldCode::WrongPassword, self.to_string());
                Problem::invalid(vec![fault])
            }
            Self::LastAdmin => Problem::new(&kinds::LAST_ADMIN),
            Self::Gone => Problem::new(&kinds::ACCESS_TOKEN_INVALID),
            Self::Throttled(inner) => inner.problem(),
            Self::Hash(inner) => inner.problem(),
            Self::Store(inner) => inner.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::VALIDATION_FAILED, &kinds::LAST_ADMIN, &kinds::ACCESS_TOKEN_INVALID]);
        TooManyFailures::kinds(into);
        HashError::kinds(into);
        StoreError::kinds(into);
    }
}

/// Take a copy of one's own data.
///
/// All that is stored about the caller, as one JSON document to keep. Hashes of passwords and tokens are left out, and so is
/// what would tell of others.
#[api_v2_operation(operation_id = "exportMyData", tags("users"))]
pub(crate) async fn export(
    accounts: UseCases<Accounts>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    Caller(actor, _): Caller<Limited<Exports>>,
) -> Result<Download<PersonalDataBody>, Failure<ExportDataError>> {
    let (data, at) =
        accounts.run(async move |accounts| accounts.export_data(actor.user_id, &origin).await).await?;
    let file_name = format!("cinema-export-{}.json", at.format("%Y-%m-%d"));
    Ok(Download { body: PersonalDataBody::new(data, at, &public_url), file_name })
}

/// Delete one's own account.
///
/// For good. All that names the caller is erased, every session ends, and the address may be registered again. Purchases
/// stay in the books without a name. The last administrator cannot go.
#[api_v2_operation(operation_id = "deleteMyAccount", tags("users"))]
pub(crate) async fn delete(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Caller(actor, Body(body)): Caller<Body<DeletionBody>>,
) -> Result<NoContent, Failure<DeleteAccountError>> {
    accounts
        .run(async move |accounts| accounts.delete_account(actor.user_id, &body.password.0, &origin).await)
        .await?;
    Ok(NoContent)
}
