//! The pages that links in mails open, unless a separate frontend is configured (`FRONTEND_URL`).
//!
//! The pages work without scripts. Opening a page changes nothing, because mail scanners open links; only the button on
//! the page makes the change. Errors are also shown as a page ([`html::problem_page`]).

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use app::accounts::{ActivateError, ResetPasswordError};
use askama::Template;
use domain::{
    accounts::{EmailAddress, PasswordPolicy, PlainPassword},
    entropy::PlainToken,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Form, inputs, origin_of},
    html::{self, LinkForm, MessagePage},
    problem::Failure,
    state::Api,
};

#[derive(Template)]
#[template(path = "activate.html")]
struct ActivatePage<'a> {
    token: &'a str,
    root: &'static str,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    token: &'a str,
    min_length: usize,
    needs_letter_and_digit: bool,
    error: Option<String>,
    root: &'static str,
}

/// A page with a form to request a link by mail.
#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    title: &'static str,
    text: &'static str,
    form: LinkForm<'a>,
    root: &'static str,
}

/// The maximum length of a form field, in characters. The whole form is limited to the same number of bytes.
const MAX_TEXT: usize = 16 * 1024;

/// The query parameter of the links in mails.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenParameter {
    #[serde(default)]
    token: String,
}

/// The fields of the forms on the activation page: the token of the link, or the email address to send a new link to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ActivationForm {
    #[schemars(length(max = MAX_TEXT))]
    token: String,
    #[schemars(length(max = MAX_TEXT))]
    email: Option<String>,
}

/// The fields of the forms on the password page: the token and the new password, or the email address to send a link
/// to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PasswordForm {
    #[schemars(length(max = MAX_TEXT))]
    token: String,
    #[schemars(length(max = MAX_TEXT))]
    password: String,
    #[schemars(length(max = MAX_TEXT))]
    email: Option<String>,
}

inputs!(ActivationForm, PasswordForm);

/// `GET /activate?token=…`: shows the page with the button that activates the account. Without a token, shows an
/// error with the form that requests a new link.
pub(crate) async fn show_activation(query: Option<web::Query<TokenParameter>>) -> HttpResponse {
    let token = query.map(|query| query.into_inner().token).unwrap_or_default();
    if token.is_empty() {
        return incomplete_link(LinkForm::ACTIVATION);
    }
    html::page(StatusCode::OK, &ActivatePage { token: &token, root: html::ROOT })
}

/// `POST /activate`: activates the account if the form has a token, or else mails a new link if it has an email
/// address. If it has neither, shows an error.
pub(crate) async fn activate(
    request: HttpRequest,
    api: web::Data<Api>,
    form: Form<ActivationForm>,
) -> HttpResponse {
    let (token, email) = form.0.map(|form| (form.token, form.email)).unwrap_or_default();
    if token.is_empty() {
        return match email {
            Some(email) => send_activation_link(&request, &api, &email).await,
            None => incomplete_link(LinkForm::ACTIVATION),
        };
    }
    let signup = api.signup();
    let token = PlainToken::new(token);
    let origin = origin_of(&request);
    match api.run(async move { signup.activate(&token, &origin).await }).await {
        Ok(()) => done("Account activated", "Your account is active. You can log in now."),
        Err(Failure::Refused(ActivateError::TokenExpired)) => refused(
            "This link is too old",
            "An activation link works for 24 hours. Ask for a new one, then follow the link in that mail.",
            LinkForm::ACTIVATION,
        ),
        Err(Failure::Refused(ActivateError::TokenInvalid)) => refused(
            "This link does not work",
            "It was used before, or a newer one was sent. If your account is not active yet, ask for a new link.",
            LinkForm::ACTIVATION,
        ),
        Err(failed) => failed.error_response(),
    }
}

/// Mails a new activation link. The response is the same whether or not the address has an account.
async fn send_activation_link(request: &HttpRequest, api: &Api, text: &str) -> HttpResponse {
    let email = match text.parse::<EmailAddress>() {
        Ok(email) => email,
        Err(error) => {
            let form = LinkForm {
                email: text,
                error: Some(html::sentence(&error.to_string())),
                ..LinkForm::ACTIVATION
            };
            return invalid_address("Ask for a new link", "It activates your account.", form);
        }
    };
    // The form counts against the same quota as the API operation that mails the link, so that the form cannot be used
    // to bypass the quota.
    if let Err(refusal) = api.limits.count_activation_link(request, &email).await {
        return refusal.error_response();
    }
    let signup = api.signup();
    match api.run(async move { signup.resend_activation(email).await }).await {
        Ok(()) => done(
            "Look into your mail",
            "If the address has an account that waits to be activated, a new link is on its way. It works for 24 hours.",
        ),
        Err(failed) => failed.error_response(),
    }
}

