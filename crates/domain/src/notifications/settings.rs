use std::str::FromStr;

use chrono::TimeDelta;

use super::{NotificationKind, UnknownNotificationKind};
use crate::{accounts::EmailAddress, id::NotificationId, time::Instant};

/// The minimum time between two mails about the same notification. It is also the length of the period to which
/// [`MAX_NOTIFICATION_MAILS`] applies.
pub const MAILED_EVERY: TimeDelta = TimeDelta::days(1);

/// The maximum number of mails about replies and likes together that a user gets in a period of [`MAILED_EVERY`]. A
/// period begins with the first mail after the end of the previous period.
pub const MAX_NOTIFICATION_MAILS: u64 = 20;

/// A kind of notification that is also sent by mail, unless its receiver has switched such mails off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailedKind {
    /// Replies to a comment.
    CommentReply,
    /// Likes of a comment.
    CommentLike,
}

impl MailedKind {
    /// The mailed kind that notifications of this kind belong to, if they are mailed.
    #[must_use]
    pub const fn of(kind: NotificationKind) -> Option<Self> {
        match kind {
            NotificationKind::CommentReply => Some(Self::CommentReply),
            NotificationKind::CommentLike => Some(Self::CommentLike),
            NotificationKind::OrderPaid
            | NotificationKind::OrderRefunded
            | NotificationKind::MovieRemovedFromCart => None,
        }
    }

    /// The kind of the notifications.
    #[must_use]
    pub const fn kind(self) -> NotificationKind {
        match self {
            Self::CommentReply => NotificationKind::CommentReply,
            Self::CommentLike => NotificationKind::CommentLike,
        }
    }
}

impl FromStr for MailedKind {
    type Err = UnknownNotificationKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::of(text.parse()?).ok_or(UnknownNotificationKind)
    }
}

/// Which notifications a user also gets by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationSettings {
    /// Mails about replies.
    pub mails_comment_reply: bool,
    /// Mails about likes.
    pub mails_comment_like: bool,
}

impl Default for NotificationSettings {
    /// Both kinds are mailed by default.
    fn default() -> Self {
        Self { mails_comment_reply: true, mails_comment_like: true }
    }
}

/// Changes to the settings; `None` keeps a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SettingsChanges {
    /// Mails about replies.
    pub mails_comment_reply: Option<bool>,
    /// Mails about likes.
    pub mails_comment_like: Option<bool>,
}

impl SettingsChanges {
    /// Switches the mails of one kind off.
    #[must_use]
    pub const fn without_mails(kind: MailedKind) -> Self {
        match kind {
            MailedKind::CommentReply => Self { mails_comment_reply: Some(false), mails_comment_like: None },
            MailedKind::CommentLike => Self { mails_comment_reply: None, mails_comment_like: Some(false) },
        }
    }
}

impl NotificationSettings {
    /// The settings with the changes.
    #[must_use]
    pub fn changed(self, changes: SettingsChanges) -> Self {
        Self {
            mails_comment_reply: changes.mails_comment_reply.unwrap_or(self.mails_comment_reply),
            mails_comment_like: changes.mails_comment_like.unwrap_or(self.mails_comment_like),
        }
    }

    /// Whether the user wants mails of this kind.
    #[must_use]
    pub const fn wants_mail(self, kind: MailedKind) -> bool {
        match kind {
            MailedKind::CommentReply => self.mails_comment_reply,
            MailedKind::CommentLike => self.mails_comment_like,
        }
    }
}

/// The content of the mail about a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationMail {
    /// The notification.
    pub id: NotificationId,
    /// The kind of the notification.
    pub kind: MailedKind,
    /// The address of the receiver.
    pub to: EmailAddress,
    /// The name of the user who acted last.
    pub actor_name: String,
    /// The name of the movie that the comment is about.
    pub movie_name: String,
    /// How many actions the notification summarizes.
    pub count: u64,
    /// When the notification was last mailed.
    pub mailed_at: Option<Instant>,
    /// How many mails about replies and likes the receiver has already got in the current period (see
    /// [`MAX_NOTIFICATION_MAILS`]).
    pub recent_mails: u64,
}

impl NotificationMail {
    /// Whether the mail is due: enough time has passed since the same notification was mailed, and the receiver has not
    /// yet got [`MAX_NOTIFICATION_MAILS`] in the current period.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.recent_mails < MAX_NOTIFICATION_MAILS
            && self.mailed_at.is_none_or(|at| now.signed_duration_since(at) >= MAILED_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    #[test]
    fn changes_keep_omitted_fields() {
        let settings = NotificationSettings::default();
        assert_eq!(settings.changed(SettingsChanges::default()), settings);
        for kind in [MailedKind::CommentReply, MailedKind::CommentLike] {
            let changed = settings.changed(SettingsChanges::without_mails(kind));
            for other in [MailedKind::CommentReply, MailedKind::CommentLike] {
                assert_eq!(changed.wants_mail(other), other != kind);
            }
        }
    }

    #[test]
    fn only_replies_and_likes_are_mailed() {
        let mailed: Vec<_> = NotificationKind::ALL.into_iter().filter_map(MailedKind::of).collect();
        assert_eq!(mailed, [MailedKind::CommentReply, MailedKind::CommentLike]);
        assert!(mailed.iter().all(|mailed| mailed.kind().as_str().parse() == Ok(*mailed)));
        assert_eq!("order_paid".parse::<MailedKind>(), Err(UnknownNotificationKind));
    }

    #[test]
    fn a_notification_is_mailed_at_most_once_a_day() {
        let now = Instant::from_timestamp(1_800_000_000, 0).unwrap();
        let mailed = |seconds| NotificationMail {
            id: Id::from_uuid(Uuid::from_u128(1)),
            kind: MailedKind::CommentLike,
            to: "ann@example.com".parse().unwrap(),
            actor_name: "Bob".to_owned(),
            movie_name: "Heat".to_owned(),
            count: 2,
            recent_mails: 0,
            mailed_at: now.checked_sub_signed(TimeDelta::seconds(seconds)),
        };
        assert!(NotificationMail { mailed_at: None, ..mailed(0) }.is_due(now));
        assert!(!mailed(86_399).is_due(now));
        assert!(mailed(86_400).is_due(now));
    }

    #[test]
    fn mails_about_replies_and_likes_share_one_limit() {
        let now = Instant::from_timestamp(1_800_000_000, 0).unwrap();
        let is_due = |kind, recent_mails| {
            NotificationMail {
                id: Id::from_uuid(Uuid::from_u128(1)),
                kind,
                to: "ann@example.com".parse().unwrap(),
                actor_name: "Bob".to_owned(),
                movie_name: "Heat".to_owned(),
                count: 1,
                mailed_at: None,
                recent_mails,
            }
            .is_due(now)
        };
        for kind in [MailedKind::CommentReply, MailedKind::CommentLike] {
            assert!(is_due(kind, MAX_NOTIFICATION_MAILS - 1), "{kind:?}");
            assert!(!is_due(kind, MAX_NOTIFICATION_MAILS), "{kind:?}");
        }
    }
}
