use domain::{
    accounts::EmailAddress,
    entropy::Sealer,
    id::{OutboxId, UserId},
    mail::Mail,
    media::MediaKey,
    outbox::{ClaimedOutboxMessage, NewOutboxMessage},
    time::Instant,
};
use serde::{Deserialize, Serialize};

/// What can wait in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A mail to send.
    Mail(Mail),
    /// Somebody asked for a new activation link for this address.
    ActivationRequested(EmailAddress),
    /// Somebody asked for a link to set a new password for this address.
    PasswordResetRequested(EmailAddress),
    /// A stored picture that the user's profile may not show, or no more: it is to be removed then.
    UnusedAvatar {
        /// Whose it was, or was to be.
        user_id: UserId,
        /// The picture.
        key: MediaKey,
    },
}

/// The message cannot be read: sealed with a lost key, or written by a newer version.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be read")]
pub struct InvalidMessage;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Wire {
    Mail { to: String, subject: String, text: String },
    ActivationRequested { email: String },
    PasswordResetRequested { email: String },
    UnusedAvatar { user_id: String, key: String },
}

impl Message {
    /// The kind of [`Message::UnusedAvatar`].
    pub(super) const UNUSED_AVATAR: &'static str = "unused_avatar";

    /// What it is, for operators.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::ActivationRequested(_) => "activation_requested",
            Self::PasswordResetRequested(_) => "password_reset_requested",
            Self::UnusedAvatar { .. } => Self::UNUSED_AVATAR,
        }
    }

    /// Makes the sealed row of it, due at once.
    #[must_use]
    pub fn seal(
        &self,
        id: OutboxId,
        dedupe_key: String,
        sealer: &dyn Sealer,
        now: Instant,
    ) -> NewOutboxMessage {
        let wire = match self {
            Self::Mail(mail) => Wire::Mail {
                to: mail.to.as_str().to_owned(),
                subject: mail.subject.clone(),
                text: mail.text.clone(),
            },
            Self::ActivationRequested(email) => {
                Wire::ActivationRequested { email: email.as_str().to_owned() }
            }
            Self::PasswordResetRequested(email) => {
                Wire::PasswordResetRequested { email: email.as_str().to_owned() }
            }
            Self::UnusedAvatar { user_id, key } => {
                Wire::UnusedAvatar { user_id: user_id.to_string(), key: key.to_string() }
            }
        };
        // Texts always serialise.
        let plain = serde_json::to_vec(&wire).unwrap_or_default();
        NewOutboxMessage {
            id,
            dedupe_key,
            kind: self.kind().to_owned(),
            user_id: None,
            payload: sealer.seal(&plain),
            available_at: now,
            created_at: now,
        }
    }

    /// Reads a row again.
    ///
    /// # Errors
    /// When it cannot be opened or understood.
    pub fn unseal(claimed: &ClaimedOutboxMessage, sealer: &dyn Sealer) -> Result<Self, InvalidMessage> {
        let plain = sealer.unseal(&claimed.payload).map_err(|_| InvalidMessage)?;
        let address = |text: String| text.parse().map_err(|_| InvalidMessage);
        Ok(match serde_json::from_slice(&plain).map_err(|_| InvalidMessage)? {
            Wire::Mail { to, subject, text } => Self::Mail(Mail { to: address(to)?, subject, text }),
            Wire::ActivationRequested { email } => Self::ActivationRequested(address(email)?),
            Wire::PasswordResetRequested { email } => Self::PasswordResetRequested(address(email)?),
            Wire::UnusedAvatar { user_id, key } => Self::UnusedAvatar {
                user_id: user_id.parse().map_err(|_| InvalidMessage)?,
                key: key.parse().map_err(|_| InvalidMessage)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;
    use crate::doubles::FlipSealer;

    fn messages() -> [Message; 4] {
        let to: EmailAddress = "Ann@Example.com".parse().unwrap();
        let mail =
            Mail { to: to.clone(), subject: "Hello".to_owned(), text: "a\n\"secret\" 💌".to_owned() };
        let (user_id, key) = (Id::from_uuid(Uuid::from_u128(7)), MediaKey::avatar(Uuid::from_u128(8)));
        [
            Message::Mail(mail),
            Message::ActivationRequested(to.clone()),
            Message::PasswordResetRequested(to),
            Message::UnusedAvatar { user_id, key },
        ]
    }

    fn sealed(message: &Message) -> ClaimedOutboxMessage {
        let id = Id::from_uuid(Uuid::from_u128(1));
        let row = message.seal(id, "key".to_owned(), &FlipSealer, Instant::default());
        ClaimedOutboxMessage { id, kind: row.kind, payload: row.payload, attempts: 1 }
    }

    #[test]
    fn every_message_reads_back_as_it_was_written() {
        for message in messages() {
            let claimed = sealed(&message);
            assert_eq!(claimed.kind, message.kind());
            let read = Message::unseal(&claimed, &FlipSealer).unwrap();
            assert_eq!(read, message);
            if let Message::Mail(Mail { to, .. })
            | Message::ActivationRequested(to)
            | Message::PasswordResetRequested(to) = read
            {
                assert_eq!(to.as_str(), "Ann@Example.com");
            }
        }
    }

    #[test]
    fn nothing_of_a_message_can_be_read_without_the_key() {
        for message in messages() {
            let payload = String::from_utf8_lossy(&sealed(&message).payload).into_owned();
            assert!(!payload.contains("xample") && !payload.contains("secret"), "{payload}");
        }
    }
}
