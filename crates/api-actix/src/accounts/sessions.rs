//! Sessions and passwords: signing in, tokens, the caller's sessions, and changing passwords, which ends sessions.

pub(crate) mod bodies;

use app::{
    accounts::{
        ChangePasswordError, EndSessionError, LogInError, PasswordChangeFaults, RefreshError,
        ResetPasswordError, Sessions,
    },
    paging::ListError,
};
use domain::{
    accounts::{AccessError, HashError, PasswordProblem},
    id::SessionId,
    store::StoreError,
    throttle::TooManyFailures,
};
use paperclip::actix::api_v2_operation;

use self::bodies::{
    ChangePasswordBody, LoginBody, RefreshBody, ResetPasswordBody, SessionBody, TokenPairBody,
};
use super::{
    limits::{LogIns, PasswordResets, Refreshes, ResetLinks},
    messages::{LoggedOut, PasswordReset, ResetRequested},
    signup::bodies::LinkRequestBody,
};
use crate::{
    extract::{
        Body, Caller, Limited, NewPassword, Origin, PathId, Query, Text, Token, TypedPassword, UseCases,
    },
    page::{PageBody, PageParams},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds, shared::password_code},
    refusals,
    reply::{AcceptedJson, NoContent, OkJson, PrivatePage},
};

refusals! {
    LogInError {
        InvalidCredentials => INVALID_CREDENTIALS,
        AccountInactive => ACCOUNT_INACTIVE,
        AccountDeactivated => ACCOUNT_DEACTIVATED;
        via Throttled: TooManyFailures, via Hash: HashError, via Store: StoreError,
    }
    RefreshError {
        Invalid => REFRESH_TOKEN_INVALID;
        via Store: StoreError,
    }
    EndSessionError {
        NotFound => NOT_FOUND;
        via Access: AccessError, via Store: StoreError,
    }
    ResetPasswordError {
        TokenInvalid => TOKEN_INVALID,
        TokenExpired => TOKEN_EXPIRED;
        via Password: PasswordProblem, via Hash: HashError, via Store: StoreError,
    }
    ChangePasswordError {
        ; via Faults: PasswordChangeFaults, via Access: AccessError, via Throttled: TooManyFailures, via Hash: HashError, via Store: StoreError,
    }
}

impl Refusal for PasswordChangeFaults {
    fn problem(&self) -> Problem {
        let current = self.is_current_wrong.then(|| {
            FieldProblem::new("current_password", FieldCode::WrongPassword, "is not the current password")
        });
        let new =
            self.new.map(|fault| FieldProblem::new("new_password", password_code(fault), fault.to_string()));
        Problem::invalid(current.into_iter().chain(new).collect())
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::VALIDATION_FAILED);
    }
}

/// Sign in.
///
/// The response contains an access token, by default valid for 15 minutes, and a refresh token, by default valid for 7
/// days.
#[api_v2_operation(operation_id = "login", tags("accounts"))]
pub(crate) async fn log_in(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Limited(Body(body), quota): Limited<LogIns, Body<LoginBody>>,
) -> Result<OkJson<TokenPairBody>, Failure<LogInError>> {
    let LoginBody { email: Text(email), password: TypedPassword(password) } = body;
    let pair =
        sessions.run(async move |sessions| sessions.log_in(&email, &password, quota, &origin).await).await?;
    Ok(OkJson(pair.into()))
}

/// Exchange a refresh token for a new pair of tokens.
///
/// The old token becomes invalid. Using it again more than 30 seconds later ends the session.
#[api_v2_operation(operation_id = "refreshTokens", tags("accounts"))]
pub(crate) async fn refresh(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Limited(Body(body), ()): Limited<Refreshes, Body<RefreshBody>>,
) -> Result<OkJson<TokenPairBody>, Failure<RefreshError>> {
    let pair =
        sessions.run(async move |sessions| sessions.refresh(body.refresh.0.expose(), &origin).await).await?;
    Ok(OkJson(pair.into()))
}

