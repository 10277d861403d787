//! Sign-up, sign-in and tokens (api.md, section 2).

pub(crate) mod bodies;
pub(crate) mod gate;
pub(crate) mod own;
pub(crate) mod pages;
pub(crate) mod profile;

use actix_web::{HttpRequest, web};
use app::accounts::{ActivateError, LogInError, RefreshError, RegisterError, ResetPasswordError};
use domain::{
    accounts::{HashError, PasswordProblem},
    store::StoreError,
    throttle::TooManyFailures,
};
use paperclip::actix::api_v2_operation;

use self::bodies::{
    ActivateBody, Activated, ActivationResent, EmailBody, LoggedOut, LoginBody, PasswordReset, RefreshBody,
    RegisterBody, Registered, ResetPasswordBody, ResetRequested, TokenPairBody,
};
use crate::{
    extract::{Body, NewPassword, Text, Token, TypedPassword, origin_of},
    problem::Failure,
    refusals,
    reply::{AcceptedJson, CreatedJson, OkJson},
    state::Api,
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
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<RegisterBody>,
) -> Result<CreatedJson<Registered>, Failure<RegisterError>> {
    let accounts = api.accounts();
    let Body((email, password)) = body;
    api.limits.count_client(&request, |limits| &limits.register).await.map_err(Failure::Broken)?;
    let quota = api.limits.count_registration_mail(&request, &email).await;
    let origin = origin_of(&request);
    api.run(async move { accounts.register(email, password, quota, &origin).await }).await?;
    Ok(CreatedJson(Registered))
}

/// Activate an account.
///
/// With the token of the link in the activation mail, once.
#[api_v2_operation(operation_id = "activateAccount", tags("accounts"))]
pub(crate) async fn activate(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<ActivateBody>,
) -> Result<OkJson<Activated>, Failure<ActivateError>> {
    let accounts = api.accounts();
    let Token(token) = body.0.token;
    let origin = origin_of(&request);
    api.run(async move { accounts.activate(&token, &origin).await }).await?;
    Ok(OkJson(Activated))
}

/// Send another activation link.
///
/// The answer is the same whether or not the address is known. The earlier link stops working.
#[api_v2_operation(operation_id = "resendActivation", tags("accounts"))]
pub(crate) async fn resend_activation(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<EmailBody>,
) -> Result<OkJson<ActivationResent>, Failure<StoreError>> {
    let accounts = api.accounts();
    let Text(email) = body.0.email;
    let asked = api.limits.count_link(&request, |limits| &limits.resend_activation, &email).await;
    asked.map_err(Failure::Broken)?;
    api.run(async move { accounts.resend_activation(email).await }).await?;
    Ok(OkJson(ActivationResent))
}

/// Ask for a link to set a new password.
///
/// The answer is the same whether or not the address is known; the mail goes to active accounts alone. The link holds
/// for an hour, and an earlier one stops working.
#[api_v2_operation(operation_id = "requestPasswordReset", tags("accounts"))]
pub(crate) async fn request_password_reset(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<EmailBody>,
) -> Result<AcceptedJson<ResetRequested>, Failure<StoreError>> {
    let accounts = api.accounts();
    let Text(email) = body.0.email;
    let asked = api.limits.count_link(&request, |limits| &limits.password_reset, &email).await;
    asked.map_err(Failure::Broken)?;
    api.run(async move { accounts.request_password_reset(email).await }).await?;
    Ok(AcceptedJson(ResetRequested))
}

/// Set a new password with the token of a reset link.
///
/// Once. Every session of the user ends.
#[api_v2_operation(operation_id = "confirmPasswordReset", tags("accounts"))]
pub(crate) async fn reset_password(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<ResetPasswordBody>,
) -> Result<OkJson<PasswordReset>, Failure<ResetPasswordError>> {
    let accounts = api.accounts();
    let ResetPasswordBody { token: Token(token), password: NewPassword(password) } = body.0;
    let counted = api.limits.count_client(&request, |limits| &limits.fixed.confirm_reset).await;
    counted.map_err(Failure::Broken)?;
    let origin = origin_of(&request);
    api.run(async move { accounts.reset_password(&token, password, &origin).await }).await?;
    Ok(OkJson(PasswordReset))
}

/// Sign in.
///
/// Gives an access token for 15 minutes and a refresh token for 7 days.
#[api_v2_operation(operation_id = "login", tags("accounts"))]
pub(crate) async fn log_in(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<LoginBody>,
) -> Result<OkJson<TokenPairBody>, Failure<LogInError>> {
    let accounts = api.accounts();
    let LoginBody { email: Text(email), password: TypedPassword(password) } = body.0;
    api.limits.count_client(&request, |limits| &limits.login).await.map_err(Failure::Broken)?;
    let origin = origin_of(&request);
    let pair = api.run(async move { accounts.log_in(&email, &password, &origin).await }).await?;
    Ok(OkJson(pair.into()))
}

/// Exchange a refresh token for a new pair.
///
/// The token stops working; using it again after 30 seconds ends the whole sign-in.
#[api_v2_operation(operation_id = "refreshTokens", tags("accounts"))]
pub(crate) async fn refresh(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<RefreshBody>,
) -> Result<OkJson<TokenPairBody>, Failure<RefreshError>> {
    let accounts = api.accounts();
    let Token(token) = body.0.refresh;
    if let Some(presented) = accounts.presented(token.expose()) {
        api.limits.count_refresh(&request, &presented).await.map_err(Failure::Broken)?;
    }
    let origin = origin_of(&request);
    let pair = api.run(async move { accounts.refresh(token.expose(), &origin).await }).await?;
    Ok(OkJson(pair.into()))
}

/// Sign out.
///
/// Ends the sign-in that the refresh token belongs to; whatever else the text is, nothing happens.
#[api_v2_operation(operation_id = "logout", tags("accounts"))]
pub(crate) async fn log_out(
    request: HttpRequest,
    api: web::Data<Api>,
    body: Body<RefreshBody>,
) -> Result<OkJson<LoggedOut>, Failure<StoreError>> {
    let accounts = api.accounts();
    let Token(token) = body.0.refresh;
    let origin = origin_of(&request);
    api.run(async move { accounts.log_out(token.expose(), &origin).await }).await?;
    Ok(OkJson(LoggedOut))
}
