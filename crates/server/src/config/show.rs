//! The settings as text, without what must not be seen.

use api_actix::RateLimits;
use domain::throttle::RateLimit;

use super::{AppEnv, DatabaseSetting, DocsSetting, LogFormat, MailerSetting, MediaSetting, Settings};

const HIDDEN: &str = "***";

/// Something that is there and must not be seen.
pub(super) fn hidden(_: String) -> String {
    HIDDEN.to_owned()
}

pub(super) fn database(setting: &DatabaseSetting) -> String {
    match setting {
        DatabaseSetting::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseSetting::Postgres(url) => hide_password(url),
    }
}

/// The address with `***` for the password, also one in the query. It need not be a sound address: a password whose odd
/// characters should have been percent-encoded is hidden all the same, rather with too much beside it than with too little.
pub(super) fn hide_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return HIDDEN.to_owned() };
    // Whatever stands before the last `@` may be part of a password, a `?` among it too.
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let user = user.map(|user| match user.find([':', '/', '?', '#']) {
        Some(end) => format!("{}:{HIDDEN}@", user.split_at(end).0),
        None => format!("{user}@"),
    });
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let query = query.map(|query| format!("?{}", hide_parameters(query))).unwrap_or_default();
    format!("{scheme}://{}{place}{query}", user.unwrap_or_default())
}

/// The parameters of a query, each shown only when its name is plain and has nothing to do with passwords.
fn hide_parameters(query: &str) -> String {
    let shown = |parameter: &str| {
        let (name, _) = parameter.split_once('=')?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !is_plain {
            return None;
        }
        let is_secret = name.to_ascii_lowercase().contains("pass");
        Some(if is_secret { format!("{name}={HIDDEN}") } else { parameter.to_owned() })
    };
    let parameters = query.split('&').map(|parameter| shown(parameter).unwrap_or_else(|| HIDDEN.to_owned()));
    parameters.collect::<Vec<_>>().join("&")
}

/// The quotas of a limit, as they are set; nothing when the limits are off.
fn limit(settings: &Settings, one: impl FnOnce(&RateLimits) -> &RateLimit) -> String {
    settings.rate_limits.as_ref().map(|limits| one(limits).to_string()).unwrap_or_default()
}

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
    let proxies: Vec<String> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    let (media_url, region, keys, session_token) = match &settings.media {
        MediaSetting::Folder(folder) => {
            (format!("file://{}", folder.display()), String::new(), String::new(), String::new())
        }
        MediaSetting::S3(s3) => {
            let query = s3.endpoint.as_ref().map_or_else(String::new, |it| format!("?endpoint={it}"));
            let token = s3.session_token.as_ref().map_or_else(String::new, |_| HIDDEN.to_owned());
            (format!("s3://{}{query}", s3.bucket), one(&s3.region), HIDDEN.to_owned(), token)
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
        ("DATABASE_URL", database(&settings.database)),
        ("DATABASE_POOL_SIZE", settings.database_pool_size.to_string()),
        ("DATA_DIR", settings.data_dir.display().to_string()),
        ("CURRENCY", settings.currency.to_string()),
        ("PUBLIC_URL", one(&settings.public_url)),
        ("FRONTEND_URL", one(&settings.frontend_url)),
        ("CORS_ORIGINS", settings.cors_origins.join(",")),
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
                MailerSetting::Smtp(_) => "***".to_owned(),
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
        ("PAYMENT_PROVIDER", "sandbox".to_owned()),
        ("ALLOW_SANDBOX", settings.allows_sandbox.to_string()),
    ];
    shown.extend(settings.later.shown());
    shown
}

#[cfg(test)]
mod tests {
    use super::hide_password;

    #[test]
    fn passwords_are_not_shown_wherever_they_stand() {
        for (url, shown) in [
            ("postgres://ann:secret@db:5432/cinema", "postgres://ann:***@db:5432/cinema"),
            ("postgres://ann:se@cret@db/cinema", "postgres://ann:***@db/cinema"),
            (
                "postgres://ann:se?cret@db/cinema?sslmode=require",
                "postgres://ann:***@db/cinema?sslmode=require",
            ),
            ("postgres://db/cinema?user=ann&password=secret", "postgres://db/cinema?user=ann&password=***"),
            ("postgres://db/cinema?sslPassword=a&user=ann", "postgres://db/cinema?sslPassword=***&user=ann"),
            ("postgres://db/cinema?%70assword=secret", "postgres://db/cinema?***"),
            ("postgres://db/cinema?password=se&cret", "postgres://db/cinema?password=***&***"),
            ("postgres://db/cinema?user=ann&password=se@cret", "postgres://db:***@cret"),
            ("postgres://ann@db/cinema?sslmode=require", "postgres://ann@db/cinema?sslmode=require"),
            ("redis://:secret@cache:6379/0", "redis://:***@cache:6379/0"),
            ("rediss://cache/0", "rediss://cache/0"),
            ("secret", "***"),
        ] {
            assert_eq!(hide_password(url), shown, "{url}");
        }
    }

    #[test]
    fn no_character_of_a_password_lets_it_be_shown() {
        for odd in ('\0'..='\u{ff}').filter(|odd| !odd.is_ascii_alphanumeric()) {
            for scheme in ["postgres", "redis", "rediss"] {
                for password in [format!("{odd}canary"), format!("canary{odd}"), format!("can{odd}ary{odd}")]
                {
                    let url = format!("{scheme}://ann:{password}@db:5432/cinema?application_name=shop");
                    let expected = format!("{scheme}://ann:***@db:5432/cinema?application_name=shop");
                    assert_eq!(hide_password(&url), expected, "{url:?}");
                }
            }
        }
    }
}
