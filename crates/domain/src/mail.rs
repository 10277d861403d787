//! Mails, and the port that sends them.

use async_trait::async_trait;

use crate::{accounts::EmailAddress, id::OutboxId};

/// A mail, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it goes to.
    pub to: EmailAddress,
    /// The subject line.
    pub subject: String,
    /// The plain text.
    pub text: String,
}

impl std::fmt::Debug for Mail {
    /// Neither address nor text: both may not stand in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The mail could not be handed over this time.
#[derive(Debug, thiserror::Error)]
#[error("the mail could not be sent")]
pub struct MailError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Hands mails over to what delivers them.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail. MUST derive the `Message-ID` from `id`, so that a mail that has to be sent again is known as the
    /// same one.
    async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError>;
}
