//! The settings of the services that the server uses: the database, the mail server, Redis, the media store and the
//! payment provider. URLs are parsed like in the adapters, so that an invalid one is reported before anything is
//! created.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use adapter_mailer_smtp::SmtpMailer;
use adapter_media::S3Settings;
use adapter_payments_stripe::{StripeSecret, StripeSettings};
use adapter_postgres::PostgresDatabase;
use adapter_throttle::RedisThrottle;

use super::{
    origin::origin_of,
    read::Reader,
    settings::{DatabaseSetting, MailerSetting, MediaSetting, PaymentSetting, RedisUrl, SmtpSetting},
};

const STRIPE_KEY: &str = "the secret key of the account at Stripe: sk_live_…, sk_test_… or rk_…";

const STRIPE_WEBHOOK_SECRETS: &str = "the secret of the webhook at Stripe (whsec_…), or two, separated by a comma, while one replaces the other";

/// The region of a bucket for which no region is set.
const REGION: &str = "us-east-1";

const POSTGRES_ALLOWED: &str = "postgres://USER:PASSWORD@HOST:PORT/NAME, user and password percent-encoded";

impl Reader {
    /// Reads a URL that may contain secrets, and checks it with the adapter that uses it. The error of the adapter is
    /// shown, because it quotes no secrets.
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
                self.refuse(name, format!("cannot be used ({error})"), allowed);
                None
            }
        }
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
            self.refuse(name, "has a value that cannot be used", allowed);
        }
        path.map_or(default, |path| DatabaseSetting::Sqlite(PathBuf::from(path)))
    }

    /// Reads the URL of a PostgreSQL database.
    pub(super) fn postgres(&mut self, name: &str) -> Option<String> {
        let url = self.read(name, POSTGRES_ALLOWED, postgres)?;
        self.check_postgres(name, &url);
        Some(url)
    }

    fn check_postgres(&mut self, name: &str, url: &str) {
        if let Err(error) = PostgresDatabase::check_address(url) {
            self.refuse(name, format!("cannot be used ({error})"), POSTGRES_ALLOWED);
        }
    }

    /// Reads two things: the way in which mails are sent (from the setting whose name is in `name`, and from
    /// `SMTP_URL`), and the sender of the mails (from `MAIL_FROM`).
    pub(super) fn mailer(&mut self, name: &str) -> (MailerSetting, Option<String>) {
        let is_smtp = self.one_of(name, &[("console", false), ("smtp", true)], false);
        let allowed = "smtp://user:password@host:587 or smtps://user:password@host";
        let url = self.understood("SMTP_URL", allowed, SmtpMailer::check_url);
        let from = self.address("MAIL_FROM");
        if !is_smtp {
            return (MailerSetting::Console, from);
        }
        let smtp = SmtpSetting {
            url: self.needed_for_smtp("SMTP_URL", url, allowed),
            from: self.needed_for_smtp("MAIL_FROM", from.clone(), "the address that mails come from"),
        };
        (MailerSetting::Smtp(smtp), from)
    }

    fn needed_for_smtp(&mut self, name: &str, value: Option<String>, allowed: &str) -> String {
        value.unwrap_or_else(|| {
            self.report_missing(name, "is missing, and MAILER=smtp needs it", allowed);
            String::new()
        })
    }

    pub(super) fn media(&mut self, name: &str, data_dir: &Path) -> MediaSetting {
        let allowed = "file://FOLDER or s3://BUCKET?endpoint=https://HOST:PORT";
        let place = self
            .read(name, allowed, media_place)
            .unwrap_or_else(|| MediaPlace::Folder(data_dir.join("media")));
        // These settings are read even if they are not needed, so that their invalid values are reported.
        let [specific, general] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].map(|name| self.url(name));
        let [region, default_region] = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| self.text(name));
        let [id, secret, session_token] =
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| self.text(name));
        match place {
            MediaPlace::Folder(folder) => MediaSetting::Folder(folder),
            MediaPlace::Bucket { bucket, endpoint } => MediaSetting::S3(S3Settings {
                bucket,
                endpoint: endpoint.or(specific).or(general),
                region: region.or(default_region).unwrap_or_else(|| REGION.to_owned()),
                access_key_id: self.needed_for_s3("AWS_ACCESS_KEY_ID", id),
                secret_access_key: self.needed_for_s3("AWS_SECRET_ACCESS_KEY", secret),
                session_token,
            }),
        }
    }

    fn needed_for_s3(&mut self, name: &str, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            let problem = "is missing, and MEDIA_URL=s3://… needs it";
            self.report_missing(name, problem, "the keys of an account that may use the bucket");
            String::new()
        })
    }

    pub(super) fn redis(&mut self, name: &str) -> Option<RedisUrl> {
        let allowed = "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// with TLS, user and password percent-encoded";
        self.read(name, allowed, |text| {
            let (scheme, _) = text.split_once("://")?;
            let is_redis = ["redis", "rediss"].contains(&scheme) && RedisThrottle::check_url(text).is_ok();
            is_redis.then(|| RedisUrl(text.to_owned()))
        })
    }

    pub(super) fn payments(&mut self, name: &str) -> PaymentSetting {
        let is_stripe = self.one_of(name, &[("sandbox", false), ("stripe", true)], false);
        // These settings are read even if they are not needed, so that their invalid values are reported.
        let secret_key = self
            .read("STRIPE_SECRET_KEY", STRIPE_KEY, |text| is_token(text).then(|| StripeSecret::new(text)));
        let webhook_secrets = self.read("STRIPE_WEBHOOK_SECRET", STRIPE_WEBHOOK_SECRETS, webhook_secrets);
        let api_base = self.url("STRIPE_API_BASE");
        let methods = "names of Stripe's payment methods such as card, separated by commas";
        let payment_methods = self.read("STRIPE_PAYMENT_METHODS", methods, payment_methods);
        if !is_stripe {
            return PaymentSetting::Sandbox;
        }
        let secret_key = secret_key.unwrap_or_else(|| {
            self.needed_for_stripe("STRIPE_SECRET_KEY", STRIPE_KEY);
            StripeSecret::new("")
        });
        let webhook_secrets = webhook_secrets.unwrap_or_else(|| {
            self.needed_for_stripe("STRIPE_WEBHOOK_SECRET", STRIPE_WEBHOOK_SECRETS);
            Vec::new()
        });
        PaymentSetting::Stripe(StripeSettings {
            secret_key,
            webhook_secrets,
            api_base: api_base.unwrap_or_else(|| StripeSettings::API_BASE.to_owned()),
            payment_methods: payment_methods.unwrap_or_else(|| vec!["card".to_owned()]),
        })
    }

    fn needed_for_stripe(&mut self, name: &str, allowed: &str) {
        self.report_missing(name, "is missing, and PAYMENT_PROVIDER=stripe needs it", allowed);
    }
}

