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

/// How long an idle connection is kept for the next mail. Servers close idle connections after minutes, and firewalls
/// may drop them silently.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// How long QUIT may take.
const QUIT: Duration = Duration::from_millis(500);

/// Opens connections, and reuses them for further mails.
///
/// **Invariant:** only a connection that has just delivered a mail is kept. A connection that was interrupted (a mail
/// that timed out, a cancelled caller) would mistake the late reply to one command for the reply to the next one; the
/// library's own pool keeps such connections.
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
    /// Does not connect yet. `name` is the client's name in EHLO; at most `limit` connections are open at once.
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

    /// Sends the mail to the server, which is responsible for it after `Ok`.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let bytes = message.formatted();
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.map_err(|_| SmtpError::Broken)?;
        let ready = timeout(self.connect_timeout, self.ready()).await;
        let mut connection = ready.unwrap_or(Err(SmtpError::TimedOut))?;
        let sent = connection.send(message.envelope(), &bytes).await;
        let reply = sent.map_err(|error| SmtpError::while_sending(&error))?;
        // The library also accepts 3xx, which here is the reply to another command.
        if reply.code().severity != Severity::PositiveCompletion {
            return Err(SmtpError::Broken);
        }
        self.keep(connection);
        Ok(())
    }

    async fn ready(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut idle) = self.take_idle() {
            if idle.since.elapsed() < KEPT_IDLE && idle.connection.test_connected().await {
                return Ok(idle.connection);
            }
        }
        self.open().await
    }

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

    /// Connects, with the encryption required by the settings of the relay.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        // Leaves time for a second address of the host when the first does not answer.
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
        // Also drops unread received data, since it may have been injected before the handshake.
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
        // The message is from rustls, which quotes only the server's name.
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

/// Closes the connection. Waits only shortly for the reply, so that the reason for closing is not lost when a server
/// delays clients with a wrong password.
async fn quit(mut connection: AsyncSmtpConnection) {
    let _in_time = timeout(QUIT, connection.abort()).await;
}
