//! The settings, from the environment, `.env` and `cinema.toml`, in this order of precedence.

mod dotenv;
mod fault;
mod later;
mod log_format;
mod machine;
mod names;
mod origin;
mod production;
mod read;
mod redaction;
mod secret_file;
mod services;
mod settings;
mod show;
mod sources;

use std::path::PathBuf;

use adapter_crypto::{AppSecret, KeyRing};
use domain::accounts::PasswordPolicy;

pub(crate) use self::settings::local_url;
pub use self::{
    fault::{Fault, SettingsError},
    later::LaterSettings,
    log_format::LogFormat,
    production::Warning,
    secret_file::{SecretFileError, keep_secret},
    settings::{
        AppEnv, DatabaseSetting, DocsSetting, MailerSetting, MediaSetting, PaymentSetting, RedisUrl,
        Settings, SmtpSetting,
    },
    sources::Sources,
};
use self::{machine::processors, read::Reader, sources::Values};

/// The default of `DRAIN_SECONDS` outside development. Load balancers need this time to notice that the server is
/// shutting down.
const DRAIN_SECONDS: u32 = 5;

impl Settings {
    /// Reads the settings of this process, for a `cinema` command other than `serve` and `worker`.
    ///
    /// # Errors
    /// When a source cannot be read or parsed, when `cinema.toml` has an unknown key, or when a value is not valid or
    /// is missing. The error lists everything that is wrong, with the allowed values.
    pub fn load() -> Result<Self, SettingsError> {
        Self::from_sources(&Sources::of_this_process())
    }

    /// Reads the settings of this process for a server or a worker. In production, more is checked than by
    /// [`Settings::load`].
    ///
    /// # Errors
    /// As for [`Settings::load`], and in `prod` when settings are missing or are meant for development.
    pub fn load_to_serve() -> Result<Self, SettingsError> {
        Self::fit_to_serve(&Sources::of_this_process())
    }

    /// Like [`Settings::load`], but reads the given sources, for tests.
    ///
    /// # Errors
    /// As for [`Settings::load`].
    pub fn from_sources(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Values::merge(sources));
        let settings = Self::read(&mut reader);
        let log_format = settings.log_format;
        reader.finish(settings, log_format)
    }

    /// Like [`Settings::load_to_serve`], but reads the given sources, for tests.
    ///
    /// # Errors
    /// As for [`Settings::load_to_serve`].
    pub fn fit_to_serve(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Values::merge(sources));
        let settings = Self::read(&mut reader);
        production::check(&settings, &mut reader);
        let log_format = settings.log_format;
        reader.finish(settings, log_format)
    }

    /// Returns warnings about settings that work but are risky.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        production::warnings(self)
    }

    fn read(reader: &mut Reader) -> Self {
        let cores = processors();
        let memory_limit = machine::memory_limit();
        let app_env = reader.one_of(
            "APP_ENV",
            &[("dev", AppEnv::Dev), ("test", AppEnv::Test), ("prod", AppEnv::Prod)],
            AppEnv::Dev,
        );
        let is_prod = app_env == AppEnv::Prod;
        let (mailer, mail_from) = reader.mailer("MAILER");
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
            hot_page_time: reader.duration("HOT_PAGE_SECONDS", 1, 0..=5, 2),
            outbox_workers: reader.number("OUTBOX_WORKERS", 1..=64, 4),
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
            payments: reader.payments("PAYMENT_PROVIDER"),
            allows_sandbox: reader.switch("ALLOW_SANDBOX", false),
            later: LaterSettings::read(reader),
        }
    }

    /// Returns the current secret and, if there is one, the previous secret, from which the keys of this installation
    /// are derived. In `dev` and `test`, a missing current secret is generated once and stored in `DATA_DIR`.
    ///
    /// # Errors
    /// When the current secret is missing in `prod`, or when its file in `DATA_DIR` cannot be read or stored.
    pub fn key_ring(&self) -> Result<KeyRing, SecretFileError> {
        let current = match &self.secret_key {
            Some(secret) => secret.clone(),
            None if self.app_env == AppEnv::Prod => return Err(SecretFileError::MissingInProduction),
            None => AppSecret::new(secret_file::development_secret(&self.data_dir)?.as_bytes()),
        };
        Ok(KeyRing::new(current, self.previous_secret_key.iter().cloned().collect()))
    }

    /// Returns each current setting with its name, with secrets hidden.
    #[must_use]
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        show::settings(self)
    }
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
