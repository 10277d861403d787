use std::time::Duration;

use super::*;

mod production;
mod services;

/// Reads the settings from environment variables, like a command other than `serve` and `worker`.
fn settings(values: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::from_sources(&Sources::environment(values.iter().copied()))
}

/// Returns the error message for these environment variables.
fn fault(values: &[(&str, &str)]) -> String {
    settings(values).unwrap_err().to_string()
}

/// Creates an empty temporary folder.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cinema-config-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Reads the settings from environment variables, like a server or worker.
fn serves(values: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::fit_to_serve(&Sources::environment(values.iter().copied()))
}

/// The minimum settings for production.
const PRODUCTION: [(&str, &str); 7] = [
    ("APP_ENV", "prod"),
    ("APP_SECRET_KEY", "kS0x3vJ8qWm2Zr7TnYp5LbQd9HfGc1Ua"),
    ("PUBLIC_URL", "https://cinema.example"),
    ("MAILER", "smtp"),
    ("SMTP_URL", "smtps://mail.example"),
    ("MAIL_FROM", "cinema@example.com"),
    ("ALLOW_SANDBOX", "true"),
];

#[test]
fn no_setting_is_required_in_development() {
    let settings = settings(&[]).unwrap();
    assert_eq!(settings.app_env, AppEnv::Dev);
    assert_eq!((settings.host.to_string().as_str(), settings.port), ("127.0.0.1", 8_000));
    assert_eq!(settings.database, DatabaseSetting::Sqlite("./var/cinema.db".into()));
    assert_eq!(settings.currency.code(), "USD");
    assert_eq!(settings.access_token_ttl, Duration::from_mins(15));
    assert_eq!(settings.refresh_token_ttl, Duration::from_hours(168));
    assert_eq!(settings.drain, Duration::ZERO);
    assert_eq!(settings.max_in_flight, 512);
    assert!(settings.hash_slots >= 1 && settings.database_pool_size >= 4);
    assert_eq!(settings.docs_access, DocsSetting::Public);
    assert_eq!(settings.warnings(), []);
    serves(&[]).unwrap();
}

#[test]
fn the_environment_overrides_dotenv_which_overrides_the_file() {
    let sources = Sources::environment([("APP_PORT", "1"), ("CURRENCY", "")])
        .with_dotenv("APP_PORT=2\nCURRENCY=EUR\n# a comment\n")
        .with_file("app_port = 3\ncurrency = \"JPY\"\nmax_in_flight = 4\ncors_origins = [\"http://a\", \"http://b\"]\n");
    let settings = Settings::from_sources(&sources).unwrap();
    assert_eq!(settings.port, 1);
    assert_eq!(settings.currency.code(), "EUR", "an empty variable counts as unset");
    assert_eq!(settings.max_in_flight, 4);
    assert_eq!(settings.cors_origins, ["http://a", "http://b"]);
}

#[test]
fn an_unknown_key_in_the_file_is_reported() {
    let sources = Sources::default().with_file("app_prot = 8000\n");
    let error = Settings::from_sources(&sources).unwrap_err().to_string();
    assert_eq!(error, "app_prot is not a setting (in cinema.toml); did you mean app_port?");
    let sources = Sources::default().with_file("[app]\nport = 8000\n");
    let error = Settings::from_sources(&sources).unwrap_err().to_string();
    assert!(error.starts_with("app is not a setting (in cinema.toml)"), "{error}");
    let sources = Sources::default().with_file("app_port = = 8000");
    let error = Settings::from_sources(&sources).unwrap_err().to_string();
    assert!(error.starts_with("cinema.toml is not TOML"), "{error}");
}

