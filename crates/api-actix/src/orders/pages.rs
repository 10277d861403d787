//! The page that a checkout returns to when no frontend is configured.
//!
//! It shows no details of the order, since opening the address does not prove that the visitor is the buyer.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use uuid::Uuid;

use crate::{
    html::{self, MessagePage},
    problem::{Problem, kinds},
};

const TEXT: &str = "You can close this page and return to the application, which shows the order and whether it is paid. \
                    A payment can take a moment to arrive. Nothing was paid if you left the checkout without paying.";

/// `GET /orders/{id}`: tells the buyer to return to the application. Payment providers may add parameters to the address.
pub(crate) async fn show(request: HttpRequest) -> HttpResponse {
    let id = request.match_info().get("id").unwrap_or_default();
    if id.parse::<Uuid>().is_err() {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    }
    let page = MessagePage {
        title: "Back from the checkout",
        text: TEXT,
        is_error: false,
        link_form: None,
        root: "../",
    };
    html::page(StatusCode::OK, &page)
}
