//! The middleware around all routes.
//!
//! From the outermost to the innermost: [`outermost`] (request id, headers, problems, log), CORS, compression, the
//! limit of requests in flight, the rate limit of calls, checks of headers, the cache of anonymous pages.

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
