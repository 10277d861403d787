use std::sync::Arc;

use domain::{
    accounts::{EmailAddress, LinkKind, LinkToken, LinkTokenRepository, User},
    entropy::{PlainToken, TokenGenerator},
    id::IdGenerator,
    outbox::OutboxRepository,
    store::StoreError,
    time::Instant,
};

use crate::{
    mails::accounts::{Activation, PasswordReset},
    outbox::Message,
    record::Recorder,
};

/// Whether another link may be mailed to an address, according to the rate limit of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailQuota {
    /// Another link may be mailed.
    Left,
    /// No other link may be mailed now. The link that was mailed before is not replaced and stays valid.
    UsedUp,
}

/// Creates the links that are mailed to users. A user has at most one link of each kind: a new link replaces the
/// previous one.
#[derive(Clone)]
pub struct MailedLinks {
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Generates the secrets in links.
    pub tokens: Arc<dyn TokenGenerator>,
    /// Writes the mails.
    pub recorder: Recorder,
}

impl MailedLinks {
    /// Stores a new activation link, and writes a mail with it to the outbox. The mail goes to the address as it is
    /// spelled in `user`, because following the link confirms this spelling.
    pub(super) async fn mail_activation<U>(
        &self,
        unit: &mut U,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError>
    where
        U: LinkTokenRepository + OutboxRepository + ?Sized,
    {
        let (token, link) = self.put(unit, LinkKind::Activation, user, now).await?;
        let cause = format!("activation:{}", link.id);
        self.recorder.mail(unit, user, cause, &Activation { token }, now).await
    }

    /// Stores a new link to set a password, and writes a mail with it to the outbox.
    pub(super) async fn mail_password_reset<U>(
        &self,
        unit: &mut U,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError>
    where
        U: LinkTokenRepository + OutboxRepository + ?Sized,
    {
        let (token, link) = self.put(unit, LinkKind::PasswordReset, user, now).await?;
        let cause = format!("password_reset:{}", link.id);
        self.recorder.mail(unit, user, cause, &PasswordReset { token }, now).await
    }

    /// Writes an outbox message that requests a new activation link. When the outbox processes the message, it mails
    /// the link if the account of the address is then awaiting activation.
    pub(super) async fn request_activation<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        email: EmailAddress,
        now: Instant,
    ) -> Result<(), StoreError> {
        let cause = format!("activation_requested:{}", self.ids.uuid());
        self.recorder.message(unit, None, cause, &Message::ActivationRequested { email }, now).await
    }

    async fn put<U: LinkTokenRepository + ?Sized>(
        &self,
        unit: &mut U,
        kind: LinkKind,
        user: &User,
        now: Instant,
    ) -> Result<(PlainToken, LinkToken), StoreError> {
        let plain = self.tokens.generate();
        let link = LinkToken {
            id: self.ids.next(),
            user_id: user.id,
            kind,
            digest: self.tokens.digest(&plain),
            expires_at: now.checked_add_signed(kind.lifetime()).unwrap_or(now),
        };
        unit.put_link(&link).await?;
        Ok((plain, link))
    }
}
