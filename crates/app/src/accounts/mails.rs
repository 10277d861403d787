//! The texts of the mails about accounts.

use domain::{accounts::EmailAddress, entropy::PlainToken, mail::Mail};

pub(super) fn activation(to: &EmailAddress, frontend_url: &str, token: &PlainToken) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Activate your Cinema account".to_owned(),
        text: format!(
            "Welcome to Cinema.\n\n\
             To activate your account, open this link and press the button:\n\n\
             {frontend_url}/activate?token={token}\n\n\
             The link works once, for 24 hours. If you did not register, ignore this mail: nothing happens without it.\n",
            token = token.expose()
        ),
    }
}

pub(super) fn password_reset(to: &EmailAddress, frontend_url: &str, token: &PlainToken) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Set a new Cinema password".to_owned(),
        text: format!(
            "To set a new password for your Cinema account, open this link:\n\n\
             {frontend_url}/reset-password?token={token}\n\n\
             The link works once, for one hour. If you did not ask for it, ignore this mail: your password stays.\n",
            token = token.expose()
        ),
    }
}

pub(super) fn already_registered(to: &EmailAddress, frontend_url: &str) -> Mail {
    Mail {
        to: to.clone(),
        subject: "You already have a Cinema account".to_owned(),
        text: format!(
            "Somebody, perhaps you, tried to register this address again at {frontend_url}.\n\n\
             The account stays as it is: sign in with your password, or ask for a new one if you forgot it.\n"
        ),
    }
}
