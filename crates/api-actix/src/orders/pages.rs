//! The HTML page of an order. Checkouts redirect to it, and mails link to it, when no separate frontend is configured.
//!
//! The page shows no details of the order, because everyone who has its URL can open it.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use uuid::Uuid;

use crate::{
    html::{self, MessagePage},
    problem::{Problem, kinds},
};

/// The title and text for a buyer who was redirected from a checkout.
const AFTER_CHECKOUT: (&str, &str) = (
    "Back from the checkout",
    "You can close this page and return to the application, which shows the order and whether it is paid. \
     A payment can take a moment to arrive. Nothing was paid if you left the checkout without paying.",
);

/// The title and text for a buyer who followed a link in a mail.
const FROM_MAIL: (&str, &str) =
    ("Your order", "The application shows the order and whether it is paid. Sign in there to see it.");

/// `GET /orders/{id}`: tells the buyer to return to the application. Checkouts add the query parameter `payment`;
/// payment providers and mail programs may add others.
pub(crate) async fn show(request: HttpRequest) -> HttpResponse {
    let id = request.match_info().get("id").unwrap_or_default();
    if id.parse::<Uuid>().is_err() {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    }
    let mut names = request.query_string().split('&').filter_map(|pair| pair.split('=').next());
    let (title, text) = if names.any(|name| name == "payment") { AFTER_CHECKOUT } else { FROM_MAIL };
    let page = MessagePage { title, text, is_error: false, link_form: None, root: "../" };
    html::page(StatusCode::OK, &page)
}
