//! Sign-up: registering an account and activating it with a mailed link.

pub(crate) mod bodies;

use app::accounts::{ActivateError, RegisterError, SignUp};
use domain::{
    accounts::{HashError, PasswordProblem},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;

use self::bodies::{ActivateBody, LinkRequestBody, RegisterBody};
use super::{
    limits::{ActivationLinks, Registrations},
    messages::{Activated, ActivationResent, Registered},
};
use crate::{
    extract::{Body, Limited, NewPassword, Origin, Text, UseCases},
    problem::Failure,
    refusals,
    reply::{CreatedJson, OkJson},
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
}

/// Open an account.
///
/// The account is inactive until the link in the mail is used. The link is valid for 24 hours. While the account is not
/// activated, registering its email address again sends a new link, at most a few times a day.
#[api_v2_operation(operation_id = "register", tags("accounts"))]
pub(crate) async fn register(
    signup: UseCases<SignUp>,
    Origin(origin): Origin,
    Limited(Body(body), quota): Limited<Registrations, Body<RegisterBody>>,
) -> Result<CreatedJson<Registered>, Failure<RegisterError>> {
    let RegisterBody { email: Text(email), password: NewPassword(password) } = body;
    signup.run(async move |signup| signup.register(email, password, quota, &origin).await).await?;
    Ok(CreatedJson(Registered))
}

/// Activate an account.
///
/// Takes the token of the link in the activation mail, which can be used once.
#[api_v2_operation(operation_id = "activateAccount", tags("accounts"))]
pub(crate) async fn activate(
    signup: UseCases<SignUp>,
    Origin(origin): Origin,
    Body(body): Body<ActivateBody>,
) -> Result<OkJson<Activated>, Failure<ActivateError>> {
    signup.run(async move |signup| signup.activate(&body.token.0, &origin).await).await?;
    Ok(OkJson(Activated))
}

/// Send another activation link.
///
/// The response is the same whether or not the address has an account. The previous link becomes invalid.
#[api_v2_operation(operation_id = "resendActivation", tags("accounts"))]
pub(crate) async fn resend_activation(
    signup: UseCases<SignUp>,
    Limited(Body(body), ()): Limited<ActivationLinks, Body<LinkRequestBody>>,
) -> Result<OkJson<ActivationResent>, Failure<StoreError>> {
    signup.run(async move |signup| signup.resend_activation(body.email.0).await).await?;
    Ok(OkJson(ActivationResent))
}