/// Sign out.
///
/// Ends the session of the refresh token. Any other string has no effect and gets the same response.
#[api_v2_operation(operation_id = "logout", tags("accounts"))]
pub(crate) async fn log_out(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Body(body): Body<RefreshBody>,
) -> Result<OkJson<LoggedOut>, Failure<StoreError>> {
    sessions.run(async move |sessions| sessions.log_out(body.refresh.0.expose(), &origin).await).await?;
    Ok(OkJson(LoggedOut))
}

/// List the caller's sessions.
///
/// The active sessions; the most recently used session is first. A user has at most 20 active sessions: another sign-in
/// ends the least recently used session.
#[api_v2_operation(operation_id = "listSessions", tags("me"))]
pub(crate) async fn list(
    sessions: UseCases<Sessions>,
    Caller(actor, Query(page)): Caller<Query<PageParams>>,
) -> Result<PrivatePage<SessionBody>, Failure<ListError>> {
    let listing = sessions.run(async move |sessions| sessions.list(actor.user_id, page).await).await?;
    let show = |session| SessionBody::of(session, actor.session_id);
    Ok(PrivatePage(PageBody::of(listing, show)))
}

/// End one of the caller's sessions.
///
/// The session may be the current one. The response is 404 when the session does not exist, has ended, or belongs to
/// another user.
#[api_v2_operation(operation_id = "endSession", tags("me"))]
pub(crate) async fn end(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Caller(actor, PathId(id, _)): Caller<PathId<SessionId>>,
) -> Result<NoContent, Failure<EndSessionError>> {
    sessions.run(async move |sessions| sessions.end(actor, id, &origin).await).await?;
    Ok(NoContent)
}

/// End all of the caller's sessions except the current one.
///
/// Has no effect when the caller has no other session.
#[api_v2_operation(operation_id = "endOtherSessions", tags("me"))]
pub(crate) async fn end_others(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<AccessError>> {
    sessions.run(async move |sessions| sessions.end_others(actor, &origin).await).await?;
    Ok(NoContent)
}

/// Request a link to set a new password.
///
/// The response is the same whether or not the address has an account; only active accounts get the mail. The link is
/// valid for one hour. Earlier links become invalid.
#[api_v2_operation(operation_id = "requestPasswordReset", tags("accounts"))]
pub(crate) async fn request_password_reset(
    sessions: UseCases<Sessions>,
    Limited(Body(body), ()): Limited<ResetLinks, Body<LinkRequestBody>>,
) -> Result<AcceptedJson<ResetRequested>, Failure<StoreError>> {
    sessions.run(async move |sessions| sessions.request_password_reset(body.email.0).await).await?;
    Ok(AcceptedJson(ResetRequested))
}

/// Set a new password with the token of a reset link.
///
/// The token can be used once. Every session of the user ends.
#[api_v2_operation(operation_id = "confirmPasswordReset", tags("accounts"))]
pub(crate) async fn reset_password(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Limited(Body(body), ()): Limited<PasswordResets, Body<ResetPasswordBody>>,
) -> Result<OkJson<PasswordReset>, Failure<ResetPasswordError>> {
    let ResetPasswordBody { token: Token(token), password: NewPassword(password) } = body;
    sessions.run(async move |sessions| sessions.reset_password(&token, password, &origin).await).await?;
    Ok(OkJson(PasswordReset))
}

/// Change the caller's password.
///
/// The caller's other sessions end. Links to set a password that were mailed before become invalid, and the caller is
/// notified by mail.
#[api_v2_operation(operation_id = "changePassword", tags("me"))]
pub(crate) async fn change_password(
    sessions: UseCases<Sessions>,
    Origin(origin): Origin,
    Caller(actor, Body(body)): Caller<Body<ChangePasswordBody>>,
) -> Result<NoContent, Failure<ChangePasswordError>> {
    let ChangePasswordBody { current_password: TypedPassword(current), new_password: NewPassword(new) } =
        body;
    sessions
        .run(async move |sessions| sessions.change_password(actor, &current, &new, &origin).await)
        .await?;
    Ok(NoContent)
}
