//! Mails that tell the owner of an account what was done to it: written with the unit of work that does it.

use domain::{
    accounts::{AccountUnit, Device, Session, User},
    store::StoreError,
    time::Instant,
};

use super::{Accounts, mails};

impl Accounts {
    /// The password was changed or set by a link; the user is the changed one.
    pub(super) async fn tell_password_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        device: &Device,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = mails::password_changed(&user.email, &self.settings.frontend_url, device, now);
        self.push_mail(unit, user, cause("password_changed", user), mail, now).await
    }

    /// Somebody signed in from a device that was not seen before.
    pub(super) async fn tell_new_device(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        session: &Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = mails::new_device(&user.email, &self.settings.frontend_url, &session.device, now);
        self.push_mail(unit, user, format!("new_device:{}", session.id), mail, now).await
    }
}

impl Accounts {
    /// An administrator changed the role; the user is the changed one.
    pub(super) async fn tell_role_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = mails::role_changed(&user.email, &self.settings.frontend_url, user.role, now);
        self.push_mail(unit, user, cause("role_changed", user), mail, now).await
    }

    /// An administrator activated or deactivated the account; the user is the changed one.
    pub(super) async fn tell_activation_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mail = if user.is_active() {
            mails::activated(&user.email, &self.settings.frontend_url, now)
        } else {
            mails::deactivated(&user.email, now)
        };
        self.push_mail(unit, user, cause("activation_changed", user), mail, now).await
    }
}

/// Names the change, so that one change is told once: each makes the next version.
fn cause(change: &str, user: &User) -> String {
    format!("{change}:{}:{}", user.id, user.version)
}
