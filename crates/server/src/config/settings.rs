//! The types of the settings.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use adapter_crypto::AppSecret;
use adapter_media::S3Settings;
use adapter_payments_stripe::StripeSettings;
use api_actix::RateLimits;
use domain::{accounts::PasswordPolicy, money::Currency, network::Network};

use super::{later::LaterSettings, log_format::LogFormat, redaction::hide_password};

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEnv {
    /// On a developer's machine. A missing secret key is generated.
    Dev,
    /// In an automatic test. A missing secret key is generated.
    Test,
    /// In production. Nothing is generated, and a server does not start with settings for development.
    Prod,
}

/// The database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseSetting {
    /// SQLite, in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, with this URL.
    Postgres(String),
}

impl DatabaseSetting {
    /// Returns the URL with `***` in place of the password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => hide_password(url),
        }
    }
}

impl std::fmt::Debug for DatabaseSetting {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Who may read the documentation page and the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocsSetting {
    /// Everyone.
    Public,
    /// Users with an active account.
    Authenticated,
}

/// How mails are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailerSetting {
    /// They are printed on standard output.
    Console,
    /// They are sent through a mail server.
    Smtp(SmtpSetting),
}

/// The mail server, and the sender.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpSetting {
    /// `SMTP_URL`, which may contain a password.
    pub url: String,
    /// `MAIL_FROM`
    pub from: String,
}

impl std::fmt::Debug for SmtpSetting {
    /// Leaves out the URL, because it may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSetting").field("from", &self.from).finish_non_exhaustive()
    }
}

/// The URL of the Redis that several servers share. It may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(pub(super) String);

impl RedisUrl {
    /// Returns the complete URL, to connect with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RedisUrl {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hide_password(&self.0))
    }
}

/// Where pictures, films and subtitles are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSetting {
    /// In this folder.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Settings),
}

/// The payment provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentSetting {
    /// The sandbox: a checkout page without real money.
    Sandbox,
    /// Stripe.
    Stripe(StripeSettings),
}

/// All settings, read and checked. The documentation of a field that contains one setting begins with the name of the
/// setting. `.env.example` describes the settings in more detail.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `APP_ENV`
    pub app_env: AppEnv,
    /// `APP_HOST`
    pub host: IpAddr,
    /// `APP_PORT`; 0 selects a free port.
    pub port: u16,
    /// `APP_SECRET_KEY`; if it is not set, [`Settings::key_ring`] generates one where that is allowed.
    pub secret_key: Option<AppSecret>,
    /// `APP_SECRET_KEY_PREVIOUS`
    pub previous_secret_key: Option<AppSecret>,
    /// `ACCESS_TOKEN_TTL_MIN`: how long an access token is valid.
    pub access_token_ttl: Duration,
    /// `REFRESH_TOKEN_TTL_DAYS`: how long a refresh token is valid.
    pub refresh_token_ttl: Duration,
    /// `DATABASE_URL`
    pub database: DatabaseSetting,
    /// `DATABASE_POOL_SIZE`: the maximum number of database connections. On SQLite, one connection for writing is
    /// added.
    pub database_pool_size: u32,
    /// `DATA_DIR`
    pub data_dir: PathBuf,
    /// `CURRENCY`: the currency of all prices.
    pub currency: Currency,
    /// `PUBLIC_URL`, without a trailing slash; if it is not set, the URL follows from host and port.
    pub public_url: Option<String>,
    /// `FRONTEND_URL`, without a trailing slash; if it is not set, links in mails lead to this server.
    pub frontend_url: Option<String>,
    /// `CORS_ORIGINS`: the origins from which browsers may call the API.
    pub cors_origins: Vec<String>,
    /// `CORS_REQUEST_HEADERS`: additional headers that browsers at these origins may send.
    pub cors_request_headers: Vec<String>,
    /// `TRUSTED_PROXIES`: the networks of proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<Network>,
    /// `MAILER`
    pub mailer: MailerSetting,
    /// `MAIL_FROM`
    pub mail_from: Option<String>,
    /// `MEDIA_URL`, with the `AWS_…` names
    pub media: MediaSetting,
    /// `DOCS_ACCESS`
    pub docs_access: DocsSetting,
    /// `REGISTRATION_REVEALS_EMAIL`: whether a registration gets an error if its email address belongs to an account.
    pub registration_reveals_email: bool,
    /// `PASSWORD_POLICY`
    pub password_policy: PasswordPolicy,
    /// `RATE_LIMITS` and every `RATE_LIMIT_…`; `None` when they are off.
    pub rate_limits: Option<RateLimits>,
    /// `REDIS_URL`
    pub redis_url: Option<RedisUrl>,
    /// `HASH_SLOTS`: the number of passwords that are hashed at the same time.
    pub hash_slots: usize,
    /// The memory limit of the container in bytes, if there is one.
    pub memory_limit: Option<u64>,
    /// `MAX_IN_FLIGHT`: the maximum number of concurrent requests.
    pub max_in_flight: usize,
    /// `HOT_PAGE_SECONDS`: how long pages of the catalogue for anonymous users are cached in memory. Zero switches the
    /// cache off.
    pub hot_page_time: Duration,
    /// `OUTBOX_WORKERS`: the maximum number of outbox messages, such as mails, that each process handles at the same
    /// time. Slow deliveries that continue in the background are not counted.
    pub outbox_workers: usize,
    /// `MAX_CONNECTIONS_PER_CLIENT`: the maximum number of open connections per client: an IPv4 address, or an IPv6
    /// network with a prefix of 64 bits.
    pub max_connections_per_client: usize,
    /// `REQUEST_TIMEOUT_SECONDS`: how long a request waits for its result before it gets an error response.
    pub request_timeout: Duration,
    /// `DRAIN_SECONDS`: how long a stopping server still accepts requests while it reports that it is not ready.
    pub drain: Duration,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `RUST_LOG`
    pub log_filter: String,
    /// `PAYMENT_PROVIDER`, with the `STRIPE_…` names
    pub payments: PaymentSetting,
    /// `ALLOW_SANDBOX`: whether production may run without a real payment provider.
    pub allows_sandbox: bool,
    /// Settings without effect in this version.
    pub later: LaterSettings,
}

impl Settings {
    /// Returns the public URL of the server, without a trailing slash: `PUBLIC_URL`, or else a URL of this machine.
    #[must_use]
    pub fn public_url_in_force(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| local_url(SocketAddr::new(self.host, self.port)))
    }
}

/// Returns the URL of a server for users on the same machine.
pub(crate) fn local_url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}
