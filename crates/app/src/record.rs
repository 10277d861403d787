//! Writes audit log entries and outbox messages (mostly mails) in the units of work of use cases.

use std::sync::Arc;

use domain::{
    accounts::{EmailAddress, Origin, User},
    audit::{AuditAction, AuditEntry, AuditObject, AuditRepository, AuditState},
    entropy::Sealer,
    id::{IdGenerator, UserId},
    outbox::{NewOutboxMessage, OutboxRepository},
    store::StoreError,
    time::Instant,
};

use crate::{
    mails::{Content, compose},
    outbox::Message,
};

/// An entry of the audit log, without the fields that the recorder adds.
pub(crate) struct NewAuditEntry {
    action: AuditAction,
    actor: Option<UserId>,
    object: Option<AuditObject>,
    before: Option<AuditState>,
    after: Option<AuditState>,
}

impl NewAuditEntry {
    /// Creates an entry about an action of the user `actor`. `actor` is `None` when no user was signed in, and for
    /// actions on the command line.
    pub(crate) fn by(actor: impl Into<Option<UserId>>, action: AuditAction) -> Self {
        Self { action, actor: actor.into(), object: None, before: None, after: None }
    }

    /// Sets the object of the action.
    pub(crate) fn on(self, object: AuditObject) -> Self {
        Self { object: Some(object), ..self }
    }

    /// Sets the state before the action.
    pub(crate) fn from(self, before: AuditState) -> Self {
        Self { before: Some(before), ..self }
    }

    /// Sets the state after the action.
    pub(crate) fn to(self, after: AuditState) -> Self {
        Self { after: Some(after), ..self }
    }
}

/// The recipient of a mail.
pub(crate) struct Recipient<'a> {
    email: &'a EmailAddress,
    user_id: Option<UserId>,
}

impl<'a> Recipient<'a> {
    /// An address without a reference to an account.
    pub(crate) const fn without_account(email: &'a EmailAddress) -> Self {
        Self { email, user_id: None }
    }
}

impl<'a> From<&'a User> for Recipient<'a> {
    /// The mail refers to the user's account: if the account is deleted before the mail is sent, the mail is deleted,
    /// too.
    fn from(user: &'a User) -> Self {
        Self { email: &user.email, user_id: Some(user.id) }
    }
}

/// Writes entries of the audit log and messages for the outbox.
#[derive(Clone)]
pub struct Recorder {
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Encrypts the messages in the outbox.
    pub sealer: Arc<dyn Sealer>,
    /// The start of every link in a mail except the unsubscribe link, without a trailing slash (`FRONTEND_URL`).
    pub frontend_url: String,
}

impl Recorder {
    /// Writes an entry of the audit log.
    pub(crate) async fn audit<U: AuditRepository + ?Sized>(
        &self,
        unit: &mut U,
        entry: NewAuditEntry,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry {
            id: self.ids.next(),
            at: now,
            action: entry.action,
            actor: entry.actor,
            object: entry.object,
            before: entry.before,
            after: entry.after,
            ip: origin.device.ip,
            request_id: origin.request_id.clone(),
        };
        unit.append_audit_entry(&entry).await
    }

    /// Writes a mail to the outbox. The mail is dropped if the outbox still has a message with the same cause, whether
    /// or not that message was sent.
    pub(crate) async fn mail<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        to: impl Into<Recipient<'_>> + Send,
        cause: String,
        content: &(impl Content + Sync),
        now: Instant,
    ) -> Result<(), StoreError> {
        let to = to.into();
        let mail = compose(to.email, &self.frontend_url, content);
        self.message(unit, to.user_id, cause, &Message::Mail(mail), now).await
    }

    /// Writes a message to the outbox. The message is due immediately. The message is dropped if the outbox still has
    /// a message with the same cause, whether or not that message was handled. If `about` is a user, the message is
    /// deleted with that user's account.
    pub(crate) async fn message<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        about: Option<UserId>,
        cause: String,
        message: &Message,
        now: Instant,
    ) -> Result<(), StoreError> {
        let sealed = message.seal(self.ids.next(), cause, &*self.sealer, now);
        unit.push_message(NewOutboxMessage { user_id: about, ..sealed }).await
    }

    /// Writes a message to the outbox. The message is due at the time `due`. As in [`Self::message`], the message is
    /// dropped if the outbox still has a message with the same cause.
    pub(crate) async fn message_for_later<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        cause: String,
        message: &Message,
        now: Instant,
        due: Instant,
    ) -> Result<(), StoreError> {
        let sealed = message.seal(self.ids.next(), cause, &*self.sealer, now);
        unit.push_message(NewOutboxMessage { available_at: due, ..sealed }).await
    }
}