/// `GET /reset-password?token=…`: shows the form for a new password. Without a token, it shows the form that requests
/// a link. Some mails link to the page without a token, for example the mail about a login from a new device.
pub(crate) async fn show_password_reset(
    api: web::Data<Api>,
    query: Option<web::Query<TokenParameter>>,
) -> HttpResponse {
    let token = query.map(|query| query.into_inner().token).unwrap_or_default();
    if token.is_empty() {
        let page = LinkPage {
            title: "Set a new password",
            text: "You get a mail with a link to set a new password.",
            form: LinkForm::PASSWORD,
            root: html::ROOT,
        };
        return html::page(StatusCode::OK, &page);
    }
    password_page(StatusCode::OK, api.state.sessions.password_policy, &token, None)
}

/// `POST /reset-password`: sets a new password if the form has a token, or else mails a link if it has an email
/// address. If it has neither, shows an error.
pub(crate) async fn reset_password(
    request: HttpRequest,
    api: web::Data<Api>,
    form: Form<PasswordForm>,
) -> HttpResponse {
    let Some(PasswordForm { token, password, email }) = form.0 else {
        return incomplete_link(LinkForm::PASSWORD);
    };
    if token.is_empty() {
        return match email {
            Some(email) => send_password_link(&request, &api, &email).await,
            None => incomplete_link(LinkForm::PASSWORD),
        };
    }
    let counted = api.limits.count_client(&request, |limits| &limits.fixed.confirm_reset).await;
    if let Err(refusal) = counted {
        return refusal.error_response();
    }
    let policy = api.state.sessions.password_policy;
    let sessions = api.sessions();
    let plain = PlainToken::new(token.clone());
    let password = PlainPassword::new(&password);
    let origin = origin_of(&request);
    match api.run(async move { sessions.reset_password(&plain, password, &origin).await }).await {
        Ok(()) => done(
            "Password changed",
            "Your new password is set, and you were signed out everywhere. You can log in now.",
        ),
        Err(Failure::Refused(ResetPasswordError::Password(problem))) => {
            password_page(StatusCode::UNPROCESSABLE_ENTITY, policy, &token, Some(&problem.to_string()))
        }
        Err(Failure::Refused(ResetPasswordError::TokenExpired)) => refused(
            "This link is too old",
            "A link to set a password works for one hour. Ask for a new one, then follow the link in that mail.",
            LinkForm::PASSWORD,
        ),
        Err(Failure::Refused(ResetPasswordError::TokenInvalid)) => refused(
            "This link does not work",
            "It was used before, or a newer one was sent. Ask for a new link if you need one.",
            LinkForm::PASSWORD,
        ),
        Err(failed) => failed.error_response(),
    }
}

/// Mails a link to set a new password. The response is the same whether or not the address has an account.
async fn send_password_link(request: &HttpRequest, api: &Api, text: &str) -> HttpResponse {
    let email = match text.parse::<EmailAddress>() {
        Ok(email) => email,
        Err(error) => {
            let form = LinkForm {
                email: text,
                error: Some(html::sentence(&error.to_string())),
                ..LinkForm::PASSWORD
            };
            return invalid_address(
                "Set a new password",
                "You get a mail with a link to set a new password.",
                form,
            );
        }
    };
    // The form counts against the same quota as the API operation that mails the link, so that the form cannot be used
    // to bypass the quota.
    if let Err(refusal) = api.limits.count_reset_link(request, &email).await {
        return refusal.error_response();
    }
    let sessions = api.sessions();
    match api.run(async move { sessions.request_password_reset(email).await }).await {
        Ok(()) => done(
            "Look into your mail",
            "If the address has an active account, a link to set a new password is on its way. It works for an hour.",
        ),
        Err(failed) => failed.error_response(),
    }
}

fn done(title: &str, text: &str) -> HttpResponse {
    let page = MessagePage { title, text, is_error: false, link_form: None, root: html::ROOT };
    html::page(StatusCode::OK, &page)
}

fn refused(title: &str, text: &str, form: LinkForm<'_>) -> HttpResponse {
    let page = MessagePage { title, text, is_error: true, link_form: Some(form), root: html::ROOT };
    html::page(StatusCode::BAD_REQUEST, &page)
}

fn incomplete_link(form: LinkForm<'_>) -> HttpResponse {
    refused(
        "This link is not complete",
        "Copy the whole link out of the mail into the address bar, or ask for a new one.",
        form,
    )
}

fn invalid_address(title: &'static str, text: &'static str, form: LinkForm<'_>) -> HttpResponse {
    html::page(StatusCode::UNPROCESSABLE_ENTITY, &LinkPage { title, text, form, root: html::ROOT })
}

fn password_page(
    status: StatusCode,
    policy: PasswordPolicy,
    token: &str,
    error: Option<&str>,
) -> HttpResponse {
    let page = PasswordPage {
        token,
        min_length: policy.least_length(),
        needs_letter_and_digit: policy.needs_letter_and_digit(),
        error: error.map(html::sentence),
        root: html::ROOT,
    };
    html::page(status, &page)
}
