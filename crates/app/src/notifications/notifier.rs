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

/// Notifies users about actions, also by mail. Use cases call [`Notifier::notify`] in the unit of work of the action.
/// For kinds of notifications that are never mailed, use cases store the notification themselves and do not use this
/// type.
pub struct Notifier {
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Encrypts the mails in the outbox, and the tokens of their unsubscribe links.
    pub sealer: Arc<dyn Sealer>,
    /// The beginning of links in mails except the unsubscribe link, without a trailing slash (`FRONTEND_URL`).
    pub frontend_url: String,
    /// The beginning of the unsubscribe link: the public URL of the server, without a trailing slash (`PUBLIC_URL`).
    pub public_url: String,
}

impl Notifier {
    /// Notifies the receiver. Also writes a mail to the outbox, if the receiver is active and wants mails about this
    /// kind of notification, and if a mail about this notification is due now. Does nothing when the receiver is the
    /// actor, was already notified about the same cause, or is unknown or erased.
    ///
    /// A unit of work that notifies several users must do so as its last step, and in the order of their identifiers:
    /// each receiver's inbox stays locked until the unit of work ends, and a fixed order prevents deadlocks.
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

/// Returns the movie that the mail about the cause links to; `None` for causes that are not mailed.
const fn movie_of(cause: &NotificationCause) -> Option<MovieId> {
    match cause {
        NotificationCause::CommentReply { movie_id, .. }
        | NotificationCause::CommentLike { movie_id, .. } => Some(*movie_id),
        NotificationCause::OrderPaid { .. }
        | NotificationCause::OrderRefunded { .. }
        | NotificationCause::MovieRemovedFromCart { .. } => None,
    }
}

/// Returns a user's name for a mail to another user. A name that mail programs could show as a link is replaced, since
/// it could be used to send links to others.
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
    use std::sync::Mutex;

    use chrono::TimeDelta;
    use domain::{
        id::{Id, Kind},
        notifications::PushedNotification,
        outbox::ClaimedOutboxMessage,
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        doubles::{CountingIds, FlipSealer},
        notifications::doubles::MockUnit,
    };

    fn id<K: Kind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn now() -> Instant {
        Instant::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn notifier() -> Notifier {
        Notifier {
            ids: Arc::new(CountingIds::default()),
            sealer: Arc::new(FlipSealer),
            frontend_url: "https://cinema.example".to_owned(),
            public_url: "https://api.example".to_owned(),
        }
    }

    fn like() -> NotificationCause {
        NotificationCause::CommentLike { actor: id(2), movie_id: id(3), comment_id: id(4) }
    }

    fn mail(mailed_at: Option<Instant>) -> NotificationMail {
        NotificationMail {
            id: id(9),
            kind: MailedKind::CommentLike,
            to: "ann@example.com".parse().unwrap(),
            actor_name: "Bob".to_owned(),
            movie_name: "Heat".to_owned(),
            count: 2,
            mailed_at,
            recent_mails: 0,
        }
    }

    /// Notifies about a like, with a unit of work that returns `mail` when the notification is stored. Returns the
    /// messages that were written to the outbox.
    async fn mailed(mail: Option<NotificationMail>) -> Vec<NewOutboxMessage> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut unit = MockUnit::new();
        unit.expect_push_notification()
            .times(1)
            .returning(move |_| Ok(Some(PushedNotification { id: id(9), mail: mail.clone() })));
        unit.expect_mark_notification_mailed()
            .withf(|marked, at| *marked == id(9) && *at == now())
            .returning(|_, _| Ok(()));
        let outbox = Arc::clone(&written);
        unit.expect_push_message().returning(move |message| {
            outbox.lock().unwrap().push(message);
            Ok(())
        });
        notifier().notify(&mut unit, id(1), like(), now()).await.unwrap();
        written.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn users_are_not_notified_of_their_own_actions() {
        // The mock expects no calls.
        let mut unit = MockUnit::new();
        notifier().notify(&mut unit, id(2), like(), now()).await.unwrap();
    }

    #[tokio::test]
    async fn a_wanted_mail_is_written_with_an_unsubscribe_link() {
        let written = mailed(Some(mail(None))).await;
        let [message] = written.as_slice() else { panic!("{written:?}") };
        assert_eq!((message.user_id, message.kind.as_str()), (Some(id(1)), "mail"));
        let claimed = ClaimedOutboxMessage {
            id: message.id,
            kind: message.kind.clone(),
            payload: message.payload.clone(),
            attempts: 1,
            created_at: now(),
        };
        let Ok(Message::Mail(mail)) = Message::unseal(&claimed, &FlipSealer) else {
            panic!("the message is not a mail")
        };
        assert_eq!(
            (mail.to.as_str(), mail.subject.as_str()),
            ("ann@example.com", "Your comment on Heat was liked")
        );
        assert!(mail.text.starts_with("Bob and one other like your comment on Heat.\n"), "{}", mail.text);
        let token = Unsubscription { user_id: id(1), kind: MailedKind::CommentLike }.token(&FlipSealer);
        let link = format!("https://api.example/unsubscribe?token={token}");
        assert_eq!(mail.unsubscribe_url, Some(link));
    }

    #[tokio::test]
    async fn notifications_that_are_switched_off_or_recently_mailed_are_not_mailed() {
        assert_eq!(mailed(None).await, []);
        assert_eq!(mailed(Some(mail(Some(now())))).await, []);
        let yesterday = now().checked_sub_signed(TimeDelta::days(1));
        assert_eq!(mailed(Some(mail(yesterday))).await.len(), 1);
    }

    #[tokio::test]
    async fn a_cause_that_was_notified_before_is_not_mailed() {
        let mut unit = MockUnit::new();
        unit.expect_push_notification().times(1).returning(|_| Ok(None));
        notifier().notify(&mut unit, id(1), like(), now()).await.unwrap();
    }

    #[test]
    fn a_name_that_could_be_shown_as_a_link_is_omitted_from_mails() {
        for name in ["Ann", "Ann B. Lee", "Zoë O'Hara-Łuk", "Dr. No", "Jr."] {
            assert_eq!(name_in_mail(name), name);
        }
        for name in ["win.example", "http://x", "a@b", "example.com/x", "www.x.y"] {
            assert_eq!(name_in_mail(name), "Somebody");
        }
    }
}
