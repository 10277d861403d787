//! The middleware around all routes.
//!
//! From outermost to innermost: [`outermost`] (request id, response headers, error bodies, log), CORS, compression,
//! limit of requests in flight, rate limit of each client, checks of request headers, cache of anonymous pages.

pub(crate) mod body;
pub(crate) mod body_memory;
pub(crate) mod compression;
pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod hot_pages;
pub(crate) mod in_flight;
pub(crate) mod outermost;
pub(crate) mod rate_limit;
pub(crate) mod request_headers;
mod request_id;
