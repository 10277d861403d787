//! The texts of the mails about accounts.

use domain::{
    accounts::{Device, EmailAddress, Role},
    entropy::PlainToken,
    mail::Mail,
    time::Instant,
};

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

pub(super) fn registered_while_deactivated(to: &EmailAddress) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Your Cinema account is deactivated".to_owned(),
        text: "Somebody, perhaps you, tried to register this address again.\n\n\
               It has an account, which an administrator deactivated; registering does not open it again. If you think \
               that this is a mistake, ask those who run Cinema.\n"
            .to_owned(),
    }
}

pub(super) fn password_changed(to: &EmailAddress, frontend_url: &str, device: &Device, at: Instant) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Your Cinema password was changed".to_owned(),
        text: format!(
            "The password of your Cinema account was changed on {at}.\n\n{place}\n\n{advice}",
            at = moment(at),
            place = place(device),
            advice = advice(frontend_url)
        ),
    }
}

pub(super) fn new_device(to: &EmailAddress, frontend_url: &str, device: &Device, at: Instant) -> Mail {
    Mail {
        to: to.clone(),
        subject: "New sign-in to your Cinema account".to_owned(),
        text: format!(
            "Somebody signed in to your Cinema account on {at}, from a device that it was not used on before.\n\n\
             {place}\n\n{advice}",
            at = moment(at),
            place = place(device),
            advice = advice(frontend_url)
        ),
    }
}

pub(super) fn role_changed(to: &EmailAddress, frontend_url: &str, role: Role, at: Instant) -> Mail {
    let role = match role {
        Role::User => "a user",
        Role::Moderator => "a moderator",
        Role::Admin => "an administrator",
    };
    Mail {
        to: to.clone(),
        subject: "Your role at Cinema was changed".to_owned(),
        text: format!(
            "An administrator changed the role of your Cinema account on {at}: you are {role} now.\n\n\
             You stay signed in. What you may do shows at {frontend_url}.\n",
            at = moment(at)
        ),
    }
}

pub(super) fn activated(to: &EmailAddress, frontend_url: &str, at: Instant) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Your Cinema account is active".to_owned(),
        text: format!(
            "An administrator activated your Cinema account on {at}.\n\nYou can sign in at {frontend_url}.\n",
            at = moment(at)
        ),
    }
}

pub(super) fn deactivated(to: &EmailAddress, at: Instant) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Your Cinema account was deactivated".to_owned(),
        text: format!(
            "An administrator deactivated your Cinema account on {at}.\n\n\
             It is signed out everywhere, and nobody can sign in to it until it is activated again. What you bought \
             stays yours.\n",
            at = moment(at)
        ),
    }
}

pub(super) fn account_deleted(to: &EmailAddress, frontend_url: &str, at: Instant) -> Mail {
    Mail {
        to: to.clone(),
        subject: "Your Cinema account is deleted".to_owned(),
        text: format!(
            "Your Cinema account was deleted on {at}, as you asked, and with it all that we kept of you. What the books need \
             stays without your name.\n\n\
             This is the last mail about it. You are welcome to register again at {frontend_url}.\n",
            at = moment(at)
        ),
    }
}

fn moment(at: Instant) -> impl std::fmt::Display {
    at.format("%-d %B %Y at %H:%M UTC")
}

fn place(device: &Device) -> String {
    let address = device.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string());
    format!("Device: {}\nNetwork address: {address}", device.label())
}

fn advice(frontend_url: &str) -> String {
    format!(
        "If it was you, there is nothing to do.\n\n\
         If it was not, set a new password at once, which ends every sign-in:\n\n\
         {frontend_url}/reset-password\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_tells_when_from_where_and_what_to_do() {
        let device =
            Device { user_agent: Some("curl/8.5 https://x".to_owned()), ip: Some([192, 0, 2, 7].into()) };
        let to = "ann@example.com".parse().unwrap();
        let at = "2026-11-03T09:05:59Z".parse().unwrap();
        for mail in [
            password_changed(&to, "https://cinema.example", &device, at),
            new_device(&to, "https://cinema.example", &device, at),
        ] {
            assert!(mail.text.contains(" on 3 November 2026 at 09:05 UTC"), "{}", mail.text);
            assert!(mail.text.contains("\n\nDevice: curl\nNetwork address: 192.0.2.7\n\n"), "{}", mail.text);
            assert!(mail.text.contains("\n\nhttps://cinema.example/reset-password\n"), "{}", mail.text);
            assert_eq!(mail.text.matches("https://").count(), 1, "only the link of ours: {}", mail.text);
        }
    }
}
