use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use actix_web::http::header::HeaderName;
use adapter_crypto::AppSecret;
use adapter_mailer_smtp::SmtpMailer;
use api_actix::{FixedLimits, RateLimits};
use domain::{
    accounts::EmailAddress,
    money::Currency,
    network::Network,
    throttle::{Quota, RateLimit},
};
use tracing_subscriber::EnvFilter;

use super::{
    fault::{Fault, SettingsError},
    log_format::LogFormat,
    names,
    origin::{origin_of, split_origin},
    redaction,
    sources::Values,
};

/// Reads values by name, and collects the invalid ones. An invalid value is replaced by a default, so that reading
/// can continue and all errors are reported together.
pub(super) struct Reader {
    values: Values,
}

impl Reader {
    pub(super) const fn new(values: Values) -> Self {
        Self { values }
    }

    /// Returns the values that were read, or an error if any value is invalid or missing.
    pub(super) fn finish<T>(self, read: T, log_format: LogFormat) -> Result<T, SettingsError> {
        SettingsError::none_of(self.values.faults, log_format).map(|()| read)
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.take(name)
    }

    pub(super) fn refuse(&mut self, name: &str, problem: impl Into<String>, allowed: impl Into<String>) {
        self.values.faults.push(Fault::new(name, problem, allowed));
    }

    /// Reports the setting as invalid, unless it or its `NAME_FILE` variant has already been reported.
    pub(super) fn refuse_once(&mut self, name: &str, problem: impl Into<String>, allowed: impl Into<String>) {
        let file = format!("{name}_FILE");
        if !self.values.faults.iter().any(|fault| fault.name() == name || fault.name() == file) {
            self.refuse(name, problem, allowed);
        }
    }

    /// Reports a setting that is missing, or whose given or default value is not allowed. Does nothing if the setting
    /// has already been reported, or if a source could not be read or parsed, because that source may contain another
    /// value.
    pub(super) fn report_missing(&mut self, name: &str, problem: &str, allowed: &str) {
        if !self.values.is_partial {
            self.refuse_once(name, problem, allowed);
        }
    }

    pub(super) fn read<T>(
        &mut self,
        name: &str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(text.trim());
        if value.is_none() {
            let fault = if names::SECRETS.contains(&name) || redaction::has_user_info(&text) {
                "has a value that cannot be used".to_owned()
            } else {
                format!("cannot be {:?}", redaction::without_parameters(&text))
            };
            self.refuse(name, fault, allowed);
        }
        value
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

    /// Reads a duration that is given as a number of units; `unit` is the length of a unit in seconds.
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

    /// Reads a secret. It is not trimmed, because a space may be part of it.
    pub(super) fn secret(&mut self, name: &str) -> Option<AppSecret> {
        self.text(name).map(AppSecret::new)
    }

    pub(super) fn currency(&mut self, name: &str) -> Currency {
        let read = self.read(name, "an ISO 4217 code such as USD", |text| text.parse().ok());
        // The default is a valid code. If the value is invalid, `finish` returns the error.
        read.or_else(|| "USD".parse().ok()).unwrap_or_else(|| unreachable!("USD is a currency"))
    }

    /// Reads a URL. Returns the origin as browsers send it, followed by the path without a trailing slash.
    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        self.read(name, "an address such as https://cinema.example, without query", |text| {
            let (origin, path) = split_origin(text.trim_end_matches('/'))?;
            let is_plain = !path.contains(['?', '#', '\\', '"', '<', '>']);
            is_plain.then(|| Some(origin_of(origin)? + path))?
        })
    }

    pub(super) fn origins(&mut self, name: &str) -> Vec<String> {
        let allowed = "origins such as https://cinema.example, separated by commas, without path";
        self.read(name, allowed, |text| list(text, origin_of)).unwrap_or_default()
    }

    pub(super) fn header_names(&mut self, name: &str) -> Vec<String> {
        let allowed = "names of headers such as x-client-version, separated by commas";
        self.read(name, allowed, |text| {
            list(text, |item| HeaderName::try_from(item).ok().map(|name| name.as_str().to_owned()))
        })
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

    pub(super) fn log_filter(&mut self, name: &str) -> String {
        self.read(name, "levels such as info, or warn,app=debug", |text| {
            EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        })
        .unwrap_or_else(|| "info".to_owned())
    }

    /// Reads all rate limits. Returns `None` if they are switched off. They are read even then, so that errors in
    /// them are found before they are switched on.
    pub(super) fn rate_limits(&mut self, name: &str) -> Option<RateLimits> {
        let is_on = self.one_of(name, &[("on", true), ("off", false)], true);
        let limits = RateLimits {
            global: self.rate_limit(names::RATE_LIMIT_GLOBAL, "global", "600/1m"),
            login: self.rate_limit(names::RATE_LIMIT_LOGIN, "login", "10/1m"),
            register: self.rate_limit(names::RATE_LIMIT_REGISTER, "register", "5/1h"),
            resend_activation: self
                .rate_limit(names::RATE_LIMIT_RESEND, "resend-activation", "1/1m,5/1d")
                .into(),
            password_reset: self
                .rate_limit(names::RATE_LIMIT_PASSWORD_RESET, "password-reset", "1/1m,5/1d")
                .into(),
            refresh: self.rate_limit(names::RATE_LIMIT_REFRESH, "refresh", "30/1m"),
            fixed: FixedLimits::default(),
        };
        is_on.then_some(limits)
    }

    fn rate_limit(&mut self, name: &str, limited: &'static str, default: &str) -> RateLimit {
        let allowed = "a number and a time, such as 10/1m, or several with different times: 1/1m,5/1d";
        let quotas = self.read(name, allowed, quotas).or_else(|| quotas(default)).unwrap_or_default();
        RateLimit::new(limited, &quotas)
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
