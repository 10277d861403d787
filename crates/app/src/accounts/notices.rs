//! Mails that tell the owner of an account about a change to the account, or about a sign-in from a new device. Each
//! mail is written to the outbox in the transaction that stores the change or the new session.

use domain::{
    accounts::{Device, Session, User},
    outbox::OutboxRepository,
    store::StoreError,
    time::Instant,
};

use crate::{
    mails::{
        Moment,
        accounts::{Activated, Deactivated, NewDevice, PasswordChanged, RoleChanged},
    },
    record::Recorder,
};

impl Recorder {
    /// Tells the user that the password was changed, or set with a link. `user` is the user after the change.
    pub(super) async fn tell_password_changed<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user: &User,
        device: &Device,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = PasswordChanged { device: device.clone(), at: Moment(now) };
        self.mail(unit, user, cause("password_changed", user), &content, now).await
    }

    /// Tells the user that somebody signed in from an unknown device.
    pub(super) async fn tell_new_device<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user: &User,
        session: &Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = NewDevice { device: session.device.clone(), at: Moment(now) };
        self.mail(unit, user, format!("new_device:{}", session.id), &content, now).await
    }

    /// Tells the user that an administrator changed the role. `user` is the user after the change.
    pub(super) async fn tell_role_changed<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let content = RoleChanged { role: user.role, at: Moment(now) };
        self.mail(unit, user, cause("role_changed", user), &content, now).await
    }

    /// Tells the user that an administrator activated or deactivated the account. `user` is the user after the change.
    pub(super) async fn tell_activation_changed<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (cause, at) = (cause("activation_changed", user), Moment(now));
        if user.is_active() {
            self.mail(unit, user, cause, &Activated { at }, now).await
        } else {
            self.mail(unit, user, cause, &Deactivated { at }, now).await
        }
    }
}

/// Returns the cause of a mail about a change to a user. The outbox drops a mail if it still has a message with the
/// same cause. The cause contains the kind of the change, the user, and the user's version. Every change increases the
/// version, so each change leads to exactly one mail.
fn cause(change: &str, user: &User) -> String {
    format!("{change}:{}:{}", user.id, user.version)
}
