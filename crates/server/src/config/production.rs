//! What production refuses.

use super::{
    AppEnv, MailerSetting, Settings,
    fault::{Fault, SettingsError},
    secret_file,
};

/// The fewest bytes of a secret that is not guessed.
const MIN_SECRET_LENGTH: usize = 32;

const SECRET_ALLOWED: &str =
    "a random text of 32 bytes or more, such as the output of `openssl rand -base64 48`";

pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    if settings.app_env != AppEnv::Prod {
        return Ok(());
    }
    let mut faults = Vec::new();
    match &settings.secret_key {
        None => faults.push(Fault::new("APP_SECRET_KEY", "is missing in production", SECRET_ALLOWED)),
        Some(secret) if secret.len() < MIN_SECRET_LENGTH => {
            let fault = format!("has {} bytes, too few for production", secret.len());
            faults.push(Fault::new("APP_SECRET_KEY", fault, SECRET_ALLOWED));
        }
        Some(secret)
            if secret.is_weak() || secret_file::is_development_secret(&settings.data_dir, secret) =>
        {
            faults.push(Fault::new("APP_SECRET_KEY", "is a development secret", SECRET_ALLOWED));
        }
        Some(_) => {}
    }
    if settings
        .previous_secret_key
        .as_ref()
        .is_some_and(|secret| secret.len() < MIN_SECRET_LENGTH || secret.is_weak())
    {
        faults.push(Fault::new("APP_SECRET_KEY_PREVIOUS", "is a development secret", SECRET_ALLOWED));
    }
    if settings.mailer == MailerSetting::Console {
        faults.push(Fault::new(
            "MAILER",
            "cannot be \"console\" in production: the mails would be printed instead of sent",
            "smtp, with SMTP_URL and MAIL_FROM",
        ));
    }
    if !settings.allows_sandbox {
        faults.push(Fault::new(
            "PAYMENT_PROVIDER",
            "cannot be \"sandbox\" in production: nobody would pay",
            "sandbox with ALLOW_SANDBOX=true (this version has no other provider)",
        ));
    }
    SettingsError::none_of(faults)
}
