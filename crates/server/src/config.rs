//! The settings: from the environment, over `.env`, over `cinema.toml`.

mod dotenv;
mod fault;
mod later;
mod machine;
mod names;
mod origin;
mod production;
mod read;
mod redaction;
mod secret_file;
mod services;
mod show;
mod sources;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use adapter_crypto::{AppSecret, KeyRing};
use adapter_media::S3Settings;
use api_actix::RateLimits;
use domain::{accounts::PasswordPolicy, money::Currency, network::Network};

pub use self::{
    fault::{Fault, SettingsError},
    later::LaterSettings,
    production::Warning,
    secret_file::{SecretFileError, keep_secret},
    sources::Sources,
};
use self::{read::Reader, sources::Values};

/// How long a stop goes on serving when nobody says, in seconds: balancers learn meanwhile that this node is about to end.
/// In development nobody balances, and a stop is at once.
const DRAIN_SECONDS: u32 = 5;

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEnv {
    /// On a developer's machine: everything that is missing is made.
    Dev,
    /// In an automatic test.
    Test,
    /// Before the public: nothing is guessed.
    Prod,
}

/// Which database holds everything.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseSetting {
    /// The embedded one, in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, at this address.
    Postgres(String),
}

impl std::fmt::Debug for DatabaseSetting {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show::database(self))
    }
}

/// Who may read the API's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocsSetting {
    /// Anybody.
    Public,
    /// Who has an account.
    Authenticated,
}

/// What sends mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailerSetting {
    /// They are printed on standard output.
    Console,
    /// They are handed to a mail server.
    Smtp(SmtpSetting),
}

/// Which mail server, and in whose name.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpSetting {
    /// `SMTP_URL`, with the password in it.
    pub url: String,
    /// `MAIL_FROM`
    pub from: String,
}

impl std::fmt::Debug for SmtpSetting {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSetting").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Where the Redis is that several nodes share, with the password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// All of it, for who connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RedisUrl {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&redaction::hide_password(&self.0))
    }
}

/// Where the files are kept that people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSetting {
    /// In this folder.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Settings),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

/// Every setting, read and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `APP_ENV`
    pub app_env: AppEnv,
    /// `APP_HOST`
    pub host: IpAddr,
    /// `APP_PORT`; 0 picks a free one.
    pub port: u16,
    /// `APP_SECRET_KEY`; [`Settings::key_ring`] makes one where that is allowed.
    pub secret_key: Option<AppSecret>,
    /// `APP_SECRET_KEY_PREVIOUS`
    pub previous_secret_key: Option<AppSecret>,
    /// `ACCESS_TOKEN_TTL_MIN`
    pub access_token_ttl: Duration,
    /// `REFRESH_TOKEN_TTL_DAYS`
    pub refresh_token_ttl: Duration,
    /// `DATABASE_URL`
    pub database: DatabaseSetting,
    /// `DATABASE_POOL_SIZE`
    pub database_pool_size: u32,
    /// `DATA_DIR`
    pub data_dir: PathBuf,
    /// `CURRENCY`
    pub currency: Currency,
    /// `PUBLIC_URL`, without a slash at its end; from host and port when not set.
    pub public_url: Option<String>,
    /// `FRONTEND_URL`, likewise; the server itself when not set.
    pub frontend_url: Option<String>,
    /// `CORS_ORIGINS`
    pub cors_origins: Vec<String>,
    /// `CORS_REQUEST_HEADERS`
    pub cors_request_headers: Vec<String>,
    /// `TRUSTED_PROXIES`
    pub trusted_proxies: Vec<Network>,
    /// `MAILER`
    pub mailer: MailerSetting,
    /// `MAIL_FROM`
    pub mail_from: Option<String>,
    /// `MEDIA_URL`, with the `AWS_…` names
    pub media: MediaSetting,
    /// `DOCS_ACCESS`
    pub docs_access: DocsSetting,
    /// `REGISTRATION_REVEALS_EMAIL`
    pub registration_reveals_email: bool,
    /// `PASSWORD_POLICY`
    pub password_policy: PasswordPolicy,
    /// `RATE_LIMITS` and every `RATE_LIMIT_…`; `None` when they are off.
    pub rate_limits: Option<RateLimits>,
    /// `REDIS_URL`
    pub redis_url: Option<RedisUrl>,
    /// `HASH_SLOTS`
    pub hash_slots: usize,
    /// The bytes of memory that this process may use, where its container sets a limit.
    pub memory_limit: Option<u64>,
    /// `MAX_IN_FLIGHT`
    pub max_in_flight: usize,
    /// `MAX_CONNECTIONS_PER_CLIENT`
    pub max_connections_per_client: usize,
    /// `REQUEST_TIMEOUT_SECONDS`
    pub request_timeout: Duration,
    /// `DRAIN_SECONDS`
    pub drain: Duration,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `RUST_LOG`
    pub log_filter: String,
    /// `ALLOW_SANDBOX`: whether production may run without a real payment provider, of which there is none yet.
    pub allows_sandbox: bool,
    /// What has no effect in this version.
    pub later: LaterSettings,
}

impl Settings {
    /// Reads the settings of this process, for a command that serves nobody.
    ///
    /// # Errors
    /// When `cinema.toml` has an unknown key, or a value is bad: all faults at once, each with what is allowed.
    pub fn load() -> Result<Self, SettingsError> {
        Self::from_sources(&Sources::of_this_process())
    }

    /// Reads the settings of this process, for a server or a worker: in production more is refused.
    ///
    /// # Errors
    /// As [`Settings::load`], and when `prod` lacks something or something is meant for development.
    pub fn load_to_serve() -> Result<Self, SettingsError> {
        Self::fit_to_serve(&Sources::of_this_process())
    }

