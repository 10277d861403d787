//! A mailer that hands mails to a mail server (RFC 5321), with STARTTLS or TLS. A mail with an HTML part is sent as
//! `multipart/alternative`.

mod connections;
mod failure;
mod message;
mod relay;
mod stream;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

use crate::{connections::Connections, message::Sender, relay::Relay};
pub use crate::{failure::SmtpError, relay::SmtpConfigError};

/// How long the mail server may take, and how many connections it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first packet to a connection that is ready for mail: greeting, TLS and login included.
    pub connect: Duration,
    /// For a whole mail, connecting included. Well under the lease of an outbox message.
    pub total: Duration,
    /// How many connections are open at once. A mail that has to wait for one waits within `total`: not less than how many
    /// mails are sent at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10), connections: 4 }
    }
}

/// Hands mails to one mail server. A mail that is sent again has the same `Message-ID` and is the same to the byte.
pub struct SmtpMailer {
    sender: Sender,
    connections: Connections,
    total: Duration,
}

impl SmtpMailer {
    /// Reads the settings; connects when the first mail is sent. `smtp_url` is `smtp://user:password@host:port` (port 587 by
    /// default; STARTTLS when the server offers it) or `smtps://…` (465; TLS from the start), user and password
    /// percent-encoded, with `?tls=required` (no mail without TLS), `?tls=none`, and `ca=/path.pem` for certificates to trust
    /// beside the system's: of authorities, or the server's own. `from` is an address, or `Name <address>`.
    ///
    /// # Errors
    /// When one of them cannot be used. The error says what is wrong without quoting user or password.
    pub fn new(smtp_url: &str, from: &str, limits: Limits) -> Result<Self, SmtpConfigError> {
        let sender = Sender::parse(from)?;
        let relay = Relay::parse(smtp_url)?;
        let name = sender.domain().to_owned();
        let connections = Connections::new(relay, name, limits.connect, limits.connections.max(1));
        Ok(Self { sender, connections, total: limits.total })
    }

    /// Whether `smtp_url` can be used: for readers of settings.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn check_url(smtp_url: &str) -> Result<(), SmtpConfigError> {
        Relay::parse(smtp_url).map(drop)
    }

    /// Whether `from` can be a sender: for readers of settings.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn check_sender(from: &str) -> Result<(), SmtpConfigError> {
        Sender::parse(from).map(drop)
    }

    async fn hand_over(&self, id: OutboxId, mail: &Mail) -> Result<(), SmtpError> {
        let message = self.sender.message(id, mail)?;
        tokio::time::timeout(self.total, self.connections.send(&message))
            .await
            .unwrap_or(Err(SmtpError::TimedOut))
    }
}

impl fmt::Debug for SmtpMailer {
    /// Shows the server, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("relay", self.connections.relay()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError> {
        Ok(self.hand_over(id, mail).await?)
    }
}
