use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use adapter_crypto::AppSecret;
use adapter_mailer_smtp::SmtpMailer;
use adapter_media::S3Settings;
use adapter_postgres::PostgresDatabase;
use adapter_throttle::RedisThrottle;
use api_actix::{FixedLimits, RateLimits};
use domain::{
    accounts::EmailAddress,
    money::Currency,
    network::Network,
    throttle::{Quota, RateLimit},
};
use tracing_subscriber::EnvFilter;

use super::{DatabaseSetting, MailerSetting, MediaSetting, RedisUrl, SmtpSetting, names, sources::Values};

const POSTGRES_ALLOWED: &str = "postgres://USER:PASSWORD@HOST:PORT/NAME, user and password percent-encoded";

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    name: String,
    problem: String,
    allowed: String,
}

impl Fault {
    pub(super) fn new(name: &str, problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, problem, allowed } = self;
        if allowed.ends_with('?') {
            write!(f, "{name} {problem}; {allowed}")
        } else {
            write!(f, "{name} {problem}; allowed: {allowed}")
        }
    }
}

/// The settings cannot be used. Shown in one line, every fault with what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(Vec<Fault>);

impl SettingsError {
    /// An error when there is any fault.
    pub(super) fn none_of(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }
}

impl From<Fault> for SettingsError {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join(" | "))
    }
}

impl std::error::Error for SettingsError {}

