//! Mails that tell the owner of an account about a change to it, written in the unit of work that makes the change.

use domain::{
    accounts::{AccountUnit, Device, Session, User},
    store::StoreError,
    time::Instant,
};

use super::Accounts;
use crate::mails::{
    Moment,
    accounts::{Activated, Deactivated, NewDevice, PasswordChanged, RoleChanged},
    compose,
};

impl Accounts {
    /// The password was changed or set with a link. `user` is the changed user.
    pub(super) async fn tell_password_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        device: &Device,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = PasswordChanged { device: device.clone(), at: Moment(now) };
        let mail = compose(&user.email, &self.settings.frontend_url, &content);
        self.push_mail(unit, user, cause("password_changed", user), mail, now).await
    }

    /// Somebody signed in from a device that is not known.
    pub(super) async fn tell_new_device(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        session: &Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = NewDevice { device: session.device.clone(), at: Moment(now) };
        let mail = compose(&user.email, &self.settings.frontend_url, &content);
        self.push_mail(unit, user, format!("new_device:{}", session.id), mail, now).await
    }

    /// An administrator changed the role. `user` is the changed user.
    pub(super) async fn tell_role_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = RoleChanged { role: user.role, at: Moment(now) };
        let mail = compose(&user.email, &self.settings.frontend_url, &content);
        self.push_mail(unit, user, cause("role_changed", user), mail, now).await
    }

    /// An administrator activated or deactivated the account. `user` is the changed user.
    pub(super) async fn tell_activation_changed(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (to, frontend_url, at) = (&user.email, &self.settings.frontend_url, Moment(now));
        let mail = if user.is_active() {
            compose(to, frontend_url, &Activated { at })
        } else {
            compose(to, frontend_url, &Deactivated { at })
        };
        self.push_mail(unit, user, cause("activation_changed", user), mail, now).await
    }
}

/// The dedupe key of a change to a user: each change has the next version, so one change leads to one mail.
fn cause(change: &str, user: &User) -> String {
    format!("{change}:{}:{}", user.id, user.version)
}
