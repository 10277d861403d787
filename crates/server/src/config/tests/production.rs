use super::*;

#[test]
fn production_refuses_development_settings() {
    let folder = folder("prod");
    let data_dir = folder.to_str().unwrap();
    let prod = |secret: &str| {
        let mut values = vec![("APP_ENV", "prod"), ("DATA_DIR", data_dir)];
        if !secret.is_empty() {
            values.push(("APP_SECRET_KEY", secret));
        }
        serves(&values).unwrap_err().to_string()
    };
    assert!(prod("").contains("APP_SECRET_KEY is missing in production"));
    assert!(prod("short").contains("APP_SECRET_KEY has 5 bytes"));
    let made = settings(&[("DATA_DIR", data_dir)]).unwrap();
    made.key_ring().unwrap();
    let kept = std::fs::read_to_string(folder.join("dev-secret-key")).unwrap();
    assert!(prod(&kept).contains("is a development secret"));

    let good = prod("kS0x3vJ8qWm2Zr7TnYp5LbQd9HfGc1Ua");
    assert!(!good.contains("APP_SECRET_KEY"), "{good}");
    for refused in ["MAILER cannot be \"console\"", "PAYMENT_PROVIDER", "PUBLIC_URL is missing in production"]
    {
        assert!(good.contains(refused), "{good}");
    }

    let command = settings(&[("APP_ENV", "prod"), ("DATA_DIR", data_dir)]).unwrap();
    assert!(command.key_ring().is_err(), "in production, no secret is generated");
    assert_eq!(command.docs_access, DocsSetting::Authenticated);
    assert_eq!(command.log_format, LogFormat::Json);
    serves(&PRODUCTION).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn production_refuses_secrets_that_can_be_guessed_or_were_published() {
    let published = "AWS_SECRET_ACCESS_KEY: ${AWS_SECRET_ACCESS_KEY-cinema-development}";
    for (name, bad, problem) in [
        ("APP_SECRET_KEY", "change-me-change-me-change-me-change-me", "can be guessed"),
        ("APP_SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyz", "can be guessed"),
        ("APP_SECRET_KEY", "kS0x3vJ8qWm2Zr7TkS0x3vJ8qWm2Zr7T", "can be guessed"),
        ("APP_SECRET_KEY_PREVIOUS", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "can be guessed"),
        ("APP_SECRET_KEY", published, "appears in the documentation"),
        ("APP_SECRET_KEY_PREVIOUS", published, "appears in the documentation"),
        (
            "DATABASE_URL",
            "postgres://cinema:cinema-development@db/cinema",
            "the password of the documentation",
        ),
    ] {
        let mut values = PRODUCTION.to_vec();
        values.push((name, bad));
        let refused = serves(&values).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{name} ")) && refused.contains(problem), "{refused}");
        assert!(!refused.contains(bad), "{refused}");
        assert_eq!(refused.matches("; allowed: ").count(), 1, "{refused}");
    }
    let bucket = [
        ("MEDIA_URL", "s3://cinema"),
        ("AWS_ACCESS_KEY_ID", "cinema"),
        ("AWS_SECRET_ACCESS_KEY", "cinema-development"),
    ];
    let refused = serves(&[&PRODUCTION[..], &bucket].concat()).unwrap_err().to_string();
    assert!(refused.starts_with("AWS_SECRET_ACCESS_KEY is the value of the documentation"), "{refused}");
}

#[test]
fn production_is_warned_of_risky_settings() {
    let warned = |values: &[(&str, &str)]| {
        let settings = serves(&[&PRODUCTION[..], values].concat()).unwrap();
        settings.warnings().into_iter().map(|warning| warning.name).collect::<Vec<_>>()
    };
    assert_eq!(warned(&[]), Vec::<&str>::new());
    for (name, value) in [
        ("RATE_LIMITS", "off"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("PUBLIC_URL", "http://cinema.example"),
        ("FRONTEND_URL", "http://shop.example"),
        ("SMTP_URL", "smtp://mail.example"),
        ("RUST_LOG", "trace"),
    ] {
        assert_eq!(warned(&[(name, value)]), [name]);
        let elsewhere = settings(&[(name, value)]).unwrap();
        assert_eq!(elsewhere.warnings(), [], "development is not warned of {name}");
    }
}
