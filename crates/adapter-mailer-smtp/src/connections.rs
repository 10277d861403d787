use std::{
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
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{failure::SmtpError, relay::Relay};

/// How many connections are open at once: mail servers allow a client few.
const MOST: usize = 4;

/// How long a connection is kept for the next mail. Servers close theirs after minutes, and what lies between may do so
/// unseen.
const KEPT_IDLE: Duration = Duration::from_secs(30);

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
        let wrapped = match &self.relay.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            Tls::None | Tls::Opportunistic(_) | Tls::Required(_) => None,
        };
        // Time for a second address of the host, when nobody answers at the first.
        let an_address = self.connect_within.checked_div(2);
        let server = (&*self.relay.host, self.relay.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, an_address, &self.greets_as, wrapped, None)
                .await
                .map_err(while_connecting)?;
        match &self.relay.tls {
            Tls::Required(_) if !connection.can_starttls() => {
                connection.abort().await;
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
                connection.abort().await;
                return Err(SmtpError::while_logging_in(&error));
            }
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { connection, since: Instant::now() });
    }
}
