//! A mailer that hands mails to a mail server (RFC 5321), with STARTTLS or TLS, and a text and an HTML part.

mod connections;
mod failure;
mod html;
mod letter;
mod relay;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

use crate::{connections::Connections, letter::Sender, relay::Relay};
pub use crate::{failure::SmtpError, relay::SmtpConfigError};

/// How long the mail server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first packet to a connection that is ready for mail: greeting, TLS and login included.
    pub connect: Duration,
    /// For a whole mail, connecting included. Well under the lease of an outbox message.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// Hands mails to one mail server. A mail that is sent again has the same `Message-ID` and is the same to the byte.
pub struct SmtpMailer {
    sender: Sender,
    connections: Connections,
    total: Duration,
}

impl SmtpMailer {
    /// Reads the settings; connects at the first mail. `smtp_url` is `smtp://user:password@host:port` (port 587 when none is
    /// given; STARTTLS where the server offers it) or `smtps://…` (465; TLS from the start), user and password
    /// percent-encoded, with `?tls=required` (no mail without TLS), `?tls=none`, and `ca=/path.pem` for authorities beside
    /// the system's. `from` is an address, or `Name <address>`.
    ///
    /// # Errors
    /// When one of them cannot be used. The error says what is wrong without quoting user or password.
    pub fn new(smtp_url: &str, from: &str) -> Result<Self, SmtpConfigError> {
        Self::with_timeouts(smtp_url, from, Timeouts::default())
    }

    /// Whether `smtp_url` can be used: for who reads settings.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn check_url(smtp_url: &str) -> Result<(), SmtpConfigError> {
        Relay::parse(smtp_url).map(drop)
    }

    /// Whether mails can come `from` this address: for who reads settings.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn check_sender(from: &str) -> Result<(), SmtpConfigError> {
        Sender::parse(from).map(drop)
    }

    /// As [`SmtpMailer::new`], with other limits.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn with_timeouts(smtp_url: &str, from: &str, timeouts: Timeouts) -> Result<Self, SmtpConfigError> {
        let sender = Sender::parse(from)?;
        let relay = Relay::parse(smtp_url)?;
        let connections = Connections::new(relay, sender.domain().to_owned(), timeouts.connect);
        Ok(Self { sender, connections, total: timeouts.total })
    }

    async fn hand_over(&self, id: OutboxId, mail: &Mail) -> Result<(), SmtpError> {
        let letter = self.sender.letter(id, mail)?;
        tokio::time::timeout(self.total, self.connections.send(&letter))
            .await
            .unwrap_or(Err(SmtpError::TimedOut))
    }
}

impl fmt::Debug for SmtpMailer {
    /// The server, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("relay", self.connections.relay()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError> {
        self.hand_over(id, mail).await.map_err(|error| MailError(Box::new(error)))
    }
}
