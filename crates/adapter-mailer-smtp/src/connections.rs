use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::DEFAULT_MECHANISMS,
        client::{AsyncSmtpConnection, AsyncTokioStream},
        commands::Starttls,
        extension::ClientId,
        response::Severity,
    },
};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_rustls::client::TlsStream;

use crate::{
    failure::SmtpError,
    relay::{Relay, Security},
    stream::{EncryptedStream, PlainStream},
};

/// How long an idle connection is kept open for the next mail. The limit is short, because servers close connections
/// that are idle for some minutes, and firewalls may drop idle connections silently.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// The time limit for QUIT.
const QUIT: Duration = Duration::from_millis(500);

/// Opens connections to the mail server, and reuses them for later mails.
///
/// **Invariant:** only a connection that has just delivered a mail is kept. After an interruption (a timeout, a
/// cancelled caller), the late reply to one command could be taken for the reply to the next command. The connection
/// pool of lettre, the SMTP library, is not used, because it also keeps connections whose use was interrupted.
pub(crate) struct Connections {
    relay: Relay,
    hello: ClientId,
    connect_timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    /// Creates an empty set of connections, without connecting. `name` is the client's name in EHLO, and `limit` the
    /// maximum number of open connections.
    pub(crate) const fn new(relay: Relay, name: String, connect_timeout: Duration, limit: usize) -> Self {
        Self {
            relay,
            hello: ClientId::Domain(name),
            connect_timeout,
            permits: Semaphore::const_new(limit),
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(crate) const fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Sends the mail to the server. After `Ok`, the server is responsible for delivering the mail.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let bytes = message.formatted();
        // Never fails, because the semaphore is never closed.
        let _permit = self.permits.acquire().await.map_err(|_| SmtpError::Broken)?;
        let ready = timeout(self.connect_timeout, self.ready()).await;
        let mut connection = ready.unwrap_or(Err(SmtpError::TimedOut))?;
        let sent = connection.send(message.envelope(), &bytes).await;
        let reply = sent.map_err(|error| SmtpError::while_sending(&error))?;
        // The SMTP library also accepts a 3xx reply, but after a mail, 3xx can only be the reply to another command.
        if reply.code().severity != Severity::PositiveCompletion {
            return Err(SmtpError::Broken);
        }
        self.keep(connection);
        Ok(())
    }

    /// Returns an idle connection that still works, or opens a new one.
    async fn ready(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut idle) = self.take_idle() {
            if idle.since.elapsed() < KEPT_IDLE && idle.connection.test_connected().await {
                return Ok(idle.connection);
            }
        }
        self.open().await
    }

    /// Connects, and logs in if `SMTP_URL` has a user and password.
    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.relay.credentials {
            let logged_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            if let Err(error) = logged_in {
                quit(connection).await;
                return Err(SmtpError::while_logging_in(&error));
            }
        }
        Ok(connection)
    }

    /// Connects, and begins TLS as the settings of the relay require.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        // Half of the time limit, so that there is time for the host's second address if the first one does not answer.
        let an_address = self.connect_timeout.checked_div(2).unwrap_or_default();
        let plain = PlainStream::connect((&self.relay.host, self.relay.port), an_address).await;
        let plain = plain.map_err(|error| SmtpError::Unreachable(error.to_string()))?;
        if self.relay.security == Security::Implicit {
            return self.greet(EncryptedStream::new(self.encrypt(plain).await?)).await;
        }
        let mut connection = self.greet(plain.clone()).await?;
        match (self.relay.security, connection.can_starttls()) {
            (Security::None, _) | (Security::Opportunistic, false) => return Ok(connection),
            (Security::Required, false) => {
                quit(connection).await;
                return Err(SmtpError::NoStartTls);
            }
            _ => {}
        }
        if let Err(error) = connection.command(Starttls).await {
            quit(connection).await;
            return Err(SmtpError::while_connecting(&error));
        }
        // Releases the plain stream, so that `encrypt` can take it. Also discards the received data in lettre's
        // buffer, because an attacker may have injected it before the TLS handshake.
        drop(connection);
        self.greet(EncryptedStream::after_starttls(self.encrypt(plain).await?)).await
    }

    async fn greet(&self, stream: impl AsyncTokioStream + 'static) -> Result<AsyncSmtpConnection, SmtpError> {
        let connected = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await;
        connected.map_err(|error: Error| SmtpError::while_connecting(&error))
    }

    async fn encrypt(&self, plain: PlainStream) -> Result<TlsStream<TcpStream>, SmtpError> {
        let stream = plain.into_inner().ok_or(SmtpError::Broken)?;
        let encrypted = self.relay.tls()?.connect(self.relay.server_name()?, stream).await;
        // The message of rustls quotes at most the names of the server and of its certificate, so it is safe to log.
        encrypted.map_err(|error| SmtpError::Unreachable(error.to_string()))
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { connection, since: Instant::now() });
    }
}

/// Closes the connection with QUIT. Waits only briefly for the reply: some servers delay their replies after a wrong
/// password. Waiting longer could exceed the time limit for connecting, and a timeout would be reported instead of the
/// actual error.
async fn quit(mut connection: AsyncSmtpConnection) {
    let _in_time = timeout(QUIT, connection.abort()).await;
}