/// Reads values by name, and gathers what is wrong with them. A bad value reads as its default until the end.
pub(super) struct Reader {
    values: Values,
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) const fn new(values: Values) -> Self {
        Self { values, faults: Vec::new() }
    }

    pub(super) fn finish<T>(self, read: T) -> Result<T, SettingsError> {
        SettingsError::none_of(self.faults).map(|()| read)
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.take(name)
    }

    fn read<T>(&mut self, name: &str, allowed: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(text.trim());
        if value.is_none() {
            let fault = if names::SECRETS.contains(&name) {
                "has a value that cannot be used".to_owned()
            } else {
                format!("cannot be {text:?}")
            };
            self.faults.push(Fault::new(name, fault, allowed));
        }
        value
    }

    /// A secret that its adapter understands. The adapter's words quote nothing of it.
    fn understood<E: fmt::Display>(
        &mut self,
        name: &str,
        allowed: &str,
        check: impl FnOnce(&str) -> Result<(), E>,
    ) -> Option<String> {
        let text = self.text(name)?;
        let text = text.trim();
        match check(text) {
            Ok(()) => Some(text.to_owned()),
            Err(error) => {
                self.faults.push(Fault::new(name, format!("cannot be used ({error})"), allowed));
                None
            }
        }
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, allowed: &str) -> Option<T> {
        self.read(name, allowed, |text| text.parse().ok())
    }

    pub(super) fn one_of<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let allowed = choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        self.read(name, &allowed, |text| {
            choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value)
        })
        .unwrap_or(default)
    }

    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        self.one_of(name, &[("true", true), ("false", false)], default)
    }

    pub(super) fn number<T>(&mut self, name: &str, range: RangeInclusive<u32>, default: T) -> T
    where
        T: TryFrom<u32>,
    {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(name, &allowed, |text| {
            text.parse::<u32>().ok().filter(|number| range.contains(number))?.try_into().ok()
        })
        .unwrap_or(default)
    }

    /// A number of units of so many seconds.
    pub(super) fn duration(
        &mut self,
        name: &str,
        unit: u64,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> Duration {
        let count: u32 = self.number(name, range, default);
        Duration::from_secs(u64::from(count).saturating_mul(unit))
    }

    pub(super) fn host(&mut self, name: &str) -> IpAddr {
        self.read(name, "an IP address such as 127.0.0.1, or localhost", |text| match text {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            _ => text.trim_matches(['[', ']']).parse().ok(),
        })
        .unwrap_or_else(|| Ipv4Addr::LOCALHOST.into())
    }

    /// Secrets are not trimmed: a space is as good a character as another.
    pub(super) fn secret(&mut self, name: &str) -> Option<AppSecret> {
        self.text(name).map(AppSecret::new)
    }

    pub(super) fn currency(&mut self, name: &str) -> Currency {
        let read = self.read(name, "an ISO 4217 code such as USD", |text| text.parse().ok());
        // The default is one of the codes; `finish` never lets another through.
        read.or_else(|| "USD".parse().ok()).unwrap_or_else(|| unreachable!("USD is a currency"))
    }

    pub(super) fn database(&mut self, name: &str, data_dir: &Path) -> DatabaseSetting {
        let default = DatabaseSetting::Sqlite(data_dir.join("cinema.db"));
        let Some(text) = self.text(name) else { return default };
        if let Some(url) = postgres(text.trim()) {
            self.check_postgres(name, &url);
            return DatabaseSetting::Postgres(url);
        }
        let path = text.trim().strip_prefix("sqlite://").filter(|path| {
            let is_folder = path.is_empty() || path.ends_with('/');
            !is_folder && !path.contains(['?', '\0'])
        });
        if path.is_none() {
            let allowed = format!("sqlite://PATH or {POSTGRES_ALLOWED}");
            self.faults.push(Fault::new(name, "has a value that cannot be used", allowed));
        }
        path.map_or(default, |path| DatabaseSetting::Sqlite(PathBuf::from(path)))
    }

    /// The address of a PostgreSQL database.
    pub(super) fn postgres(&mut self, name: &str) -> Option<String> {
        let url = self.read(name, POSTGRES_ALLOWED, postgres)?;
        self.check_postgres(name, &url);
        Some(url)
    }

    fn check_postgres(&mut self, name: &str, url: &str) {
        if let Err(error) = PostgresDatabase::check_address(url) {
            self.faults.push(Fault::new(name, format!("cannot be used ({error})"), POSTGRES_ALLOWED));
        }
    }

    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        self.read(name, "an address such as https://cinema.example, without query", |text| {
            let text = text.trim_end_matches('/');
            let (origin, path) = split_origin(text)?;
            let is_plain = !path.contains(['?', '#', '\\', '"', '<', '>']);
            (is_origin(origin) && is_plain).then(|| text.to_owned())
        })
    }

    pub(super) fn origins(&mut self, name: &str) -> Vec<String> {
        let allowed = "origins such as https://cinema.example, separated by commas, without path";
        self.read(name, allowed, |text| list(text, |item| is_origin(item).then(|| item.to_owned())))
            .unwrap_or_default()
    }

    pub(super) fn networks(&mut self, name: &str) -> Vec<Network> {
        let allowed = "networks such as 10.0.0.0/8, separated by commas";
        self.read(name, allowed, |text| list(text, |item| item.parse().ok())).unwrap_or_default()
    }

    pub(super) fn address(&mut self, name: &str) -> Option<String> {
        self.read(name, "an address such as cinema@example.com or Cinema <cinema@example.com>", |text| {
            let address =
                text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, it)| it);
            let is_address =
                address.parse::<EmailAddress>().is_ok() && SmtpMailer::check_sender(text).is_ok();
            is_address.then(|| text.to_owned())
        })
    }

    pub(super) fn mailer(&mut self, name: &str, from: Option<&str>) -> MailerSetting {
        let is_smtp = self.one_of(name, &[("console", false), ("smtp", true)], false);
        let allowed = "smtp://user:password@host:587 or smtps://user:password@host";
        let is_given = self.values.has("SMTP_URL");
        let url = self.understood("SMTP_URL", allowed, SmtpMailer::check_url);
        if !is_smtp {
            return MailerSetting::Console;
        }
        // One that is there and no good is named already.
        let url =
            if is_given { url.unwrap_or_default() } else { self.needed_for_smtp("SMTP_URL", None, allowed) };
        let from =
            self.needed_for_smtp("MAIL_FROM", from.map(str::to_owned), "the address that mails come from");
        MailerSetting::Smtp(SmtpSetting { url, from })
    }

    fn needed_for_smtp(&mut self, name: &str, value: Option<String>, allowed: &str) -> String {
        value.unwrap_or_else(|| {
            self.faults.push(Fault::new(name, "is missing, and MAILER=smtp needs it", allowed));
            String::new()
        })
    }

    pub(super) fn media(&mut self, name: &str, data_dir: &Path) -> MediaSetting {
        let allowed = "file://FOLDER or s3://BUCKET?endpoint=https://HOST:PORT";
        let place = self
            .read(name, allowed, media_place)
            .unwrap_or_else(|| MediaPlace::Folder(data_dir.join("media")));
        // Taken in any case: they are known names, whether they are needed or not.
        let [specific, general] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].map(|name| self.url(name));
        let [region, default_region] = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| self.text(name));
        let [id, secret, session_token] =
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| self.text(name));
        match place {
            MediaPlace::Folder(folder) => MediaSetting::Folder(folder),
            MediaPlace::Bucket { bucket, endpoint } => MediaSetting::S3(S3Settings {
                bucket,
                endpoint: endpoint.or(specific).or(general),
                region: region.or(default_region),
                access_key_id: self.needed_for_s3("AWS_ACCESS_KEY_ID", id),
                secret_access_key: self.needed_for_s3("AWS_SECRET_ACCESS_KEY", secret),
                session_token,
            }),
        }
    }

    fn needed_for_s3(&mut self, name: &str, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            let fault = "is missing, and MEDIA_URL=s3://… needs it";
            self.faults.push(Fault::new(name, fault, "the keys of somebody who may use the bucket"));
            String::new()
        })
    }

    pub(super) fn log_filter(&mut self, name: &str) -> String {
        self.read(name, "levels such as info, or warn,app=debug", |text| {
            EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        })
        .unwrap_or_else(|| "info".to_owned())
    }

    /// There is one provider; who names another shall not believe that it is used.
    pub(super) fn payment_provider(&mut self, name: &str) {
        self.read(name, "sandbox (this version has no other provider)", |text| {
            (text == "sandbox").then_some(())
        });
    }

    /// All are read, also when they are off: a fault in one is better found before they are on.
    pub(super) fn rate_limits(&mut self, name: &str) -> Option<RateLimits> {
        let is_on = self.one_of(name, &[("on", true), ("off", false)], true);
        let limits = RateLimits {
            global: self.rate_limit(names::RATE_LIMIT_GLOBAL, "global", "600/1m"),
            login: self.rate_limit(names::RATE_LIMIT_LOGIN, "login", "10/1m"),
            register: self.rate_limit(names::RATE_LIMIT_REGISTER, "register", "5/1h"),
            resend_activation: self.rate_limit(names::RATE_LIMIT_RESEND, "resend-activation", "1/1m,5/1d"),
            password_reset: self.rate_limit(names::RATE_LIMIT_PASSWORD_RESET, "password-reset", "1/1m,5/1d"),
            refresh: self.rate_limit(names::RATE_LIMIT_REFRESH, "refresh", "30/1m"),
            fixed: FixedLimits::default(),
        };
        is_on.then_some(limits)
    }

    fn rate_limit(&mut self, name: &str, limited: &'static str, default: &str) -> RateLimit {
        let allowed = "a number and a time, such as 10/1m, or several of different times: 1/1m,5/1d";
        let quotas = self.read(name, allowed, quotas).or_else(|| quotas(default)).unwrap_or_default();
        RateLimit::new(limited, &quotas)
    }

    pub(super) fn redis(&mut self, name: &str) -> Option<RedisUrl> {
        let allowed = "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// with TLS, user and password percent-encoded";
        self.read(name, allowed, |text| {
            let (scheme, _) = text.split_once("://")?;
            let is_redis = ["redis", "rediss"].contains(&scheme) && RedisThrottle::check_url(text).is_ok();
            is_redis.then(|| RedisUrl(text.to_owned()))
        })
    }
}