    /// Reads the settings from anywhere, as [`Settings::load`] does: for tests.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_sources(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Values::merge(sources));
        let settings = Self::read(&mut reader);
        reader.finish(settings)
    }

    /// Reads the settings from anywhere, as [`Settings::load_to_serve`] does: for tests.
    ///
    /// # Errors
    /// As [`Settings::load_to_serve`].
    pub fn fit_to_serve(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Values::merge(sources));
        let settings = Self::read(&mut reader);
        production::check(&settings, &mut reader);
        reader.finish(settings)
    }

    /// What works, and an operator should look at.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        production::warnings(self)
    }

    /// Where people reach the server, without a slash at its end: `PUBLIC_URL`, else this machine's own address.
    #[must_use]
    pub fn public_url_in_force(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| local_url(SocketAddr::new(self.host, self.port)))
    }

    fn read(reader: &mut Reader) -> Self {
        let cores = machine::processors();
        let memory_limit = machine::memory_limit();
        let app_env = reader.one_of(
            "APP_ENV",
            &[("dev", AppEnv::Dev), ("test", AppEnv::Test), ("prod", AppEnv::Prod)],
            AppEnv::Dev,
        );
        let is_prod = app_env == AppEnv::Prod;
        let (mailer, mail_from) = reader.mailer("MAILER");
        reader.payment_provider("PAYMENT_PROVIDER");
        let data_dir = PathBuf::from(reader.text("DATA_DIR").unwrap_or_else(|| "./var".to_owned()));
        Self {
            app_env,
            host: reader.host("APP_HOST"),
            port: reader.number("APP_PORT", 0..=65_535, 8_000),
            secret_key: reader.secret("APP_SECRET_KEY"),
            previous_secret_key: reader.secret("APP_SECRET_KEY_PREVIOUS"),
            access_token_ttl: reader.duration("ACCESS_TOKEN_TTL_MIN", 60, 1..=1_440, 15),
            refresh_token_ttl: reader.duration("REFRESH_TOKEN_TTL_DAYS", 86_400, 1..=90, 7),
            database: reader.database("DATABASE_URL", &data_dir),
            database_pool_size: reader.number(
                "DATABASE_POOL_SIZE",
                1..=1_000,
                u32::try_from(cores).unwrap_or(1).saturating_mul(2).saturating_add(2),
            ),
            media: reader.media("MEDIA_URL", &data_dir),
            data_dir,
            currency: reader.currency("CURRENCY"),
            public_url: reader.url("PUBLIC_URL"),
            frontend_url: reader.url("FRONTEND_URL"),
            cors_origins: reader.origins("CORS_ORIGINS"),
            cors_request_headers: reader.header_names("CORS_REQUEST_HEADERS"),
            trusted_proxies: reader.networks("TRUSTED_PROXIES"),
            mailer,
            mail_from,
            docs_access: reader.one_of(
                "DOCS_ACCESS",
                &[("public", DocsSetting::Public), ("authenticated", DocsSetting::Authenticated)],
                if is_prod { DocsSetting::Authenticated } else { DocsSetting::Public },
            ),
            registration_reveals_email: reader.switch("REGISTRATION_REVEALS_EMAIL", true),
            password_policy: reader.one_of(
                "PASSWORD_POLICY",
                &[("standard", PasswordPolicy::Standard), ("strict", PasswordPolicy::Strict)],
                PasswordPolicy::Standard,
            ),
            rate_limits: reader.rate_limits("RATE_LIMITS"),
            redis_url: reader.redis("REDIS_URL"),
            hash_slots: reader.number(
                "HASH_SLOTS",
                1..=1_024,
                machine::default_hash_slots(cores, memory_limit),
            ),
            memory_limit,
            max_in_flight: reader.number("MAX_IN_FLIGHT", 1..=1_000_000, 512),
            max_connections_per_client: reader.number("MAX_CONNECTIONS_PER_CLIENT", 1..=1_000_000, 256),
            request_timeout: reader.duration("REQUEST_TIMEOUT_SECONDS", 1, 1..=600, 10),
            drain: reader.duration(
                "DRAIN_SECONDS",
                1,
                0..=600,
                if app_env == AppEnv::Dev { 0 } else { DRAIN_SECONDS },
            ),
            log_format: reader.one_of(
                "LOG_FORMAT",
                &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
                if is_prod { LogFormat::Json } else { LogFormat::Pretty },
            ),
            log_filter: reader.log_filter("RUST_LOG"),
            allows_sandbox: reader.switch("ALLOW_SANDBOX", false),
            later: LaterSettings::read(reader),
        }
    }

    /// The keys of this installation. In `dev` and `test` a missing secret is made once and kept in `DATA_DIR`.
    ///
    /// # Errors
    /// When the secret is missing in `prod`, or cannot be kept.
    pub fn key_ring(&self) -> Result<KeyRing, SecretFileError> {
        let current = match &self.secret_key {
            Some(secret) => secret.clone(),
            None if self.app_env == AppEnv::Prod => return Err(SecretFileError::MissingInProduction),
            None => AppSecret::new(secret_file::development_secret(&self.data_dir)?.as_bytes()),
        };
        Ok(KeyRing::new(current, self.previous_secret_key.iter().cloned().collect()))
    }

    /// Each setting in force with its name, secrets hidden.
    #[must_use]
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        show::settings(self)
    }
}

/// The address of a server as people on its machine write it.
pub(crate) fn local_url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
