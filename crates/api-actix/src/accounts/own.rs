//! The caller's own password and sessions.

mod bodies;

use app::{
    accounts::{Accounts, ChangePasswordError, EndSessionError, PasswordChangeFaults},
    paging::ListError,
};
use domain::{accounts::HashError, id::SessionId, store::StoreError, throttle::TooManyFailures};
use paperclip::actix::api_v2_operation;

use self::bodies::{ChangePasswordBody, SessionBody};
use crate::{
    extract::{Body, Caller, NewPassword, Origin, PathId, Query, TypedPassword, UseCases},
    page::{PageBody, PageParams},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds, shared::password_code},
    refusals,
    reply::{NoContent, PrivatePage},
};

impl Refusal for PasswordChangeFaults {
    fn problem(&self) -> Problem {
        let current = self.is_current_wrong.then(|| {
            FieldProblem::new("current_password", FieldCode::WrongPassword, "is not the present password")
        });
        let new =
            self.new.map(|fault| FieldProblem::new("new_password", password_code(fault), fault.to_string()));
        Problem::invalid(current.into_iter().chain(new).collect())
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::VALIDATION_FAILED);
    }
}

refusals! {
    ChangePasswordError {
        SessionEnded => ACCESS_TOKEN_INVALID;
        via Faults: PasswordChangeFaults, via Throttled: TooManyFailures, via Hash: HashError, via Store: StoreError,
    }
    EndSessionError {
        NotFound => NOT_FOUND;
        via Store: StoreError,
    }
}

/// Change the caller's password.
///
/// The other sessions of the caller end, the calling one stays. Links to set a password that were mailed stop working,
/// and a mail tells the owner.
#[api_v2_operation(operation_id = "changePassword", tags("me"))]
pub(crate) async fn change_password(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Caller(actor, Body(body)): Caller<Body<ChangePasswordBody>>,
) -> Result<NoContent, Failure<ChangePasswordError>> {
    let ChangePasswordBody { current_password: TypedPassword(current), new_password: NewPassword(new) } =
        body;
    accounts
        .run(async move |accounts| accounts.change_password(actor, &current, &new, &origin).await)
        .await?;
    Ok(NoContent)
}

/// List the caller's sessions.
///
/// The live ones, at most 20, the one used last first. Signing in once more ends the one that was used longest ago.
#[api_v2_operation(operation_id = "listSessions", tags("me"))]
pub(crate) async fn list_sessions(
    accounts: UseCases<Accounts>,
    Caller(actor, Query(page)): Caller<Query<PageParams>>,
) -> Result<PrivatePage<SessionBody>, Failure<ListError>> {
    let listing = accounts.run(async move |accounts| accounts.sessions(actor.user_id, page).await).await?;
    let show = |session| SessionBody::of(session, actor.session_id);
    Ok(PrivatePage(PageBody::of(listing, show)))
}

/// End one of the caller's sessions.
///
/// It may be the calling one. 404 when it is not there, has ended, or is somebody else's.
#[api_v2_operation(operation_id = "endSession", tags("me"))]
pub(crate) async fn end_session(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Caller(actor, PathId(id, _)): Caller<PathId<SessionId>>,
) -> Result<NoContent, Failure<EndSessionError>> {
    accounts.run(async move |accounts| accounts.end_own_session(actor, id, &origin).await).await?;
    Ok(NoContent)
}

/// End all of the caller's sessions but the calling one.
///
/// When there is no other, nothing happens.
#[api_v2_operation(operation_id = "endOtherSessions", tags("me"))]
pub(crate) async fn end_other_sessions(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<StoreError>> {
    accounts.run(async move |accounts| accounts.end_other_sessions(actor, &origin).await).await?;
    Ok(NoContent)
}
