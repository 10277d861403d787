//! What is stored of the caller: a copy of it, and its end (api.md, section 3; quality B13).

mod bodies;

use actix_web::{HttpRequest, web};
use app::accounts::{DeleteAccountError, ExportDataError};
use domain::{accounts::HashError, store::StoreError, throttle::TooManyFailures};
use paperclip::actix::api_v2_operation;

use self::bodies::{DeletionBody, PersonalDataBody};
use crate::{
    extract::{Body, Caller, origin_of},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    refusals,
    reply::{Download, NoContent},
    state::Api,
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
    request: HttpRequest,
    api: web::Data<Api>,
    caller: Caller,
) -> Result<Download<PersonalDataBody>, Failure<ExportDataError>> {
    let accounts = api.accounts();
    let (user_id, origin) = (caller.actor.user_id, origin_of(&request));
    let counted = api.limits.count(&request, |limits| &limits.fixed.export, &user_id.to_string()).await;
    counted.map_err(Failure::Broken)?;
    let (data, at) = api.run(async move { accounts.export_data(user_id, &origin).await }).await?;
    let file_name = format!("cinema-export-{}.json", at.format("%Y-%m-%d"));
    Ok(Download { body: PersonalDataBody::new(data, at, &api.settings.public_url), file_name })
}

/// Delete one's own account.
///
/// For good. All that names the caller is erased, every session ends, and the address may be registered again. Purchases
/// stay in the books without a name. The last administrator cannot go.
#[api_v2_operation(operation_id = "deleteMyAccount", tags("users"))]
pub(crate) async fn delete(
    request: HttpRequest,
    api: web::Data<Api>,
    caller: Caller<Body<DeletionBody>>,
) -> Result<NoContent, Failure<DeleteAccountError>> {
    let accounts = api.accounts();
    let Caller { actor, rest: Body(body) } = caller;
    let origin = origin_of(&request);
    api.run(async move { accounts.delete_account(actor.user_id, &body.password.0, &origin).await }).await?;
    Ok(NoContent)
}
