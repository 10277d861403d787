//! The rate limits of the accounts area.

use actix_web::HttpRequest;
use app::accounts::MailQuota;

use super::{
    sessions::bodies::{LoginBody, RefreshBody},
    signup::bodies::{LinkRequestBody, RegisterBody},
};
use crate::{
    extract::{Body, Limit},
    problem::Problem,
    rate_limits,
    state::Api,
};

rate_limits! {
    /// Limits password resets that use the token of a mailed link, because each one hashes a password.
    PasswordResets by client: |limits| &limits.fixed.confirm_reset;
    /// Limits exports of the caller's data, because each one reads many tables.
    Exports by user: |limits| &limits.fixed.export;
}

/// Limits sign-ins by client.
///
/// If registration does not reveal which email addresses have an account, a refused sign-in may send a mail with an
/// activation link. In this configuration, every sign-in is also counted by email address, whether or not the address
/// has an account.
pub(crate) struct LogIns;

impl Limit<Body<LoginBody>> for LogIns {
    type Outcome = MailQuota;

    async fn count(
        request: &HttpRequest,
        api: &Api,
        Body(body): &Body<LoginBody>,
    ) -> Result<MailQuota, Problem> {
        api.limits.count_client(request, |limits| &limits.login).await?;
        if api.state.signup.reveals_email {
            // With this setting, a refused sign-in never requests an activation link, so there is no quota to count.
            return Ok(MailQuota::UsedUp);
        }
        Ok(api.limits.count_log_in_mail(request, &body.email.0).await)
    }
}

/// Limits registrations by client. They are also counted by email address, whether or not the address has an account,
/// because each one may send a mail.
pub(crate) struct Registrations;

impl Limit<Body<RegisterBody>> for Registrations {
    type Outcome = MailQuota;

    async fn count(
        request: &HttpRequest,
        api: &Api,
        Body(body): &Body<RegisterBody>,
    ) -> Result<MailQuota, Problem> {
        api.limits.count_client(request, |limits| &limits.register).await?;
        Ok(api.limits.count_registration_mail(request, &body.email.0).await)
    }
}

/// Limits requests for activation links by client and by email address.
pub(crate) struct ActivationLinks;

impl Limit<Body<LinkRequestBody>> for ActivationLinks {
    type Outcome = ();

    async fn count(
        request: &HttpRequest,
        api: &Api,
        Body(body): &Body<LinkRequestBody>,
    ) -> Result<(), Problem> {
        api.limits.count_activation_link(request, &body.email.0).await
    }
}

/// Limits requests for password-reset links by client and by email address.
pub(crate) struct ResetLinks;

impl Limit<Body<LinkRequestBody>> for ResetLinks {
    type Outcome = ();

    async fn count(
        request: &HttpRequest,
        api: &Api,
        Body(body): &Body<LinkRequestBody>,
    ) -> Result<(), Problem> {
        api.limits.count_reset_link(request, &body.email.0).await
    }
}

/// Limits token refreshes by the session of the refresh token. A string that is not a refresh token is not
/// counted, because refusing it costs no more than any other request.
pub(crate) struct Refreshes;

impl Limit<Body<RefreshBody>> for Refreshes {
    type Outcome = ();

    async fn count(request: &HttpRequest, api: &Api, Body(body): &Body<RefreshBody>) -> Result<(), Problem> {
        match api.state.sessions.presented(body.refresh.0.expose()) {
            Some(presented) => api.limits.count_refresh(request, &presented).await,
            None => Ok(()),
        }
    }
}
