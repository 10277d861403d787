//! The page that the link of an activation mail leads to when no frontend of its own is set.
//!
//! It works without scripts, and opening it changes nothing: mail scanners open links. The button does.

use actix_web::{HttpResponse, http::StatusCode, web};
use app::accounts::ActivateError;
use domain::entropy::PlainToken;
use serde::Deserialize;

use crate::{
    html,
    problem::{Failure, Refusal},
    state::Api,
};

/// The token, from the link and then from the form.
#[derive(Deserialize)]
pub(crate) struct TokenParameter {
    #[serde(default)]
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
pub(crate) async fn activate(api: web::Data<Api>, form: Option<web::Form<TokenParameter>>) -> HttpResponse {
    let Some(token) = form.map(|form| form.into_inner().token).filter(|token| !token.is_empty()) else {
        return no_token();
    };
    let accounts = api.accounts();
    let token = PlainToken::new(token);
    match api.run(async move { accounts.activate(&token).await }).await {
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
        Err(Failure::Refused(failed @ ActivateError::Store(_))) => unavailable(failed.problem().kind.status),
        Err(_) => unavailable(503),
    }
}

fn no_token() -> HttpResponse {
    html::page(
        StatusCode::BAD_REQUEST,
        "This link is not complete",
        "<p>Copy the whole link out of the mail into the address bar.</p>",
    )
}

fn unavailable(status: u16) -> HttpResponse {
    html::page(
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        "Not now",
        "<p>Your account could not be activated just now. Nothing is lost: try the same link again in a minute.</p>",
    )
}
