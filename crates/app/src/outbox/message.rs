use domain::{
    accounts::EmailAddress,
    entropy::Sealer,
    id::OutboxId,
    mail::Mail,
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
}

impl Message {
    /// What it is, for operators.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::ActivationRequested(_) => "activation_requested",
            Self::PasswordResetRequested(_) => "password_reset_requested",
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
        };
        // Texts always serialise.
        let plain = serde_json::to_vec(&wire).unwrap_or_default();
        NewOutboxMessage {
            id,
            dedupe_key,
            kind: self.kind().to_owned(),
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
        })
    }
}
