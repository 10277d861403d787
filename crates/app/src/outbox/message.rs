use domain::{
    accounts::EmailAddress,
    entropy::Sealer,
    id::{MovieId, OutboxId, PosterId, UserId},
    mail::Mail,
    media::MediaKey,
    outbox::{ClaimedOutboxMessage, NewOutboxMessage},
    time::Instant,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message in the outbox.
///
/// Messages are stored as JSON with the name of the variant as `kind`. Rows that an older version wrote must stay
/// readable: never rename a variant or a field, and give a new field a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// A mail to send.
    Mail(#[serde(with = "StoredMail")] Mail),
    /// A new activation link was requested.
    ActivationRequested {
        /// The email address that was typed.
        #[serde(with = "email_address")]
        email: EmailAddress,
    },
    /// A link to set a new password was requested.
    PasswordResetRequested {
        /// The email address that was typed.
        #[serde(with = "email_address")]
        email: EmailAddress,
    },
    /// A stored avatar that is possibly unused. It is removed unless the user's profile uses it.
    UnusedAvatar {
        /// The user of the avatar.
        #[serde(with = "display")]
        user_id: UserId,
        /// The avatar.
        #[serde(with = "display")]
        key: MediaKey,
    },
    /// A stored poster that is possibly unused. It is removed unless the movie uses it.
    UnusedPoster {
        /// The movie of the poster.
        #[serde(with = "display")]
        movie_id: MovieId,
        /// The poster.
        #[serde(with = "display")]
        poster_id: PosterId,
        /// The largest width in which the poster is stored, in pixels.
        width: u32,
    },
}

/// The message cannot be read, for example because it was encrypted with a lost key or written by a newer version.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be read")]
pub struct InvalidMessage;

impl Message {
    /// Creates the outbox row of the message, with an encrypted payload. The row is due immediately.
    #[must_use]
    pub fn seal(
        &self,
        id: OutboxId,
        dedupe_key: String,
        sealer: &dyn Sealer,
        now: Instant,
    ) -> NewOutboxMessage {
        // Messages consist of texts and whole numbers, which can always be serialized.
        let json = serde_json::to_value(self).unwrap_or_default();
        let kind = json.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        NewOutboxMessage {
            id,
            dedupe_key,
            kind,
            user_id: None,
            payload: sealer.seal(json.to_string().as_bytes()),
            available_at: now,
            created_at: now,
        }
    }

    /// Returns whether the message is retried without limit, because an unused stored picture would otherwise never be
    /// removed.
    pub(super) const fn is_never_given_up(&self) -> bool {
        matches!(self, Self::UnusedAvatar { .. } | Self::UnusedPoster { .. })
    }

    /// Decrypts and parses the payload of a claimed row.
    ///
    /// # Errors
    /// When the payload cannot be decrypted or parsed.
    pub fn unseal(claimed: &ClaimedOutboxMessage, sealer: &dyn Sealer) -> Result<Self, InvalidMessage> {
        let json = sealer.unseal(&claimed.payload).map_err(|_| InvalidMessage)?;
        serde_json::from_slice(&json).map_err(|_| InvalidMessage)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Mail")]
struct StoredMail {
    #[serde(with = "email_address")]
    to: EmailAddress,
    subject: String,
    text: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    unsubscribe_url: Option<String>,
}

/// Serializes an email address as it was typed.
mod email_address {
    use domain::accounts::EmailAddress;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(address: &EmailAddress, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(address.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<EmailAddress, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Serializes a value as its `Display` text.
mod display {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;
    use crate::doubles::FlipSealer;

    fn mail() -> Mail {
        Mail {
            to: "Ann@Example.com".parse().unwrap(),
            subject: "Hello".to_owned(),
            text: "a\n\"secret\" 💌".to_owned(),
            html: Some("<p>secret</p>".to_owned()),
            unsubscribe_url: Some("https://cinema.example/unsubscribe?token=secret".to_owned()),
        }
    }

    /// Messages of each kind, with the name of the kind, and the JSON that earlier versions of the program stored.
    fn messages() -> [(Message, &'static str, &'static str); 6] {
        let email: EmailAddress = "Ann@Example.com".parse().unwrap();
        let (user_id, key) = (Id::from_uuid(Uuid::from_u128(7)), MediaKey::avatar(Uuid::from_u128(8)));
        [
            (
                Message::Mail(Mail { html: None, unsubscribe_url: None, ..mail() }),
                "mail",
                r#"{"kind":"mail","to":"Ann@Example.com","subject":"Hello","text":"a\n\"secret\" 💌"}"#,
            ),
            (
                Message::Mail(mail()),
                "mail",
                r#"{"kind":"mail","to":"Ann@Example.com","subject":"Hello","text":"a\n\"secret\" 💌",
                    "html":"<p>secret</p>","unsubscribe_url":"https://cinema.example/unsubscribe?token=secret"}"#,
            ),
            (
                Message::ActivationRequested { email: email.clone() },
                "activation_requested",
                r#"{"kind":"activation_requested","email":"Ann@Example.com"}"#,
            ),
            (
                Message::PasswordResetRequested { email },
                "password_reset_requested",
                r#"{"kind":"password_reset_requested","email":"Ann@Example.com"}"#,
            ),
            (
                Message::UnusedAvatar { user_id, key },
                "unused_avatar",
                r#"{"kind":"unused_avatar","user_id":"00000000-0000-0000-0000-000000000007",
                    "key":"avatars/00000000-0000-0000-0000-000000000008.jpg"}"#,
            ),
            (
                Message::UnusedPoster {
                    movie_id: Id::from_uuid(Uuid::from_u128(9)),
                    poster_id: Id::from_uuid(Uuid::from_u128(10)),
                    width: 500,
                },
                "unused_poster",
                r#"{"kind":"unused_poster","movie_id":"00000000-0000-0000-0000-000000000009",
                    "poster_id":"00000000-0000-0000-0000-00000000000a","width":500}"#,
            ),
        ]
    }

    fn claimed(kind: String, payload: Vec<u8>) -> ClaimedOutboxMessage {
        ClaimedOutboxMessage {
            id: Id::from_uuid(Uuid::from_u128(1)),
            kind,
            payload,
            attempts: 1,
            created_at: Instant::default(),
        }
    }

    fn sealed(message: &Message) -> ClaimedOutboxMessage {
        let id = Id::from_uuid(Uuid::from_u128(1));
        let row = message.seal(id, "key".to_owned(), &FlipSealer, Instant::default());
        claimed(row.kind, row.payload)
    }

    /// Asserts that both messages are equal in every part, including the spelling of email addresses,
    /// which `==` ignores.
    fn assert_same(one: &Message, other: &Message) {
        let [one, other] = [one, other].map(|message| serde_json::to_value(message).unwrap());
        assert_eq!(one, other);
    }

    #[test]
    fn every_message_reads_back_as_it_was_written() {
        for (message, kind, _) in messages() {
            let claimed = sealed(&message);
            assert_eq!(claimed.kind, kind);
            assert_same(&Message::unseal(&claimed, &FlipSealer).unwrap(), &message);
        }
    }

    #[test]
    fn data_of_earlier_versions_can_be_read() {
        for (message, kind, stored) in messages() {
            let claimed = claimed(kind.to_owned(), FlipSealer.seal(stored.as_bytes()));
            assert_same(&Message::unseal(&claimed, &FlipSealer).unwrap(), &message);
        }
    }

    #[test]
    fn fields_added_by_a_newer_version_are_ignored() {
        let stored = r#"{"kind":"activation_requested","email":"ann@example.com","language":"de"}"#;
        let claimed = claimed("activation_requested".to_owned(), FlipSealer.seal(stored.as_bytes()));
        assert!(Message::unseal(&claimed, &FlipSealer).is_ok());
    }

    #[test]
    fn a_message_cannot_be_read_without_the_key() {
        for (message, ..) in messages() {
            let payload = String::from_utf8_lossy(&sealed(&message).payload).into_owned();
            assert!(!payload.contains("xample") && !payload.contains("secret"), "{payload}");
        }
    }
}
