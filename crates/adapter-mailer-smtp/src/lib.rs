//! A mailer that sends mails through a mail server (RFC 5321), with STARTTLS or TLS. A mail with an HTML part is sent
//! as `multipart/alternative`.

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

/// The time limits for the mail server, and the number of connections to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The time limit for a new connection, until it is ready to send mail, including greeting, TLS and login.
    pub connect: Duration,
    /// The time limit for sending a mail, including connecting. It must be well under the lease of an outbox message.
    pub total: Duration,
    /// The maximum number of open connections. It should not be less than the number of mails sent at once, since the
    /// wait for a connection counts towards `total`.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10), connections: 4 }
    }
}

/// Sends mails through one mail server. A mail that is sent again has the same `Message-ID` and the same bytes.
pub struct SmtpMailer {
    sender: Sender,
    connections: Connections,
    total: Duration,
}

impl SmtpMailer {
    /// Reads the settings without connecting.
    ///
    /// `smtp_url` is `smtp://user:password@host:port` (port 587 by default; STARTTLS when the server offers it) or `smtps://…`
    /// (port 465; TLS from the start). User and password are percent-encoded. The parameter `tls=required` requires TLS, and
    /// `tls=none` turns it off. `ca=/path.pem` names a file of certificates to trust in addition to the system's: those
    /// of authorities, or the server's own certificate.
    ///
    /// `from` is an address, or `Name <address>`.
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

    /// Checks `smtp_url` without connecting.
    ///
    /// # Errors
    /// As [`SmtpMailer::new`].
    pub fn check_url(smtp_url: &str) -> Result<(), SmtpConfigError> {
        Relay::parse(smtp_url).map(drop)
    }

    /// Checks that `from` can be the sender.
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