#[test]
fn an_invalid_value_is_reported_with_its_fault_and_the_allowed_values() {
    assert_eq!(
        fault(&[("APP_PORT", "eighty")]),
        "APP_PORT cannot be \"eighty\"; allowed: a whole number from 0 to 65535"
    );
    assert_eq!(fault(&[("APP_ENV", "staging")]), "APP_ENV cannot be \"staging\"; allowed: dev, test, prod");
    for (name, bad) in [
        ("APP_HOST", "not a host"),
        ("APP_PORT", "65536"),
        ("APP_PORT", "-1"),
        ("ACCESS_TOKEN_TTL_MIN", "0"),
        ("REFRESH_TOKEN_TTL_DAYS", "x"),
        ("DATABASE_URL", "mysql://db"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_POOL_SIZE", "0"),
        ("CURRENCY", "usd"),
        ("PUBLIC_URL", "cinema.example"),
        ("PUBLIC_URL", "https://cinema.example/<x>"),
        ("FRONTEND_URL", "javascript://alert"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "*"),
        ("CORS_REQUEST_HEADERS", "*/*"),
        ("CORS_REQUEST_HEADERS", "x-a b"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("MAILER", "pigeon"),
        ("MAIL_FROM", "nobody"),
        ("DOCS_ACCESS", "private"),
        ("REGISTRATION_REVEALS_EMAIL", "maybe"),
        ("PASSWORD_POLICY", "none"),
        ("RATE_LIMITS", "maybe"),
        ("RATE_LIMIT_LOGIN", "10"),
        ("RATE_LIMIT_GLOBAL", "0/1m"),
        ("RATE_LIMIT_RESEND", "1/1m,5/1m"),
        ("RATE_LIMIT_REFRESH", ","),
        ("DATABASE_URL", "postgres://ann:pw@db:notaport/cinema"),
        ("DATABASE_URL", "postgres://ann:p@w@db/cinema"),
        ("DATABASE_URL", "postgres://db/cinema?sslmode=maybe"),
        ("DATABASE_REPLICA_URL", "sqlite://replica.db"),
        ("DATABASE_REPLICA_URL", "postgres://ann:pw@db:notaport/cinema"),
        ("SMTP_URL", "http://mail"),
        ("SMTP_URL", "smtp://mail?tls=maybe"),
        ("SMTP_URL", "smtps://mail?ca=/nowhere/at/all"),
        ("MAIL_FROM", "Cinema, the shop <cinema@example.com>"),
        ("STRIPE_API_BASE", "api.stripe.com"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "otel:4317"),
        ("METRICS_ADDR", "9100"),
        ("METRICS_ADDR", "127.0.0.1:99999"),
        ("STRIPE_SECRET_KEY", "sk_test_1 sk_test_2"),
        ("STRIPE_WEBHOOK_SECRET", ","),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1,whsec_2,whsec_3"),
        ("STRIPE_PAYMENT_METHODS", ","),
        ("STRIPE_PAYMENT_METHODS", "Card"),
        ("REDIS_URL", "http://cache"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://user:pw@"),
        ("REDIS_URL", "redis://user:p?w@cache"),
        ("REDIS_URL", "redis://cache:notaport"),
        ("REDIS_URL", "redis://cache/notanumber"),
        ("REDIS_URL", "redis+unix:///run/redis.sock"),
        ("HASH_SLOTS", "0"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_CONNECTIONS_PER_CLIENT", "0"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("DRAIN_SECONDS", "-1"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "cinema=loud"),
        ("PAYMENT_PROVIDER", "cash"),
        ("MEDIA_URL", "ftp://media"),
        ("MEDIA_URL", "file://"),
        ("MEDIA_URL", "s3://"),
        ("MEDIA_URL", "s3://Bucket"),
        ("MEDIA_URL", "s3://bucket/folder"),
        ("MEDIA_URL", "s3://bucket?endpoint=minio"),
        ("MEDIA_URL", "s3://bucket?region=eu"),
        ("AWS_ENDPOINT_URL", "minio:9000"),
    ] {
        let fault = fault(&[(name, bad)]);
        assert!(fault.starts_with(&format!("{name} ")), "{fault}");
        let is_secret = names::SECRETS.contains(&name);
        assert_eq!(fault.contains(&format!("{name} cannot be {bad:?}")), !is_secret, "{fault}");
        assert_eq!(fault.matches("; allowed: ").count(), 1, "{fault}");
        assert!(!fault.contains('\n'), "{fault}");
    }
}

#[test]
fn a_password_in_an_invalid_url_is_not_shown() {
    for name in ["PUBLIC_URL", "FRONTEND_URL", "MEDIA_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "STRIPE_API_BASE"]
    {
        let fault = fault(&[(name, "gopher://ann:pa55word@host")]);
        assert!(fault.starts_with(&format!("{name} has a value that cannot be used")), "{fault}");
        assert!(!fault.contains("pa55word"), "{fault}");
    }
}

#[test]
fn faults_of_a_url_are_reported_without_quoting_the_url() {
    for (name, bad, says) in [
        ("DATABASE_URL", "postgres://ann:canary@db:canary/cinema", "invalid value for option `port`"),
        ("DATABASE_URL", "postgres://ann:can@ary@db/cinema", "in a password, @ is written %40"),
        ("SMTP_URL", "smtp://ann:canary@mail?tls=canary", "tls in SMTP_URL must be required"),
        ("REDIS_URL", "redis://ann:can?ary@cache", "has a value that cannot be used"),
    ] {
        let fault = fault(&[(name, bad)]);
        assert!(fault.starts_with(name) && fault.contains(says), "{fault}");
        assert!(!fault.contains("canary"), "{fault}");
    }
    let bad = fault(&[("MAILER", "smtp"), ("SMTP_URL", "http://mail"), ("MAIL_FROM", "cinema@example.com")]);
    assert!(!bad.contains("is missing"), "invalid values are not reported as missing: {bad}");
}

#[test]
fn all_faults_are_reported_together_without_secrets() {
    let fault = fault(&[("APP_PORT", "x"), ("CURRENCY", "y"), ("DATABASE_URL", "mysql://u:canary@db")]);
    assert!(fault.contains("APP_PORT") && fault.contains("CURRENCY") && fault.contains("DATABASE_URL"));
    assert!(!fault.contains("canary"), "{fault}");
}

#[test]
fn every_form_of_a_database_url_is_accepted() {
    for (url, expected) in [
        ("sqlite:///srv/cinema.db", DatabaseSetting::Sqlite("/srv/cinema.db".into())),
        ("sqlite://cinema.db", DatabaseSetting::Sqlite("cinema.db".into())),
        ("postgres://u:p@h:1/n", DatabaseSetting::Postgres("postgres://u:p@h:1/n".into())),
        ("postgresql://u@h/n", DatabaseSetting::Postgres("postgres://u@h/n".into())),
        ("postgresql+psycopg://u@h/n", DatabaseSetting::Postgres("postgres://u@h/n".into())),
    ] {
        assert!(settings(&[("DATABASE_URL", url)]).unwrap().database == expected, "{url}");
    }
}

#[test]
fn settings_of_later_versions_are_accepted_and_reported() {
    assert_eq!(settings(&[]).unwrap().later.set().count(), 0);
    let settings = settings(&[
        ("SMTP_URL", "smtp://mail:1025"),
        ("DATABASE_REPLICA_URL", "postgresql://ann:canary@replica/cinema"),
        ("METRICS_ADDR", "127.0.0.1:9100"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel"),
        ("PAYMENT_PROVIDER", "sandbox"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    let set: Vec<_> = settings.later.set().collect();
    assert_eq!(set, ["DATABASE_REPLICA_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "METRICS_ADDR"]);
    let shown = settings.shown();
    for (name, value) in
        [("DATABASE_REPLICA_URL", "postgres://ann:***@replica/cinema"), ("METRICS_ADDR", "127.0.0.1:9100")]
    {
        assert!(shown.contains(&(name, value.to_owned())), "{shown:?}");
    }
    assert!(!format!("{settings:?}").contains("canary"));
    Settings::from_sources(&Sources::default().with_file("smtp_url = \"smtp://mail\"\n")).unwrap();
}

#[test]
fn every_rate_limit_has_a_default_and_can_be_set() {
    let shown = |values: &[(&str, &str)]| {
        let shown = settings(values).unwrap().shown();
        shown.into_iter().filter(|(name, _)| name.starts_with("RATE_LIMIT")).map(|(_, value)| value).collect()
    };
    let default: Vec<String> = shown(&[]);
    assert_eq!(default, ["on", "600/1m", "10/1m", "5/1h", "1/1m,5/1d", "1/1m,5/1d", "30/1m"]);
    let set: Vec<String> = shown(&[("RATE_LIMIT_LOGIN", "3/10s"), ("RATE_LIMIT_RESEND", "2/1h")]);
    assert_eq!((set[2].as_str(), set[4].as_str()), ("3/10s", "2/1h"));
    let off: Vec<String> = shown(&[("RATE_LIMITS", "off")]);
    assert_eq!(off[..2], ["off", ""]);
}

#[test]
fn a_secret_may_be_in_a_file() {
    let folder = folder("secret-file");
    let path = folder.join("secret");
    std::fs::write(&path, "kept in a file, 32 bytes or more\n").unwrap();
    let path = path.to_str().unwrap();
    let read = settings(&[("APP_SECRET_KEY_FILE", path)]).unwrap();
    assert!(read.secret_key == Some(AppSecret::new("kept in a file, 32 bytes or more")));
    let both = fault(&[("APP_SECRET_KEY_FILE", path), ("APP_SECRET_KEY", "x")]);
    assert!(both.starts_with("APP_SECRET_KEY is set, and APP_SECRET_KEY_FILE too"), "{both}");
    let missing = fault(&[("DATABASE_URL_FILE", "/nowhere/at/all")]);
    assert!(missing.starts_with("DATABASE_URL_FILE cannot be read"), "{missing}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_secret_or_its_file_is_read_from_the_first_source_that_has_either() {
    let folder = folder("layers");
    let path = folder.join("secret");
    std::fs::write(&path, "from a file").unwrap();
    let path = path.to_str().unwrap();
    let key = |environment: &[(&'static str, &str)], dotenv: &str, toml: &str| {
        let sources = Sources::environment(environment.iter().copied()).with_dotenv(dotenv);
        let settings = Settings::from_sources(&sources.with_file(toml)).unwrap();
        settings.secret_key.unwrap()
    };
    let (file, inline) = (AppSecret::new("from a file"), AppSecret::new("inline"));
    let in_dotenv = format!("APP_SECRET_KEY_FILE={path}\n");
    let in_toml = format!("app_secret_key_file = {path:?}\n");
    let in_environment = [("APP_SECRET_KEY_FILE", path)];
    assert!(key(&in_environment, "APP_SECRET_KEY=inline\n", "") == file);
    assert!(key(&in_environment, "", "app_secret_key = \"inline\"\n") == file);
    assert!(key(&[("APP_SECRET_KEY", "inline")], &in_dotenv, "") == inline);
    assert!(key(&[("APP_SECRET_KEY", "")], &in_dotenv, "app_secret_key = \"inline\"\n") == file);
    assert!(key(&[], "APP_SECRET_KEY=inline\n", &in_toml) == inline);
    let both = Sources::default().with_dotenv(&format!("{in_dotenv}APP_SECRET_KEY=inline\n"));
    let both = Settings::from_sources(&both).unwrap_err().to_string();
    assert!(both.starts_with("APP_SECRET_KEY is set, and APP_SECRET_KEY_FILE too"), "{both}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_dollar_in_dotenv_is_kept_or_refused_but_never_replaced() {
    let read = |text: &str| Settings::from_sources(&Sources::default().with_dotenv(text));
    for text in [
        "APP_SECRET_KEY='pa$$word'\n",
        "APP_SECRET_KEY=pa\\$\\$word\n",
        "THEIRS=$x\nAPP_SECRET_KEY='pa$$word'",
    ] {
        assert!(read(text).unwrap().secret_key == Some(AppSecret::new("pa$$word")), "{text}");
    }
    let refused = read("CURRENCY=EUR\nAPP_SECRET_KEY=pa$canary\n").unwrap_err().to_string();
    assert_eq!(
        refused,
        ".env has a $ in the value of APP_SECRET_KEY that would be replaced; \
         allowed: APP_SECRET_KEY='…' in single quotes, or \\$ for each $"
    );
}

#[test]
fn secrets_are_hidden_in_all_shown_settings() {
    let settings = settings(&[
        ("APP_SECRET_KEY", "canary-canary-canary-canary-canary"),
        ("APP_SECRET_KEY_PREVIOUS", "canary-of-yesterday"),
        ("DATABASE_URL", "postgres://ann:canary@db/cinema"),
        ("REDIS_URL", "rediss://:canary@cache/1"),
    ])
    .unwrap();
    assert!(!format!("{settings:?} {:?}", settings.shown()).contains("canary"));
    assert!(settings.shown().contains(&("DATABASE_URL", "postgres://ann:***@db/cinema".to_owned())));
}

#[test]
fn a_development_secret_is_generated_once_and_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("dev-secret");
    let settings = settings(&[("DATA_DIR", folder.to_str().unwrap())]).unwrap();
    let first = settings.key_ring().unwrap().current("x");
    assert_eq!(first.expose(), settings.key_ring().unwrap().current("x").expose());
    let kept = std::fs::metadata(folder.join("dev-secret-key")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file remains");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn faults_of_all_sources_are_reported_together() {
    let sources =
        Sources::environment([("APP_ENV", "prod"), ("APP_PORT", "x"), ("DATABASE_URL_FILE", "/nowhere")])
            .with_dotenv("CURRENCY=coins\nMAIL_FROM=nobody\nMAILER=smtp\n")
            .with_file("app_prot = 1\n[hash_slots]\nmany = true\n");
    let told = Settings::fit_to_serve(&sources).unwrap_err().to_string();
    for name in [
        "app_prot",
        "HASH_SLOTS",
        "DATABASE_URL_FILE",
        "APP_PORT",
        "CURRENCY",
        "MAIL_FROM",
        "SMTP_URL",
        "APP_SECRET_KEY",
        "PUBLIC_URL",
    ] {
        assert!(told.contains(&format!("{name} ")), "{name}: {told}");
    }
    assert!(!told.contains('\n') && !told.contains("MAIL_FROM is missing"), "{told}");

    // If a source could not be parsed, no value is reported as missing.
    for sources in [
        Sources::environment(PRODUCTION).with_dotenv("=\n"),
        Sources::environment([("APP_ENV", "prod")]).with_dotenv("APP SECRET KEY\n"),
        Sources::environment([("APP_ENV", "prod")]).with_file("public_url"),
    ] {
        let told = Settings::fit_to_serve(&sources).unwrap_err().to_string();
        assert!(told.starts_with(".env cannot be") || told.starts_with("cinema.toml is not"), "{told}");
        assert!(!told.contains("missing"), "{told}");
    }
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_text() {
    let folder = folder("bom");
    let secret = folder.join("secret");
    std::fs::write(&secret, "\u{feff}kept in a file\r\n").unwrap();
    let sources = Sources::environment([("APP_SECRET_KEY_FILE", secret.to_str().unwrap())])
        .with_dotenv("\u{feff}CURRENCY=EUR\r\n")
        .with_file("\u{feff}app_port = 8123\r\n");
    let read = Settings::from_sources(&sources).unwrap();
    assert_eq!((read.currency.code(), read.port), ("EUR", 8123));
    assert!(read.secret_key == Some(AppSecret::new("kept in a file")));
    std::fs::write(folder.join("dev-secret-key"), "\u{feff}of a machine").unwrap();
    let developers = [("DATA_DIR", folder.to_str().unwrap())];
    let keys = settings(&developers).unwrap().key_ring().unwrap();
    let same = KeyRing::new(AppSecret::new("of a machine"), Vec::new());
    assert_eq!(keys.current("x").expose(), same.current("x").expose());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn urls_are_normalized_as_browsers_send_them() {
    let settings = settings(&[
        ("CORS_ORIGINS", "https://Shop.example.com, https://other.example:443/,http://localhost:5173"),
        ("PUBLIC_URL", "https://Cinema.Example:443/"),
        ("FRONTEND_URL", "https://Cinema.Example/Shop/"),
    ])
    .unwrap();
    let origins = ["https://shop.example.com", "https://other.example", "http://localhost:5173"];
    assert_eq!(settings.cors_origins, origins);
    assert_eq!(settings.public_url.as_deref(), Some("https://cinema.example"));
    assert_eq!(settings.frontend_url.as_deref(), Some("https://cinema.example/Shop"));
    for bad in ["*", "null", "https://shop.example.com/app", "shop.example.com"] {
        let fault = fault(&[("CORS_ORIGINS", bad)]);
        assert!(fault.starts_with("CORS_ORIGINS cannot be "), "{fault}");
    }
}

#[test]
fn the_shown_settings_are_the_current_ones() {
    let shown = |values: &[(&str, &str)]| {
        let shown = settings(values).unwrap().shown();
        let value = |name: &str| shown.iter().find(|(shown, _)| *shown == name).unwrap().1.clone();
        [value("PUBLIC_URL"), value("FRONTEND_URL"), value("CORS_ORIGINS")]
    };
    let here = "http://127.0.0.1:8000";
    assert_eq!(shown(&[]), [here, here, "http://localhost:*,http://127.0.0.1:*,http://[::1]:*"]);
    assert_eq!(
        shown(&[("APP_ENV", "test"), ("APP_HOST", "0.0.0.0"), ("APP_PORT", "80")]),
        ["http://127.0.0.1:80", "http://127.0.0.1:80", ""]
    );
    let cinema = "https://cinema.example";
    assert_eq!(
        shown(&[("APP_ENV", "prod"), ("PUBLIC_URL", cinema), ("CORS_ORIGINS", "https://shop.example")]),
        [cinema, cinema, "https://shop.example"]
    );
    assert_eq!(shown(&[("APP_ENV", "prod")]), ["", "", ""], "these settings have no defaults in production");
}

#[test]
fn a_secret_in_an_invalid_url_is_not_shown() {
    for bad in
        ["https://cinema.example?secret=canary", "https://cinema.example/#canary@x", "gopher://h?canary"]
    {
        for name in ["PUBLIC_URL", "FRONTEND_URL", "CORS_ORIGINS", "MEDIA_URL"] {
            let fault = fault(&[(name, bad)]);
            assert!(fault.starts_with(&format!("{name} ")) && !fault.contains("canary"), "{fault}");
        }
    }
}

#[test]
fn the_server_drains_for_five_seconds_except_in_development() {
    for (app_env, seconds) in [("dev", 0), ("test", 5), ("prod", 5)] {
        let settings = settings(&[("APP_ENV", app_env)]).unwrap();
        assert_eq!(settings.drain, Duration::from_secs(seconds), "{app_env}");
    }
}

#[test]
fn a_url_has_the_loopback_address_in_place_of_an_unspecified_address() {
    for (address, url) in [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("192.0.2.1:80", "http://192.0.2.1:80"),
    ] {
        assert_eq!(local_url(address.parse().unwrap()), url);
    }
}
