use adapter_payments_stripe::{StripeSecret, StripeSettings};

use super::*;

#[test]
fn smtp_needs_a_server_and_a_sender_and_never_shows_the_password() {
    let missing = fault(&[("MAILER", "smtp")]);
    assert!(missing.contains("SMTP_URL is missing") && missing.contains("MAIL_FROM is missing"), "{missing}");
    let settings = Settings::from_sources(&Sources::environment([
        ("MAILER", "smtp"),
        ("SMTP_URL", "smtp://ann:canary@mail:1025"),
        ("MAIL_FROM", "Cinema <no-reply@cinema.example>"),
    ]))
    .unwrap();
    let MailerSetting::Smtp(smtp) = &settings.mailer else { panic!("not smtp") };
    assert_eq!(smtp.from, "Cinema <no-reply@cinema.example>");
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn stripe_needs_its_secrets_and_never_shows_them() {
    assert_eq!(settings(&[("STRIPE_SECRET_KEY", "sk_test_1")]).unwrap().payments, PaymentSetting::Sandbox);
    let missing = fault(&[("PAYMENT_PROVIDER", "stripe")]);
    for name in ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] {
        assert!(missing.contains(&format!("{name} is missing")), "{missing}");
    }
    let values = [
        ("PAYMENT_PROVIDER", "stripe"),
        ("STRIPE_SECRET_KEY", " sk_test_canary\n"),
        ("STRIPE_WEBHOOK_SECRET", " whsec_canary , whsec_canary_2\n"),
    ];
    let stripe = |more: &[(&str, &str)]| {
        let settings = settings(&[&values, more].concat()).unwrap();
        assert!(!format!("{settings:?} {:?}", settings.shown()).contains("canary"));
        assert!(settings.shown().contains(&("STRIPE_WEBHOOK_SECRET", "***".to_owned())));
        let PaymentSetting::Stripe(stripe) = settings.payments else { panic!("not Stripe") };
        stripe
    };
    let expected = StripeSettings {
        secret_key: StripeSecret::new("sk_test_canary"),
        webhook_secrets: ["whsec_canary", "whsec_canary_2"].map(StripeSecret::new).into(),
        api_base: "https://api.stripe.com".to_owned(),
        payment_methods: vec!["card".to_owned()],
    };
    assert_eq!(stripe(&[]), expected);
    let more =
        [("STRIPE_API_BASE", "http://127.0.0.1:12111/"), ("STRIPE_PAYMENT_METHODS", "card, sepa_debit")];
    let other = stripe(&more);
    assert_eq!(other.api_base, "http://127.0.0.1:12111");
    assert_eq!(other.payment_methods, ["card", "sepa_debit"]);
}

#[test]
fn media_are_stored_in_a_folder_or_a_bucket() {
    for (url, folder) in
        [(None, "./var/media"), (Some("file:///srv/media"), "/srv/media"), (Some("file://media"), "media")]
    {
        let values: Vec<_> = url.map(|url| ("MEDIA_URL", url)).into_iter().collect();
        assert_eq!(settings(&values).unwrap().media, MediaSetting::Folder(folder.into()));
    }
    let missing = fault(&[("MEDIA_URL", "s3://bucket")]);
    assert!(missing.contains("AWS_ACCESS_KEY_ID is missing"), "{missing}");
    assert!(missing.contains("AWS_SECRET_ACCESS_KEY is missing"), "{missing}");
    let bucket = |more: &[(&str, &str)]| {
        let keys = [("AWS_ACCESS_KEY_ID", "canary-1"), ("AWS_SECRET_ACCESS_KEY", "canary-2")];
        let settings = settings(&[&keys, more].concat()).unwrap();
        assert!(!format!("{settings:?} {:?}", settings.shown()).contains("canary"));
        let MediaSetting::S3(s3) = settings.media else { panic!("no bucket") };
        assert_eq!((&*s3.access_key_id, &*s3.secret_access_key), ("canary-1", "canary-2"));
        (s3.bucket, s3.endpoint, s3.region, s3.session_token)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        bucket(&[("MEDIA_URL", "s3://my.bucket-1")]),
        ("my.bucket-1".to_owned(), None, "us-east-1".to_owned(), None)
    );
    let (_, endpoint, region, token) = bucket(&[
        ("MEDIA_URL", "s3://bucket?endpoint=http://minio:9000/"),
        ("AWS_ENDPOINT_URL_S3", "https://other.example"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SESSION_TOKEN", "canary-3"),
    ]);
    assert_eq!((endpoint, region), (text("http://minio:9000"), "eu-west-1".to_owned()));
    assert_eq!(token, text("canary-3"));
    let (_, endpoint, region, _) = bucket(&[
        ("MEDIA_URL", "s3://bucket"),
        ("AWS_ENDPOINT_URL", "https://general.example"),
        ("AWS_ENDPOINT_URL_S3", "https://specific.example"),
        ("AWS_DEFAULT_REGION", "eu-west-2"),
    ]);
    assert_eq!((endpoint, region), (text("https://specific.example"), "eu-west-2".to_owned()));
}
