//! The pages that the links in mails lead to when no frontend of its own is set.
//!
//! They work without scripts, and opening one changes nothing: mail scanners open links. The button does. A problem that is
//! answered here is shown as a page by the edge ([`html::explained`]).

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use app::accounts::{ActivateError, ResetPasswordError};
use domain::{
    accounts::{EmailAddress, PasswordPolicy, PlainPassword},
    entropy::PlainToken,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Form, inputs, origin_of},
    html,
    problem::Failure,
    state::Api,
};

/// A form's field has this many characters at most, as the form itself does.
const MAX_TEXT: usize = 16 * 1024;

/// The token, from the link and then from the form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TokenParameter {
    #[schemars(length(max = MAX_TEXT))]
    token: String,
}

/// `GET /activate?token=…`: the button.
pub(crate) async fn ask_to_activate(query: Option<web::Query<TokenParameter>>) -> HttpResponse {
    let token = query.map(|query| query.into_inner().token).unwrap_or_default();
    if token.is_empty() {
        return no_token();
    }
    let content = format!(
        "<p>Press the button to activate your account.</p>\n\
         <form method=\"post\" action=\"activate\">\n\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\n\
         <button type=\"submit\">Activate my account</button>\n</form>",
        html::escaped(&token)
    );
    html::page(StatusCode::OK, "Activate your account", &content)
}

/// `POST /activate`: the button was pressed.
pub(crate) async fn activate(
    request: HttpRequest,
    api: web::Data<Api>,
    form: Form<TokenParameter>,
) -> HttpResponse {
    let Some(token) = form.0.map(|form| form.token).filter(|token| !token.is_empty()) else {
        return no_token();
    };
    let accounts = api.accounts();
    let token = PlainToken::new(token);
    let origin = origin_of(&request);
    match api.run(async move { accounts.activate(&token, &origin).await }).await {
        Ok(()) => html::page(
            StatusCode::OK,
            "Account activated",
            "<p>Your account is active. You can log in now.</p>",
        ),
        Err(Failure::Refused(ActivateError::TokenExpired)) => html::page(
            StatusCode::BAD_REQUEST,
            "This link is too old",
            "<p>An activation link holds for 24 hours. Ask for a new one, then follow the link in that mail.</p>",
        ),
        Err(Failure::Refused(ActivateError::TokenInvalid)) => html::page(
            StatusCode::BAD_REQUEST,
            "This link does not work",
            "<p>It was used before, or a newer one was sent. If your account is not active yet, ask for a new \
             link.</p>",
        ),
        Err(failed) => failed.error_response(),
    }
}

/// What the form for a new password sends, or the one that asks for a link.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct NewPasswordForm {
    #[schemars(length(max = MAX_TEXT))]
    token: String,
    #[schemars(length(max = MAX_TEXT))]
    password: String,
    #[schemars(length(max = MAX_TEXT))]
    email: String,
}

inputs!(TokenParameter, NewPasswordForm);

/// `GET /reset-password?token=…`: the form. Without a token, where mails send people whose account is in danger: the form
/// that asks for a link.
pub(crate) async fn ask_for_password(
    api: web::Data<Api>,
    query: Option<web::Query<TokenParameter>>,
) -> HttpResponse {
    let token = query.map(|query| query.into_inner().token).unwrap_or_default();
    if token.is_empty() {
        return email_form(StatusCode::OK, None);
    }
    password_form(StatusCode::OK, api.accounts().password_policy(), &token, None)
}

/// `POST /reset-password` without a token: a link is asked for. The answer is the same whether or not the address is known.
async fn request_link(request: &HttpRequest, api: &Api, email: &str) -> HttpResponse {
    let email = match email.parse::<EmailAddress>() {
        Ok(email) => email,
        Err(fault) => return email_form(StatusCode::UNPROCESSABLE_ENTITY, Some(&fault.to_string())),
    };
    // One quota with the API's call: the form is no way around it.
    if let Err(refusal) = api.limits.count_link(request, |limits| &limits.password_reset, &email).await {
        return refusal.error_response();
    }
    let accounts = api.accounts();
    match api.run(async move { accounts.request_password_reset(email).await }).await {
        Ok(()) => html::page(
            StatusCode::OK,
            "Look into your mail",
            "<p>If the address has an active account, a link to set a new password is on its way. It holds for an \
             hour.</p>",
        ),
        Err(failed) => failed.error_response(),
    }
}