/// Returns whether the text has only visible ASCII characters, and at least one, so that it can be sent in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Parses one webhook secret, or two that are separated by a comma: while a secret is being replaced, both the old and
/// the new one are valid. `None` for any other text.
fn webhook_secrets(text: &str) -> Option<Vec<StripeSecret>> {
    let secrets: Vec<&str> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
    let is_sound = (1..=2).contains(&secrets.len()) && secrets.iter().all(|secret| is_token(secret));
    is_sound.then(|| secrets.into_iter().map(StripeSecret::new).collect())
}

fn payment_methods(text: &str) -> Option<Vec<String>> {
    let methods: Vec<&str> = text.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    let is_name = |method: &&str| {
        method.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_sound = !methods.is_empty() && methods.iter().all(is_name);
    is_sound.then(|| methods.into_iter().map(str::to_owned).collect())
}

/// Returns the URL of a PostgreSQL database, with the scheme that the adapter expects. `None` when the text has no
/// scheme, or a scheme of something else.
fn postgres(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    ["postgres", "postgresql", "postgresql+psycopg"].contains(&scheme).then(|| format!("postgres://{rest}"))
}

/// The place that `MEDIA_URL` refers to.
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
                Some(query) => Some(origin_of(query.strip_prefix("endpoint=")?)?),
                None => None,
            };
            is_bucket.then(|| MediaPlace::Bucket { bucket: bucket.to_owned(), endpoint })
        }
        _ => None,
    }
}
