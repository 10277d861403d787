//! Checks and warnings for production.

use std::net::IpAddr;

use adapter_crypto::AppSecret;
use adapter_payments_stripe::StripeSettings;
use domain::network::Network;
use url::{Host, Url};

use super::{
    machine,
    read::Reader,
    secret_file,
    settings::{AppEnv, DatabaseSetting, MailerSetting, MediaSetting, PaymentSetting, Settings},
};

/// The minimum length of a secret, in bytes.
const MIN_SECRET_LENGTH: usize = 32;

const SECRET_ALLOWED: &str =
    "a random text of 32 bytes or more, such as the output of `openssl rand -base64 48`";

/// The password that `docker/compose.yaml` and the documentation use for trials.
const TRIAL_PASSWORD: &str = "cinema-development";

/// Published texts. A value that occurs in one of them is not secret.
const PUBLISHED: [&str; 7] = [
    include_str!("../../../../README.md"),
    include_str!("../../../../docs/operations.md"),
    include_str!("../../../../docs/api.md"),
    include_str!("../../../../docs/contributing.md"),
    include_str!("../../../../.env.example"),
    include_str!("../../../../docker/compose.yaml"),
    include_str!("../../../../deploy/README.md"),
];

/// Sample addresses from all parts of the Internet: a list of IPv4 addresses and a list of IPv6 addresses. If the
/// networks of trusted proxies contain all samples of one list, every client counts as trusted.
const EVERYWHERE: [&[IpAddr]; 2] = [
    &[v4(1), v4(65), v4(129), v4(193)],
    &[v6(0x2001), v6(0x2400), v6(0x2600), v6(0x2800), v6(0x2a00), v6(0x2c00)],
];

const fn v4(first: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(first, 0, 0, 1))
}

const fn v6(first: u16) -> IpAddr {
    IpAddr::V6(std::net::Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 1))
}

/// In production, reports settings that are missing, insecure or meant for development.
pub(super) fn check(settings: &Settings, reader: &mut Reader) {
    if settings.app_env != AppEnv::Prod {
        return;
    }
    match &settings.secret_key {
        None => reader.report_missing("APP_SECRET_KEY", "is missing in production", SECRET_ALLOWED),
        Some(secret) => check_secret("APP_SECRET_KEY", secret, settings, reader),
    }
    if let Some(secret) = &settings.previous_secret_key {
        check_secret("APP_SECRET_KEY_PREVIOUS", secret, settings, reader);
    }
    if matches!(&settings.database, DatabaseSetting::Postgres(url) if has_trial_password(url)) {
        reader.refuse_once("DATABASE_URL", "has the password of the documentation", "a password of your own");
    }
    if matches!(&settings.media, MediaSetting::S3(s3) if s3.secret_access_key == TRIAL_PASSWORD) {
        let problem = "is the value of the documentation";
        reader.refuse_once("AWS_SECRET_ACCESS_KEY", problem, "the key of an account of your own");
    }
    if settings.public_url.is_none() {
        let problem = "is missing in production: links would refer to this machine";
        reader.report_missing(
            "PUBLIC_URL",
            problem,
            "the address that people reach, such as https://cinema.example",
        );
    }
    if settings.mailer == MailerSetting::Console {
        let problem = "cannot be \"console\" in production: the mails would be printed instead of sent";
        reader.report_missing("MAILER", problem, "smtp, with SMTP_URL and MAIL_FROM");
    }
    if settings.payments == PaymentSetting::Sandbox && !settings.allows_sandbox {
        let problem = "cannot be \"sandbox\" in production: no real payments would be made";
        let allowed =
            "stripe, with STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET, or sandbox with ALLOW_SANDBOX=true";
        reader.report_missing("PAYMENT_PROVIDER", problem, allowed);
    }
}

fn check_secret(name: &str, secret: &AppSecret, settings: &Settings, reader: &mut Reader) {
    if secret.len() < MIN_SECRET_LENGTH {
        let problem = format!("has {} bytes, too few for production", secret.len());
        reader.refuse_once(name, problem, SECRET_ALLOWED);
    } else if secret_file::is_development_secret(&settings.data_dir, secret) {
        reader.refuse_once(name, "is a development secret", SECRET_ALLOWED);
    } else if PUBLISHED.iter().any(|text| secret.stands_in(text)) {
        reader.refuse_once(name, "appears in the documentation", SECRET_ALLOWED);
    } else if secret.is_weak() {
        let problem = "can be guessed: it is a repetition or a sequence, has too few different bytes, or contains a \
             word that is common in examples";
        reader.refuse_once(name, problem, SECRET_ALLOWED);
    }
}

fn has_trial_password(url: &str) -> bool {
    [format!(":{TRIAL_PASSWORD}@"), format!("password={TRIAL_PASSWORD}")]
        .iter()
        .any(|part| url.contains(part))
}

/// A setting that works, but should be checked by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The name of the setting.
    pub name: &'static str,
    /// The consequences, and advice.
    pub text: String,
}

