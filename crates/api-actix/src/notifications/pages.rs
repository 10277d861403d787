//! The page with which a user unsubscribes from one kind of mail. Either a mail program sends the POST request itself
//! (RFC 8058), or a user presses the button on the page. Opening the page changes nothing, because mail scanners open
//! links.

use actix_web::{HttpResponse, ResponseError, http::StatusCode, web};
use app::notifications::UnsubscribeError;
use askama::Template;
use domain::notifications::MailedKind;
use serde::Deserialize;

use crate::{
    html::{self, MessagePage},
    problem::Failure,
    state::Api,
};

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct UnsubscribePage<'a> {
    token: &'a str,
    what: &'static str,
    root: &'static str,
}

/// The query parameter of the unsubscribe link in mails.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenParameter {
    #[serde(default)]
    token: String,
}

/// `GET /unsubscribe?token=…`: shows the page with the button, or an error if the token is not valid.
pub(crate) async fn show(api: web::Data<Api>, query: Option<web::Query<TokenParameter>>) -> HttpResponse {
    let token = token_of(query);
    match api.state.notifications.unsubscription(&token) {
        Some(found) => html::page(
            StatusCode::OK,
            &UnsubscribePage { token: &token, what: mails_about(found.kind), root: html::ROOT },
        ),
        None => invalid(),
    }
}

/// `POST /unsubscribe?token=…`: unsubscribes the user. The request comes from the button on the page or from a mail
/// program. Its body is ignored.
pub(crate) async fn unsubscribe(
    api: web::Data<Api>,
    query: Option<web::Query<TokenParameter>>,
) -> HttpResponse {
    let token = token_of(query);
    let notifications = api.state.notifications.clone();
    match api.run(async move { notifications.unsubscribe(&token).await }).await {
        Ok(ended) => message(
            StatusCode::OK,
            "No more mails",
            &format!(
                "You get no more mails about {}. You can switch them on again in the settings of your account.",
                mails_about(ended.kind)
            ),
        ),
        Err(Failure::Refused(UnsubscribeError::Invalid)) => invalid(),
        Err(failed) => failed.error_response(),
    }
}

fn token_of(query: Option<web::Query<TokenParameter>>) -> String {
    query.map(|query| query.into_inner().token).unwrap_or_default()
}

const fn mails_about(kind: MailedKind) -> &'static str {
    match kind {
        MailedKind::CommentReply => "replies to your comments",
        MailedKind::CommentLike => "likes of your comments",
    }
}

fn invalid() -> HttpResponse {
    message(
        StatusCode::BAD_REQUEST,
        "This link does not work",
        "Copy the whole link out of the mail into the address bar, or change the settings of your account.",
    )
}

fn message(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    let is_error = status.is_client_error();
    html::page(status, &MessagePage { title, text, is_error, link_form: None, root: html::ROOT })
}
