//! Sign-up, sign-in and tokens.

pub(crate) mod bodies;
pub(crate) mod gate;
pub(crate) mod limits;
pub(crate) mod own;
pub(crate) mod pages;
pub(crate) mod profile;

use app::accounts::{Accounts, ActivateError, LogInError, RefreshError, RegisterError, ResetPasswordError};
use domain::{
    accounts::{HashError, PasswordProblem},
    store::StoreError,
    throttle::TooManyFailures,
};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{
        ActivateBody, Activated, ActivationResent, EmailBody, LoggedOut, LoginBody, PasswordReset,
        RefreshBody, RegisterBody, Registered, ResetPasswordBody, ResetRequested, TokenPairBody,
    },
    limits::{ActivationLinks, LogIns, PasswordResets, Refreshes, Registrations, ResetLinks},
};
use crate::{
    extract::{Body, Limited, NewPassword, Origin, Text, Token, TypedPassword, UseCases},
    problem::Failure,
    refusals,
    reply::{AcceptedJson, CreatedJson, OkJson},
};

refusals! {
    RegisterError {
        EmailTaken => EMAIL_TAKEN;
        via Password: PasswordProblem, via Hash: HashError, via Store: StoreError,
    }
    ActivateError {
        TokenInvalid => TOKEN_INVALID,
        TokenExpired => TOKEN_EXPIRED;
        via Store: StoreError,
    }
    ResetPasswordError {
        TokenInvalid => TOKEN_INVALID,
        TokenExpired => TOKEN_EXPIRED;
        via Password: PasswordProblem, via Hash: HashError, via Store: StoreError,
    }
    LogInError {
        InvalidCredentials => INVALID_CREDENTIALS,
        AccountInactive => ACCOUNT_INACTIVE;
        via Throttled: TooManyFailures, via Hash: HashError, via Store: StoreError,
    }
    RefreshError {
        Invalid => REFRESH_TOKEN_INVALID;
        via Store: StoreError,
    }
}

/// Open an account.
///
/// The account waits until the link in the mail was followed; it holds for 24 hours. Registering an address again
/// that was never activated sends a new link, up to a few times a day.
#[api_v2_operation(operation_id = "register", tags("accounts"))]
pub(crate) async fn register(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Limited(Body(body), quota): Limited<Registrations, Body<RegisterBody>>,
) -> Result<CreatedJson<Registered>, Failure<RegisterError>> {
    let RegisterBody { email: Text(email), password: NewPassword(password) } = body;
    accounts.run(async move |accounts| accounts.register(email, password, quota, &origin).await).await?;
    Ok(CreatedJson(Registered))
}

/// Activate an account.
///
/// With the token of the link in the activation mail, once.
#[api_v2_operation(operation_id = "activateAccount", tags("accounts"))]
pub(crate) async fn activate(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Body(body): Body<ActivateBody>,
) -> Result<OkJson<Activated>, Failure<ActivateError>> {
    accounts.run(async move |accounts| accounts.activate(&body.token.0, &origin).await).await?;
    Ok(OkJson(Activated))
}

/// Send another activation link.
///
/// The answer is the same whether or not the address is known. The earlier link stops working.
#[api_v2_operation(operation_id = "resendActivation", tags("accounts"))]
pub(crate) async fn resend_activation(
    accounts: UseCases<Accounts>,
    Limited(Body(body), ()): Limited<ActivationLinks, Body<EmailBody>>,
) -> Result<OkJson<ActivationResent>, Failure<StoreError>> {
    accounts.run(async move |accounts| accounts.resend_activation(body.email.0).await).await?;
    Ok(OkJson(ActivationResent))
}

/// Ask for a link to set a new password.
///
/// The answer is the same whether or not the address is known; the mail goes to active accounts alone. The link holds
/// for an hour, and an earlier one stops working.
#[api_v2_operation(operation_id = "requestPasswordReset", tags("accounts"))]
pub(crate) async fn request_password_reset(
    accounts: UseCases<Accounts>,
    Limited(Body(body), ()): Limited<ResetLinks, Body<EmailBody>>,
) -> Result<AcceptedJson<ResetRequested>, Failure<StoreError>> {
    accounts.run(async move |accounts| accounts.request_password_reset(body.email.0).await).await?;
    Ok(AcceptedJson(ResetRequested))
}

/// Set a new password with the token of a reset link.
///
/// Once. Every session of the user ends.
#[api_v2_operation(operation_id = "confirmPasswordReset", tags("accounts"))]
pub(crate) async fn reset_password(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Limited(Body(body), ()): Limited<PasswordResets, Body<ResetPasswordBody>>,
) -> Result<OkJson<PasswordReset>, Failure<ResetPasswordError>> {
    let ResetPasswordBody { token: Token(token), password: NewPassword(password) } = body;
    accounts.run(async move |accounts| accounts.reset_password(&token, password, &origin).await).await?;
    Ok(OkJson(PasswordReset))
}

/// Sign in.
///
/// Gives an access token for 15 minutes and a refresh token for 7 days.
#[api_v2_operation(operation_id = "login", tags("accounts"))]
pub(crate) async fn log_in(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Limited(Body(body), ()): Limited<LogIns, Body<LoginBody>>,
) -> Result<OkJson<TokenPairBody>, Failure<LogInError>> {
    let LoginBody { email: Text(email), password: TypedPassword(password) } = body;
    let pair = accounts.run(async move |accounts| accounts.log_in(&email, &password, &origin).await).await?;
    Ok(OkJson(pair.into()))
}

/// Exchange a refresh token for a new pair.
///
/// The token stops working; using it again after 30 seconds ends the whole sign-in.
#[api_v2_operation(operation_id = "refreshTokens", tags("accounts"))]
pub(crate) async fn refresh(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Limited(Body(body), ()): Limited<Refreshes, Body<RefreshBody>>,
) -> Result<OkJson<TokenPairBody>, Failure<RefreshError>> {
    let pair =
        accounts.run(async move |accounts| accounts.refresh(body.refresh.0.expose(), &origin).await).await?;
    Ok(OkJson(pair.into()))
}

/// Sign out.
///
/// Ends the sign-in that the refresh token belongs to; whatever else the text is, nothing happens.
#[api_v2_operation(operation_id = "logout", tags("accounts"))]
pub(crate) async fn log_out(
    accounts: UseCases<Accounts>,
    Origin(origin): Origin,
    Body(body): Body<RefreshBody>,
) -> Result<OkJson<LoggedOut>, Failure<StoreError>> {
    accounts.run(async move |accounts| accounts.log_out(body.refresh.0.expose(), &origin).await).await?;
    Ok(OkJson(LoggedOut))
}
