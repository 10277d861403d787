use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    entropy::Sealer,
    id::UserId,
    notifications::{MailedKind, SettingsChanges},
    store::{Attempt, StoreError, retried},
};

use super::Notifications;

/// The first word of the encrypted text in a token. It distinguishes this text from texts that are encrypted for other
/// purposes.
const PURPOSE: &str = "unsubscribe";

/// The user and the kind of mails that an unsubscribe link is for. The link works without signing in: anyone who has
/// the mail can unsubscribe its receiver from mails of this kind, but can do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscription {
    /// The receiver.
    pub user_id: UserId,
    /// The kind of the mails.
    pub kind: MailedKind,
}

/// Why the user was not unsubscribed.
#[derive(Debug, thiserror::Error)]
pub enum UnsubscribeError {
    /// The token of the link was not created by this server, or was altered.
    #[error("the link does not belong to a mail")]
    Invalid,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Unsubscription {
    /// Creates the token of the link, which is safe in a URL.
    pub(super) fn token(self, sealer: &dyn Sealer) -> String {
        let text = format!("{PURPOSE} {} {}", self.user_id, self.kind.kind().as_str());
        URL_SAFE_NO_PAD.encode(sealer.seal(text.as_bytes()))
    }

    fn of(token: &str, sealer: &dyn Sealer) -> Option<Self> {
        let plain = sealer.unseal(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut words = str::from_utf8(&plain).ok()?.split(' ');
        let (purpose, user_id, kind) = (words.next()?, words.next()?, words.next()?);
        (purpose == PURPOSE && words.next().is_none()).then_some(())?;
        Some(Self { user_id: user_id.parse().ok()?, kind: kind.parse().ok()? })
    }
}

impl Notifications {
    /// Reads the token of a link without changing anything; `None` when it is not valid.
    #[must_use]
    pub fn unsubscription(&self, token: &str) -> Option<Unsubscription> {
        Unsubscription::of(token, &*self.sealer)
    }

    /// Unsubscribes the user of a link from the kind of mails that the link is for. The call may be repeated.
    /// It changes nothing if the user is unknown or was erased.
    ///
    /// # Errors
    /// See [`UnsubscribeError`].
    pub async fn unsubscribe(&self, token: &str) -> Result<Unsubscription, UnsubscribeError> {
        let unsubscription = self.unsubscription(token).ok_or(UnsubscribeError::Invalid)?;
        retried(&*self.backoff, |attempt| self.try_unsubscribe(attempt, unsubscription)).await?;
        Ok(unsubscription)
    }

    async fn try_unsubscribe(
        &self,
        attempt: Attempt,
        Unsubscription { user_id, kind }: Unsubscription,
    ) -> Result<(), StoreError> {
        let mut unit = self.store.begin_notifications(attempt).await?;
        let Some(settings) = unit.notification_settings_for_update(user_id).await? else { return Ok(()) };
        let changed = settings.changed(SettingsChanges::without_mails(kind));
        unit.put_notification_settings(user_id, changed).await?;
        unit.commit().await
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;
    use crate::doubles::FlipSealer;

    #[test]
    fn only_valid_unsubscribe_tokens_are_decoded() {
        for kind in [MailedKind::CommentReply, MailedKind::CommentLike] {
            let unsubscription = Unsubscription { user_id: Id::from_uuid(Uuid::from_u128(7)), kind };
            let token = unsubscription.token(&FlipSealer);
            assert_eq!(Unsubscription::of(&token, &FlipSealer), Some(unsubscription));
            assert_eq!(Unsubscription::of(&token[1..], &FlipSealer), None);
        }
        let seal = |text: &str| URL_SAFE_NO_PAD.encode(FlipSealer.seal(text.as_bytes()));
        let id = Uuid::from_u128(7);
        for bad in [
            String::new(),
            "💥".to_owned(),
            seal(&format!("activate {id} comment_like")),
            seal(&format!("unsubscribe {id} order_paid")),
            seal(&format!("unsubscribe {id} comment_like x")),
            seal(&format!("unsubscribe {id}")),
        ] {
            assert_eq!(Unsubscription::of(&bad, &FlipSealer), None, "{bad}");
        }
    }
}
