//! The settings of the REST layer.

use std::time::Duration;

use domain::network::Network;
use http_connections::Timeouts;

use crate::limits::RateLimits;

/// Who may read the OpenAPI document and Swagger UI (`DOCS_ACCESS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocsAccess {
    /// Anybody.
    Public,
    /// Users: with a bearer token, or with HTTP Basic by email and password.
    Authenticated,
}

/// The settings of the REST layer.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The address of the server without a trailing slash (`PUBLIC_URL`); addresses in answers begin with it.
    pub public_url: String,
    /// Whether the links in mails lead to this server, which then serves the pages for them.
    pub serve_pages: bool,
    /// The origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// The headers that pages of these origins may send, beside those that the API itself reads.
    pub cors_request_headers: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Who may read the document.
    pub docs_access: DocsAccess,
    /// The rate limits; `None` switches them off.
    pub rate_limits: Option<RateLimits>,
    /// The requests in flight at most; more are answered with 503.
    pub max_in_flight: usize,
    /// Connections that one client may have open.
    pub max_connections_per_client: usize,
    /// How long connections wait for their clients.
    pub timeouts: Timeouts,
    /// How long anonymous pages of the catalogue are kept in memory; zero keeps none.
    pub hot_page_time: Duration,
    /// A request that takes longer is answered with 503. Its use case still runs to its end.
    pub request_timeout: Duration,
    /// Threads that read requests and write answers.
    pub workers: usize,
    /// In development, local pages of any port may call.
    pub is_dev: bool,
}
