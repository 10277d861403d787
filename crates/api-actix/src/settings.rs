//! What the REST layer wants to know at its start.

use std::time::Duration;

use domain::network::Network;
use http_connections::Timeouts;

use crate::limits::RateLimits;

/// Who may read the document and its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocsAccess {
    /// Anybody.
    Public,
    /// Who has an account: by a bearer token or by Basic with email and password.
    Authenticated,
}

/// The settings of the REST layer.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The address that the server is reached at, without a slash at its end; addresses in answers begin with it.
    pub public_url: String,
    /// Whether the mails' links lead here, so that the two small pages are ours to serve.
    pub serve_pages: bool,
    /// The origins that browsers may call from, exact.
    pub cors_origins: Vec<String>,
    /// The headers that pages of these origins may send, beside those that the API itself reads.
    pub cors_request_headers: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Who may read the document.
    pub docs_access: DocsAccess,
    /// How often callers may call; `None` as often as they like.
    pub rate_limits: Option<RateLimits>,
    /// Requests beyond this many at once are sent away with 503.
    pub max_in_flight: usize,
    /// Connections that one client may have open.
    pub max_connections_per_client: usize,
    /// How long connections wait for their clients.
    pub timeouts: Timeouts,
    /// A use case that takes longer is answered with 503; it goes on to its end all the same.
    pub request_timeout: Duration,
    /// Threads that read requests and write answers.
    pub workers: usize,
    /// Development: local pages of any port may call.
    pub is_dev: bool,
}
