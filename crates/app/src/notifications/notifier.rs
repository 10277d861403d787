use std::sync::Arc;

use domain::{
    entropy::Sealer,
    id::{IdGenerator, MovieId, UserId},
    mail::Mail,
    notifications::{
        MailedKind, NewNotification, NotificationCause, NotificationMail, NotificationRepository,
    },
    outbox::{NewOutboxMessage, OutboxRepository},
    store::StoreError,
    time::Instant,
};

use super::unsubscribe::Unsubscription;
use crate::{
    mails::{
        compose,
        notifications::{CommentLiked, CommentReplied},
    },
    outbox::Message,
};

/// Notifies users within the unit of work that does what they are notified about, for the use cases of every area.
pub struct Notifier {
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Seals mails until they are sent, and the tokens of their links.
    pub sealer: Arc<dyn Sealer>,
    /// Where the links in mails lead, without a slash at its end (`FRONTEND_URL`).
    pub frontend_url: String,
    /// Where the server itself is reached, without a slash at its end (`PUBLIC_URL`).
    pub public_url: String,
}

impl Notifier {
    /// Notifies the receiver, and writes the mail about it to the outbox when the receiver wants one. Nothing happens when
    /// the receiver acted, or was notified about the same cause before.
    ///
    /// A unit that notifies several users does so last, and in the order of their identifiers: each receiver's inbox is
    /// locked until the unit ends.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notify<U>(
        &self,
        unit: &mut U,
        receiver: UserId,
        cause: NotificationCause,
        now: Instant,
    ) -> Result<(), StoreError>
    where
        U: NotificationRepository + OutboxRepository + ?Sized,
    {
        let new = NewNotification { id: self.ids.next(), receiver, cause, at: now };
        if new.is_own_act() {
            return Ok(());
        }
        let Some(pushed) = unit.push_notification(&new).await? else { return Ok(()) };
        let (Some(mail), Some(movie_id)) = (pushed.mail, movie_of(&new.cause)) else { return Ok(()) };
        if !mail.is_due(now) {
            return Ok(());
        }
        unit.mark_notification_mailed(mail.id, now).await?;
        let dedupe_key = format!("notification:{}:{}", mail.id, now.timestamp_micros());
        let message = Message::Mail(self.compose(receiver, movie_id, &mail));
        let sealed = message.seal(self.ids.next(), dedupe_key, &*self.sealer, now);
        unit.push_message(NewOutboxMessage { user_id: Some(receiver), ..sealed }).await
    }

    fn compose(&self, receiver: UserId, movie_id: MovieId, mail: &NotificationMail) -> Mail {
        let token = Unsubscription { user_id: receiver, kind: mail.kind }.token(&*self.sealer);
        let unsubscribe_url = format!("{}/unsubscribe?token={token}", self.public_url);
        let actor = name_in_mail(&mail.actor_name).to_owned();
        let (movie, movie_path) = (mail.movie_name.clone(), format!("/movies/{movie_id}"));
        match mail.kind {
            MailedKind::CommentReply => {
                let content = CommentReplied { actor, movie, movie_path, unsubscribe_url };
                compose(&mail.to, &self.frontend_url, &content)
            }
            MailedKind::CommentLike => {
                let others = mail.count.saturating_sub(1);
                let content = CommentLiked { actor, others, movie, movie_path, unsubscribe_url };
                compose(&mail.to, &self.frontend_url, &content)
            }
        }
    }
}

/// The movie that the comment is about.
const fn movie_of(cause: &NotificationCause) -> Option<MovieId> {
    match cause {
        NotificationCause::CommentReply { movie_id, .. }
        | NotificationCause::CommentLike { movie_id, .. } => Some(*movie_id),
        NotificationCause::OrderPaid { .. }
        | NotificationCause::OrderRefunded { .. }
        | NotificationCause::MovieRemovedFromCart { .. } => None,
    }
}

/// A user's name in a mail to another user. One that mail programs could show as a link is left out: it would be a way to
/// mail addresses to strangers in our name.
fn name_in_mail(name: &str) -> &str {
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let is_followed = characters.peek().is_some_and(|next| next.is_alphanumeric());
        if matches!(character, '/' | '@' | ':') || (character == '.' && is_followed) {
            return "Somebody";
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_shown_as_a_link_is_left_out_of_mails() {
        for name in ["Ann", "Ann B. Lee", "Zoë O'Hara-Łuk", "Dr. No", "Jr."] {
            assert_eq!(name_in_mail(name), name);
        }
        for name in ["win.example", "http://x", "a@b", "example.com/x", "www.x.y"] {
            assert_eq!(name_in_mail(name), "Somebody");
        }
    }
}
