//! Mails, and the port that sends them.

use std::error::Error;

use async_trait::async_trait;

use crate::{accounts::EmailAddress, id::OutboxId};

/// A mail, complete and ready to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The recipient.
    pub to: EmailAddress,
    /// The subject line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part; with `None` only the text is sent.
    pub html: Option<String>,
    /// The URL that unsubscribes the recipient from this kind of mail with a single POST (RFC 8058). Mailers send it
    /// in the headers `List-Unsubscribe` and `List-Unsubscribe-Post`. `None` for mails that cannot be switched off.
    pub unsubscribe_url: Option<String>,
}

impl std::fmt::Debug for Mail {
    /// Shows only the subject: address and content must not be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a mail could not be sent. Neither message nor source may contain an email address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A later attempt may succeed, for example after a timeout, after a temporary refusal (SMTP 4xx), or after an
    /// operator has corrected a setting.
    #[error("the mail could not be sent")]
    Temporary(#[source] Box<dyn Error + Send + Sync>),
    /// No later attempt can succeed: the mail was permanently refused (most SMTP 5xx), the recipient's address is not
    /// supported, or the mail cannot be built.
    #[error("the mail was refused")]
    Permanent(#[source] Box<dyn Error + Send + Sync>),
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail. MUST derive the `Message-ID` from `id`, so that receivers can recognise a mail that is sent
    /// again.
    async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError>;
}
