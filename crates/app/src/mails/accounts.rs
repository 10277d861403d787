//! The mails about accounts.

use domain::{
    accounts::{Device, Role},
    entropy::PlainToken,
};

use super::{Moment, mail};

/// Contains the link that activates an account.
pub(crate) struct Activation {
    pub(crate) token: PlainToken,
}

mail!(
    Activation,
    "mails/accounts/activation.txt",
    "mails/accounts/activation.html",
    "Activate your Cinema account"
);

/// Contains the link that sets a new password.
pub(crate) struct PasswordReset {
    pub(crate) token: PlainToken,
}

mail!(
    PasswordReset,
    "mails/accounts/password_reset.txt",
    "mails/accounts/password_reset.html",
    "Set a new Cinema password"
);

/// Says that somebody tried to register the address although it has an active account.
pub(crate) struct AlreadyRegistered;

mail!(
    AlreadyRegistered,
    "mails/accounts/already_registered.txt",
    "mails/accounts/already_registered.html",
    "You already have a Cinema account"
);

/// Says that somebody tried to register the address although it has a deactivated account.
pub(crate) struct RegisteredWhileDeactivated;

mail!(
    RegisteredWhileDeactivated,
    "mails/accounts/registered_while_deactivated.txt",
    "mails/accounts/registered_while_deactivated.html",
    "Your Cinema account is deactivated"
);

/// Says that the password was changed.
pub(crate) struct PasswordChanged {
    /// The device from which the password was changed.
    pub(crate) device: Device,
    pub(crate) at: Moment,
}

mail!(
    PasswordChanged,
    "mails/accounts/password_changed.txt",
    "mails/accounts/password_changed.html",
    "Your Cinema password was changed"
);

/// Says that there was a sign-in from a new device.
pub(crate) struct NewDevice {
    pub(crate) device: Device,
    pub(crate) at: Moment,
}

mail!(
    NewDevice,
    "mails/accounts/new_device.txt",
    "mails/accounts/new_device.html",
    "New sign-in to your Cinema account"
);

/// Says that an administrator changed the role.
pub(crate) struct RoleChanged {
    /// The new role.
    pub(crate) role: Role,
    pub(crate) at: Moment,
}

mail!(
    RoleChanged,
    "mails/accounts/role_changed.txt",
    "mails/accounts/role_changed.html",
    "Your role at Cinema was changed"
);

impl RoleChanged {
    const fn role_name(&self) -> &'static str {
        match self.role {
            Role::User => "a user",
            Role::Moderator => "a moderator",
            Role::Admin => "an administrator",
        }
    }
}

/// Says that an administrator activated the account.
pub(crate) struct Activated {
    pub(crate) at: Moment,
}

mail!(
    Activated,
    "mails/accounts/activated.txt",
    "mails/accounts/activated.html",
    "Your Cinema account is active"
);

/// Says that an administrator deactivated the account.
pub(crate) struct Deactivated {
    pub(crate) at: Moment,
}

mail!(
    Deactivated,
    "mails/accounts/deactivated.txt",
    "mails/accounts/deactivated.html",
    "Your Cinema account was deactivated"
);

/// Says that the account was deleted.
pub(crate) struct AccountDeleted {
    pub(crate) at: Moment,
}

mail!(
    AccountDeleted,
    "mails/accounts/account_deleted.txt",
    "mails/accounts/account_deleted.html",
    "Your Cinema account is deleted"
);

/// The network address of a device, for human readers.
fn address(device: &Device) -> String {
    device.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string())
}

#[cfg(test)]
pub(super) fn samples() -> Vec<Box<dyn super::Content>> {
    let token = || PlainToken::new("a.b-c_d".to_owned());
    let device = || Device { user_agent: Some("curl/8.5 <b>".to_owned()), ip: Some([192, 0, 2, 7].into()) };
    let at = || Moment("2026-11-03T09:05:59Z".parse().unwrap());
    vec![
        Box::new(Activation { token: token() }),
        Box::new(PasswordReset { token: token() }),
        Box::new(AlreadyRegistered),
        Box::new(RegisteredWhileDeactivated),
        Box::new(PasswordChanged { device: device(), at: at() }),
        Box::new(NewDevice { device: device(), at: at() }),
        Box::new(RoleChanged { role: Role::Moderator, at: at() }),
        Box::new(Activated { at: at() }),
        Box::new(Deactivated { at: at() }),
        Box::new(AccountDeleted { at: at() }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::{Content, compose};

    #[test]
    fn a_security_mail_has_the_time_the_origin_and_advice() {
        let device =
            || Device { user_agent: Some("curl/8.5 https://x".to_owned()), ip: Some([192, 0, 2, 7].into()) };
        let to = "ann@example.com".parse().unwrap();
        let at = || Moment("2026-11-03T09:05:59Z".parse().unwrap());
        let contents: [Box<dyn Content>; 2] = [
            Box::new(PasswordChanged { device: device(), at: at() }),
            Box::new(NewDevice { device: device(), at: at() }),
        ];
        for content in contents {
            let text = compose(&to, "https://cinema.example", &*content).text;
            assert!(text.contains(" on 3 November 2026 at 09:05 UTC"), "{text}");
            assert!(text.contains("\n\nDevice: curl\nNetwork address: 192.0.2.7\n\n"), "{text}");
            assert!(text.contains("\n\nhttps://cinema.example/reset-password\n"), "{text}");
            assert_eq!(text.matches("https://").count(), 1, "no link from the User-Agent: {text}");
        }
    }
}
