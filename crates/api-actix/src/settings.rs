//! The settings of the REST API.

use std::time::Duration;

use domain::network::Network;
use http_connections::Timeouts;

use crate::limits::RateLimits;

/// Access to the OpenAPI document and Swagger UI (`DOCS_ACCESS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocsAccess {
    /// Everyone may read the document and Swagger UI.
    Public,
    /// Only users may read the document and Swagger UI: with a bearer token, or with email and password by HTTP Basic
    /// authentication.
    Authenticated,
}

/// The settings of the REST API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The public URL of the server, without a trailing slash (`PUBLIC_URL`). URLs of this server in responses begin
    /// with it.
    pub public_url: String,
    /// Whether this server serves the pages that checkouts redirect to and mails link to, because there is no separate
    /// frontend. The page to unsubscribe is always served.
    pub serve_pages: bool,
    /// The web origins from which browsers may call the API.
    pub cors_origins: Vec<String>,
    /// The request headers that pages of other origins may send, in addition to the headers that the API reads.
    pub cors_request_headers: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Who may read the OpenAPI document and Swagger UI.
    pub docs_access: DocsAccess,
    /// The rate limits; `None` switches them off.
    pub rate_limits: Option<RateLimits>,
    /// The maximum number of requests in flight; further requests get a 503 response. Requests for health checks, film
    /// files, and live streams of notifications are not counted.
    pub max_in_flight: usize,
    /// The maximum number of open connections of one client. Trusted proxies may have any number.
    pub max_connections_per_client: usize,
    /// The timeouts of connections.
    pub timeouts: Timeouts,
    /// How long responses of the catalogue to anonymous callers are cached in memory; zero disables the cache.
    pub hot_page_time: Duration,
    /// How long a request waits for its use case. After this time, the request gets a 503 response, or another error
    /// response that the handler of the request specifies. The use case still runs to its end.
    pub request_timeout: Duration,
    /// The number of threads that read requests and write responses.
    pub workers: usize,
    /// Whether the server runs in development mode. If so, web pages that are served over HTTP on any port of this
    /// machine may call the API.
    pub is_dev: bool,
}
