//! What happens to every request and answer, whatever the route: the outermost layer of the server.
//!
//! From outside in: [`manners`] (request id, headers, problems, log), CORS, compression, the cap on requests in
//! flight, the quota of calls, the `Accept` header.

pub(crate) mod acceptance;
pub(crate) mod compression;
pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod limited;
pub(crate) mod manners;
pub(crate) mod overload;
pub(crate) mod request_id;
pub(crate) mod seat;