fn quotas(text: &str) -> Option<Vec<Quota>> {
    let quotas: Vec<Quota> = list(text, |item| item.parse().ok())?;
    let windows: BTreeSet<_> = quotas.iter().map(Quota::window).collect();
    (!quotas.is_empty() && windows.len() == quotas.len()).then_some(quotas)
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
}

/// The address as the adapter takes it; nothing when it is another kind of address.
fn postgres(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    ["postgres", "postgresql", "postgresql+psycopg"].contains(&scheme).then(|| format!("postgres://{rest}"))
}

/// What `MEDIA_URL` says by itself.
enum MediaPlace {
    Folder(PathBuf),
    Bucket { bucket: String, endpoint: Option<String> },
}

fn media_place(text: &str) -> Option<MediaPlace> {
    match text.split_once("://")? {
        ("file", path) => {
            let is_path = !path.is_empty() && !path.contains(['?', '\0']);
            is_path.then(|| MediaPlace::Folder(PathBuf::from(path)))
        }
        ("s3", rest) => {
            let (bucket, query) = rest.split_once('?').map_or((rest, None), |(b, q)| (b, Some(q)));
            let is_bucket = (3..=63).contains(&bucket.len())
                && bucket.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
            let endpoint = match query {
                Some(query) => {
                    let endpoint = query.strip_prefix("endpoint=")?.trim_end_matches('/');
                    Some(is_origin(endpoint).then(|| endpoint.to_owned())?)
                }
                None => None,
            };
            is_bucket.then(|| MediaPlace::Bucket { bucket: bucket.to_owned(), endpoint })
        }
        _ => None,
    }
}

/// An address as its origin and the path behind it.
fn split_origin(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let origin = scheme.len().checked_add(3)?.checked_add(end)?;
    text.split_at_checked(origin)
}

fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let is_bracketed = authority.starts_with('[');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !is_bracketed || host.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || ".-_".contains(character))
        }
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
