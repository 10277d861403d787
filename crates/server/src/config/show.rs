//! Shows the settings as text, with secrets hidden.

use api_actix::RateLimits;
use domain::throttle::RateLimit;

use super::{
    log_format::LogFormat,
    redaction::HIDDEN,
    settings::{AppEnv, DocsSetting, MailerSetting, MediaSetting, PaymentSetting, Settings},
};

/// The origins on this machine, which development allows with any port.
const LOCAL_ORIGINS: &str = "http://localhost:*,http://127.0.0.1:*,http://[::1]:*";

/// Returns the configured quotas of a rate limit as text, which is empty when rate limits are off.
fn limit(settings: &Settings, one: impl FnOnce(&RateLimits) -> &RateLimit) -> String {
    settings.rate_limits.as_ref().map(|limits| one(limits).to_string()).unwrap_or_default()
}

/// Returns the payment provider and the settings for Stripe, which are empty for the sandbox.
fn payments(payments: &PaymentSetting) -> [(&'static str, String); 5] {
    let (provider, secret, base, methods) = match payments {
        PaymentSetting::Sandbox => ("sandbox", String::new(), String::new(), String::new()),
        PaymentSetting::Stripe(stripe) => {
            ("stripe", HIDDEN.to_owned(), stripe.api_base.clone(), stripe.payment_methods.join(","))
        }
    };
    [
        ("PAYMENT_PROVIDER", provider.to_owned()),
        ("STRIPE_SECRET_KEY", secret.clone()),
        ("STRIPE_WEBHOOK_SECRET", secret),
        ("STRIPE_API_BASE", base),
        ("STRIPE_PAYMENT_METHODS", methods),
    ]
}

#[expect(clippy::too_many_lines, reason = "it lists every setting")]
pub(super) fn settings(settings: &Settings) -> Vec<(&'static str, String)> {
    let one = |text: &Option<String>| text.clone().unwrap_or_default();
    let app_env = match settings.app_env {
        AppEnv::Dev => "dev",
        AppEnv::Test => "test",
        AppEnv::Prod => "prod",
    };
    let secret = match &settings.secret_key {
        Some(_) => HIDDEN.to_owned(),
        None if settings.app_env == AppEnv::Prod => String::new(),
        None => format!("{HIDDEN} (kept in {})", settings.data_dir.display()),
    };
    let previous = settings.previous_secret_key.as_ref().map_or_else(String::new, |_| HIDDEN.to_owned());
    // In production, `PUBLIC_URL` has no default: the server refuses to start without it.
    let has_public_url = settings.public_url.is_some() || settings.app_env != AppEnv::Prod;
    let public_url = if has_public_url { settings.public_url_in_force() } else { String::new() };
    let local = (settings.app_env == AppEnv::Dev).then_some(LOCAL_ORIGINS);
    let origins: Vec<&str> = settings.cors_origins.iter().map(String::as_str).chain(local).collect();
    let proxies: Vec<String> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    let (media_url, region, keys, session_token) = match &settings.media {
        MediaSetting::Folder(folder) => {
            (format!("file://{}", folder.display()), String::new(), String::new(), String::new())
        }
        MediaSetting::S3(s3) => {
            let query = s3.endpoint.as_ref().map_or_else(String::new, |it| format!("?endpoint={it}"));
            let token = s3.session_token.as_ref().map_or_else(String::new, |_| HIDDEN.to_owned());
            (format!("s3://{}{query}", s3.bucket), s3.region.clone(), HIDDEN.to_owned(), token)
        }
    };
    let mut shown = vec![
        ("APP_ENV", app_env.to_owned()),
        ("APP_HOST", settings.host.to_string()),
        ("APP_PORT", settings.port.to_string()),
        ("APP_SECRET_KEY", secret),
        ("APP_SECRET_KEY_PREVIOUS", previous),
        ("ACCESS_TOKEN_TTL_MIN", settings.access_token_ttl.as_secs().div_euclid(60).to_string()),
        ("REFRESH_TOKEN_TTL_DAYS", settings.refresh_token_ttl.as_secs().div_euclid(86_400).to_string()),
        ("DATABASE_URL", settings.database.shown()),
        ("DATABASE_POOL_SIZE", settings.database_pool_size.to_string()),
        ("DATA_DIR", settings.data_dir.display().to_string()),
        ("CURRENCY", settings.currency.to_string()),
        ("PUBLIC_URL", public_url.clone()),
        ("FRONTEND_URL", settings.frontend_url.clone().unwrap_or(public_url)),
        ("CORS_ORIGINS", origins.join(",")),
        ("CORS_REQUEST_HEADERS", settings.cors_request_headers.join(",")),
        ("TRUSTED_PROXIES", proxies.join(",")),
        (
            "MAILER",
            match settings.mailer {
                MailerSetting::Console => "console".to_owned(),
                MailerSetting::Smtp(_) => "smtp".to_owned(),
            },
        ),
        (
            "SMTP_URL",
            match settings.mailer {
                MailerSetting::Console => String::new(),
                MailerSetting::Smtp(_) => HIDDEN.to_owned(),
            },
        ),
        ("MAIL_FROM", one(&settings.mail_from)),
        ("MEDIA_URL", media_url),
        ("AWS_REGION", region),
        ("AWS_ACCESS_KEY_ID", keys.clone()),
        ("AWS_SECRET_ACCESS_KEY", keys),
        ("AWS_SESSION_TOKEN", session_token),
        (
            "DOCS_ACCESS",
            match settings.docs_access {
                DocsSetting::Public => "public".to_owned(),
                DocsSetting::Authenticated => "authenticated".to_owned(),
            },
        ),
        ("REGISTRATION_REVEALS_EMAIL", settings.registration_reveals_email.to_string()),
        ("PASSWORD_POLICY", format!("{:?}", settings.password_policy).to_lowercase()),
        ("RATE_LIMITS", if settings.rate_limits.is_some() { "on" } else { "off" }.to_owned()),
        ("RATE_LIMIT_GLOBAL", limit(settings, |limits| &limits.global)),
        ("RATE_LIMIT_LOGIN", limit(settings, |limits| &limits.login)),
        ("RATE_LIMIT_REGISTER", limit(settings, |limits| &limits.register)),
        ("RATE_LIMIT_RESEND", limit(settings, |limits| limits.resend_activation.configured())),
        ("RATE_LIMIT_PASSWORD_RESET", limit(settings, |limits| limits.password_reset.configured())),
        ("RATE_LIMIT_REFRESH", limit(settings, |limits| &limits.refresh)),
        ("REDIS_URL", settings.redis_url.as_ref().map(|url| format!("{url:?}")).unwrap_or_default()),
        ("HASH_SLOTS", settings.hash_slots.to_string()),
        ("MAX_IN_FLIGHT", settings.max_in_flight.to_string()),
        ("HOT_PAGE_SECONDS", settings.hot_page_time.as_secs().to_string()),
        ("OUTBOX_WORKERS", settings.outbox_workers.to_string()),
        ("MAX_CONNECTIONS_PER_CLIENT", settings.max_connections_per_client.to_string()),
        ("REQUEST_TIMEOUT_SECONDS", settings.request_timeout.as_secs().to_string()),
        ("DRAIN_SECONDS", settings.drain.as_secs().to_string()),
        (
            "LOG_FORMAT",
            match settings.log_format {
                LogFormat::Pretty => "pretty".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
        ),
        ("RUST_LOG", settings.log_filter.clone()),
        ("ALLOW_SANDBOX", settings.allows_sandbox.to_string()),
    ];
    shown.extend(payments(&settings.payments));
    shown.extend(settings.later.shown());
    shown
}
