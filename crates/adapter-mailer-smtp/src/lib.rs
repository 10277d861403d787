//! A mailer that sends mails through a mail server (SMTP, RFC 5321), with STARTTLS, with TLS, or unencrypted. A mail
//! with an HTML part is sent as `multipart/alternative`.

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

/// The time limits for the mail server, and the maximum number of connections to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The time limit until a connection is ready to send a mail. It includes the check of idle connections and, for
    /// a new connection, greeting, TLS and login.
    pub connect: Duration,
    /// The time limit for sending a mail, including connecting. It must be much shorter than `domain::outbox::LEASE`,
    /// the time for which a worker reserves a mail. Otherwise, another worker could send the mail again.
    pub total: Duration,
    /// The maximum number of open connections; 0 counts as 1. It should be at least the number of mails that are sent
    /// at once, because the wait for a free connection counts towards `total`.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10), connections: 4 }
    }
}

/// Sends mails through a mail server. If a mail is sent again, it has the same `Message-ID` and the same bytes.
pub struct SmtpMailer {
    sender: Sender,
    connections: Connections,
    total: Duration,
}

impl SmtpMailer {
    /// Parses the settings. Does not connect.
    ///
    /// `smtp_url` is `smtp://user:password@host:port` (port 587 by default; STARTTLS when the server offers it) or
    /// `smtps://…` (port 465 by default; TLS from the start). User and password are percent-encoded. With `smtp`, the
    /// parameter `tls=required` requires TLS, and `tls=none` turns TLS off; the default is `tls=opportunistic`.
    /// `ca=/path.pem` names a file with certificates to trust in addition to the root certificates of this machine:
    /// certificates of authorities, or the server's own certificate.
    ///
    /// `from` is an address, or `Name <address>`.
    ///
    /// # Errors
    /// When `smtp_url` or `from` cannot be used. The error quotes neither user nor password.
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
    /// When `smtp_url` cannot be used. The error quotes neither user nor password.
    pub fn check_url(smtp_url: &str) -> Result<(), SmtpConfigError> {
        Relay::parse(smtp_url).map(drop)
    }

    /// Checks that `from` can be used as the sender.
    ///
    /// # Errors
    /// When `from` cannot be used.
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
