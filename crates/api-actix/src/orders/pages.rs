//! The page of an order, which checkouts and the links in mails lead to when no frontend is configured.
//!
//! It shows no details of the order, since opening the address does not prove that the visitor is the buyer.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use uuid::Uuid;

use crate::{
    html::{self, MessagePage},
    problem::{Problem, kinds},
};

/// The title and text for a buyer who comes from a checkout.
const AFTER_CHECKOUT: (&str, &str) = (
    "Back from the checkout",
    "You can close this page and return to the application, which shows the order and whether it is paid. \
     A payment can take a moment to arrive. Nothing was paid if you left the checkout without paying.",
);

/// The title and text for a buyer who comes from a mail.
const FROM_MAIL: (&str, &str) =
    ("Your order", "The application shows the order and whether it is paid. Sign in there to see it.");

/// `GET /orders/{id}`: leads the buyer to the application. Checkouts add the parameter `payment`; payment providers and
/// mail programs may add others.
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