/// Returns warnings about settings that an operator should check, most of them only in production.
pub(super) fn warnings(settings: &Settings) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |name, text: String| found.push(Warning { name, text });
    if let Some(limit) = settings.memory_limit {
        let needed = machine::memory_of(settings.hash_slots);
        if needed > limit.saturating_mul(3).div_euclid(4) {
            let (needed, limit) = (mebibytes(needed), mebibytes(limit));
            let text = format!(
                "hashing {} passwords at once takes {needed} MiB of the {limit} MiB that this process may use: \
                 lower HASH_SLOTS or raise the limit",
                settings.hash_slots
            );
            warn("HASH_SLOTS", text);
        }
    }
    if settings.app_env != AppEnv::Prod {
        return found;
    }
    if settings.rate_limits.is_none() {
        let text = "nothing is limited, including wrong passwords: off is only for load tests";
        warn("RATE_LIMITS", text.to_owned());
    }
    if trusts_everybody(&settings.trusted_proxies) {
        let text = "every client is trusted as a proxy, so clients choose the address that limits count by: \
             name only the networks of your proxies";
        warn("TRUSTED_PROXIES", text.to_owned());
    }
    for (name, url) in [("PUBLIC_URL", &settings.public_url), ("FRONTEND_URL", &settings.frontend_url)] {
        if url.as_ref().is_some_and(|url| url.starts_with("http://")) {
            let text = "begins with http://: passwords and tokens are sent unencrypted";
            warn(name, text.to_owned());
        }
    }
    if let MailerSetting::Smtp(smtp) = &settings.mailer
        && may_go_in_the_clear(&smtp.url)
    {
        let text = "links that grant access may be sent unencrypted: use smtps:// or add ?tls=required";
        warn("SMTP_URL", text.to_owned());
    }
    if let PaymentSetting::Stripe(stripe) = &settings.payments {
        if !stripe.is_live() {
            let text = "is not a key of Stripe's live mode: no real payments are made";
            warn("STRIPE_SECRET_KEY", text.to_owned());
        }
        if stripe.api_base != StripeSettings::API_BASE {
            let text = "is not Stripe's own address: the server there gets the secret key";
            warn("STRIPE_API_BASE", text.to_owned());
        }
    }
    if logs_too_much(&settings.log_filter) {
        let text = "at this level, libraries may log what clients send: use info in production";
        warn("RUST_LOG", text.to_owned());
    }
    found
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_euclid(1024 * 1024)
}

fn trusts_everybody(proxies: &[Network]) -> bool {
    let is_trusted = |address: &IpAddr| proxies.iter().any(|network| network.contains(*address));
    EVERYWHERE.iter().any(|addresses| addresses.iter().all(is_trusted))
}

/// Returns whether mails may be sent to another machine without TLS.
fn may_go_in_the_clear(smtp_url: &str) -> bool {
    let Ok(url) = Url::parse(smtp_url) else { return false };
    let needs_tls = url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    // If the URL parser does not know the scheme, such as `smtp`, it does not interpret the host. Therefore the host is
    // parsed here.
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    let is_here = match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "smtp" && !needs_tls && !is_here
}

/// Returns whether everything is logged at `debug`, or anything at `trace`.
fn logs_too_much(filter: &str) -> bool {
    filter.split(',').any(|directive| {
        let (target, level) = directive.rsplit_once('=').unwrap_or(("", directive));
        let is = |name: &str| level.trim().eq_ignore_ascii_case(name);
        is("trace") || (is("debug") && target.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_in_every_part_of_the_internet_count_as_trusting_everyone() {
        for (networks, is_everybody) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("0.0.0.0/1,128.0.0.0/1", true),
            ("10.0.0.0/8,192.168.0.0/16", false),
            ("0.0.0.0/1", false),
            ("", false),
        ] {
            let networks: Vec<Network> = networks
                .split(',')
                .filter(|text| !text.is_empty())
                .map(|text| text.parse().unwrap())
                .collect();
            assert_eq!(trusts_everybody(&networks), is_everybody, "{networks:?}");
        }
    }

    #[test]
    fn mails_to_another_machine_may_be_unencrypted_unless_tls_is_required() {
        for (url, is_clear) in [
            ("smtp://mail.example", true),
            ("smtp://ann:secret@10.0.0.1:25?tls=none", true),
            ("smtp://mail.example?tls=opportunistic", true),
            ("smtp://mail.example?tls=required", false),
            ("smtps://mail.example", false),
            ("smtp://localhost:1025", false),
            ("smtp://127.0.0.1:1025", false),
            ("smtp://[::1]:1025?tls=none", false),
        ] {
            assert_eq!(may_go_in_the_clear(url), is_clear, "{url}");
        }
    }

    #[test]
    fn an_overly_verbose_log_is_reported() {
        for (filter, is_too_much) in [
            ("trace", true),
            ("info,actix_http=trace", true),
            ("DEBUG", true),
            ("info", false),
            ("info,app=debug", false),
            ("warn,server=info", false),
        ] {
            assert_eq!(logs_too_much(filter), is_too_much, "{filter}");
        }
    }
}
