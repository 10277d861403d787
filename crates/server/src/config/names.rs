//! The names of all settings, including those without effect in this version.

/// The settings whose values may also be in a file; `NAME_FILE` is then the path of the file. Their secret parts, such
/// as passwords in URLs, are never shown.
pub(super) const SECRETS: [&str; 11] = [
    "APP_SECRET_KEY",
    "APP_SECRET_KEY_PREVIOUS",
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "SMTP_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "REDIS_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

pub(super) const RATE_LIMIT_LOGIN: &str = "RATE_LIMIT_LOGIN";
pub(super) const RATE_LIMIT_REGISTER: &str = "RATE_LIMIT_REGISTER";
pub(super) const RATE_LIMIT_RESEND: &str = "RATE_LIMIT_RESEND";
pub(super) const RATE_LIMIT_PASSWORD_RESET: &str = "RATE_LIMIT_PASSWORD_RESET";
pub(super) const RATE_LIMIT_REFRESH: &str = "RATE_LIMIT_REFRESH";
pub(super) const RATE_LIMIT_GLOBAL: &str = "RATE_LIMIT_GLOBAL";

/// Settings that limit how often something may be done, with values such as `10/1m`.
const RATE_LIMITS: [&str; 6] = [
    RATE_LIMIT_LOGIN,
    RATE_LIMIT_REGISTER,
    RATE_LIMIT_RESEND,
    RATE_LIMIT_PASSWORD_RESET,
    RATE_LIMIT_REFRESH,
    RATE_LIMIT_GLOBAL,
];

/// All settings that are in neither [`SECRETS`] nor [`RATE_LIMITS`].
const PLAIN: [&str; 39] = [
    "APP_ENV",
    "APP_HOST",
    "APP_PORT",
    "ACCESS_TOKEN_TTL_MIN",
    "REFRESH_TOKEN_TTL_DAYS",
    "DATABASE_POOL_SIZE",
    "DATA_DIR",
    "CURRENCY",
    "PUBLIC_URL",
    "FRONTEND_URL",
    "CORS_ORIGINS",
    "CORS_REQUEST_HEADERS",
    "TRUSTED_PROXIES",
    "MAILER",
    "MAIL_FROM",
    "PAYMENT_PROVIDER",
    "ALLOW_SANDBOX",
    "STRIPE_API_BASE",
    "STRIPE_PAYMENT_METHODS",
    "MEDIA_URL",
    "DOCS_ACCESS",
    "REGISTRATION_REVEALS_EMAIL",
    "PASSWORD_POLICY",
    "RATE_LIMITS",
    "HASH_SLOTS",
    "HOT_PAGE_SECONDS",
    "MAX_IN_FLIGHT",
    "OUTBOX_WORKERS",
    "MAX_CONNECTIONS_PER_CLIENT",
    "REQUEST_TIMEOUT_SECONDS",
    "DRAIN_SECONDS",
    "LOG_FORMAT",
    "RUST_LOG",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "METRICS_ADDR",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
];

/// Returns the names of all settings except [`SECRETS`].
pub(super) fn plain() -> impl Iterator<Item = &'static str> {
    PLAIN.into_iter().chain(RATE_LIMITS)
}

/// Returns every name, including the `NAME_FILE` variants of secrets.
pub(super) fn all() -> impl Iterator<Item = String> {
    let files = SECRETS.iter().map(|name| format!("{name}_FILE"));
    plain().chain(SECRETS).map(str::to_owned).chain(files)
}

/// Returns the known name that is most similar to an unknown one; `None` when no name is similar.
pub(super) fn nearest(unknown: &str) -> Option<String> {
    all()
        .map(|name| (distance(&name, unknown), name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| name)
}

/// Returns the Levenshtein distance of two short texts, in bytes.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line.saturating_add(1);
        for (cell, right) in row.iter_mut().zip(std::iter::once(None).chain(other.bytes().map(Some))) {
            let Some(right) = right else {
                *cell = before;
                continue;
            };
            let changed = diagonal.saturating_add(usize::from(left != right));
            diagonal = *cell;
            before = changed.min(before.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_is_recognised() {
        assert_eq!(nearest("APP_PROT").as_deref(), Some("APP_PORT"));
        assert_eq!(nearest("CORS_ORIGIN").as_deref(), Some("CORS_ORIGINS"));
        assert_eq!(nearest("SOMETHING_ELSE"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
