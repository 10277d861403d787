//! The REST API. It converts HTTP requests into calls of use cases, and the errors of use cases into RFC 9457 problems.

mod accounts;
mod audit;
mod cart;
mod catalog;
mod client_address;
mod docs;
mod edge;
mod engagement;
mod etag;
mod extract;
mod health;
mod html;
mod large_answers;
mod library;
mod limits;
mod media;
mod moment;
mod money;
mod notifications;
mod openapi;
mod orders;
mod page;
mod payments;
mod period;
pub mod problem;
mod readiness;
mod reply;
mod routes;
mod rules;
mod running_requests;
mod server;
mod settings;
mod start;
mod state;
mod uploads;

pub use http_connections::Timeouts;

pub use self::{
    limits::{FixedLimits, LinkLimit, RateLimits},
    openapi::openapi_document,
    readiness::{Component, Readiness},
    rules::Rules,
    server::serve,
    settings::{ApiSettings, DocsAccess},
    state::ApiState,
};