/// `POST /reset-password`: the form was sent.
pub(crate) async fn reset_password(
    request: HttpRequest,
    api: web::Data<Api>,
    form: Form<NewPasswordForm>,
) -> HttpResponse {
    let Some(NewPasswordForm { token, password, email }) = form.0 else {
        return no_token();
    };
    if token.is_empty() {
        return if email.is_empty() { no_token() } else { request_link(&request, &api, &email).await };
    }
    let counted = api.limits.count_client(&request, |limits| &limits.fixed.confirm_reset).await;
    if let Err(refusal) = counted {
        return refusal.error_response();
    }
    let policy = api.accounts().password_policy();
    let accounts = api.accounts();
    let plain = PlainToken::new(token.clone());
    let password = PlainPassword::new(&password);
    let origin = origin_of(&request);
    match api.run(async move { accounts.reset_password(&plain, password, &origin).await }).await {
        Ok(()) => html::page(
            StatusCode::OK,
            "Password changed",
            "<p>Your new password is set, and you were signed out everywhere. You can log in now.</p>",
        ),
        Err(Failure::Refused(ResetPasswordError::Password(problem))) => {
            password_form(StatusCode::UNPROCESSABLE_ENTITY, policy, &token, Some(&problem.to_string()))
        }
        Err(Failure::Refused(ResetPasswordError::TokenExpired)) => html::page(
            StatusCode::BAD_REQUEST,
            "This link is too old",
            "<p>A link to set a password holds for one hour. Ask for a new one, then follow the link in that mail.</p>",
        ),
        Err(Failure::Refused(ResetPasswordError::TokenInvalid)) => html::page(
            StatusCode::BAD_REQUEST,
            "This link does not work",
            "<p>It was used before, or a newer one was sent. Ask for a new link if you need one.</p>",
        ),
        Err(failed) => failed.error_response(),
    }
}

fn alert(fault: Option<&str>) -> String {
    fault.map(|fault| format!("<p role=\"alert\">{}.</p>\n", html::escaped(fault))).unwrap_or_default()
}

fn email_form(status: StatusCode, fault: Option<&str>) -> HttpResponse {
    let fault = alert(fault);
    let content = format!(
        "{fault}<form method=\"post\" action=\"reset-password\">\n\
         <p><label>The e-mail address of your account<br>\n\
         <input type=\"email\" name=\"email\" autocomplete=\"username\" required></label></p>\n\
         <button type=\"submit\">Send me a link</button>\n</form>"
    );
    html::page(status, "Set a new password", &content)
}

fn password_form(
    status: StatusCode,
    policy: PasswordPolicy,
    token: &str,
    fault: Option<&str>,
) -> HttpResponse {
    let fault = alert(fault);
    let least = policy.least_length();
    let mixed = if policy.needs_letter_and_digit() { " with a letter and a digit" } else { "" };
    let content = format!(
        "{fault}<form method=\"post\" action=\"reset-password\">\n\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\n\
         <p><label>New password, {least} characters or more{mixed}<br>\n\
         <input type=\"password\" name=\"password\" autocomplete=\"new-password\" minlength=\"{least}\" \
         required></label></p>\n\
         <button type=\"submit\">Set the password</button>\n</form>",
        html::escaped(token)
    );
    html::page(status, "Set a new password", &content)
}

fn no_token() -> HttpResponse {
    html::page(
        StatusCode::BAD_REQUEST,
        "This link is not complete",
        "<p>Copy the whole link out of the mail into the address bar.</p>",
    )
}
