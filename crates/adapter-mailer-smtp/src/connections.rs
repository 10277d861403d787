use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::DEFAULT_MECHANISMS,
        client::{AsyncSmtpConnection, Tls},
        extension::ClientId,
        response::Severity,
    },
};
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{failure::SmtpError, relay::Relay};

/// How many connections are open at once: mail servers allow a client few.
const MOST: usize = 4;

/// How long a connection is kept for the next mail. Servers close theirs after minutes, and what lies between may do so
/// unseen.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// How long a goodbye may take.
const PARTING: Duration = Duration::from_millis(500);

/// Opens connections, and keeps them for the next mail.
///
/// **Invariant:** only a connection whose last mail was taken is kept. One that was dropped in the middle (a mail that timed
/// out, a caller that went away) would take the late answer to one command for the answer to the next; the library's own pool
/// keeps those.
pub(crate) struct Connections {
    relay: Relay,
    greets_as: ClientId,
    connect_within: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    /// Connects to nobody yet. `name` is how the server is greeted.
    pub(crate) const fn new(relay: Relay, name: String, connect_within: Duration) -> Self {
        Self {
            relay,
            greets_as: ClientId::Domain(name),
            connect_within,
            slots: Semaphore::const_new(MOST),
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(crate) const fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Hands the letter over: when this is `Ok`, the server answers for it.
    pub(crate) async fn send(&self, letter: &Message) -> Result<(), SmtpError> {
        let bytes = letter.formatted();
        // Never closed.
        let _slot = self.slots.acquire().await.map_err(|_| SmtpError::Broken)?;
        let ready = timeout(self.connect_within, self.ready()).await;
        let mut connection = ready.unwrap_or(Err(SmtpError::TimedOut))?;
        let sent = connection.send(letter.envelope(), &bytes).await;
        let reply = sent.map_err(|error| SmtpError::while_sending(&error))?;
        // The library takes 3xx too, which here is the answer to something else.
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
        let while_connecting = |error: Error| SmtpError::while_connecting(&error);
        let mut connection = self.connect().await?;
        match &self.relay.tls {
            Tls::Required(_) if !connection.can_starttls() => {
                leave(connection).await;
                return Err(SmtpError::NoStartTls);
            }
            Tls::Required(parameters) | Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.greets_as).await.map_err(while_connecting)?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.relay.credentials {
            let logged_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            if let Err(error) = logged_in {
                leave(connection).await;
                return Err(SmtpError::while_logging_in(&error));
            }
        }
        Ok(connection)
    }

    /// Connects, with TLS from the start for `smtps`.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let server = (&*self.relay.host, self.relay.port);
        // Time for a second address of the host, when nobody answers at the first.
        let an_address = self.connect_within.checked_div(2).unwrap_or_default();
        let connected = if let Tls::Wrapper(parameters) = &self.relay.tls {
            let parameters = Some(parameters.clone());
            AsyncSmtpConnection::connect_tokio1(server, Some(an_address), &self.greets_as, parameters, None)
                .await
        } else {
            let stream = prompt_stream(server, an_address).await;
            let stream = stream.map_err(|error| SmtpError::Unreachable(error.to_string()))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.greets_as).await
        };
        connected.map_err(|error| SmtpError::while_connecting(&error))
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { connection, since: Instant::now() });
    }
}

/// Says goodbye, and waits little for the answer: the reason for going must not be lost to a server that lets those wait who
/// gave a wrong password.
async fn leave(mut connection: AsyncSmtpConnection) {
    let _in_time = timeout(PARTING, connection.abort()).await;
}

/// A connection that sends at once what is written. The library writes the end of a mail by itself, and would else wait 40 ms
/// for the server to acknowledge what came before (RFC 1122 section 4.2.3.4).
async fn prompt_stream(server: (&str, u16), an_address: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host(server).await? {
        match timeout(an_address, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
