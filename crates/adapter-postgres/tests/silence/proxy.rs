//! A proxy between a client and PostgreSQL that can stop forwarding.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::copy,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The traffic of a connection that the proxy no longer forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Silence {
    Nothing,
    Answers,
    Both,
}

pub(crate) struct Proxy {
    url: String,
    silence: watch::Sender<Silence>,
    /// Whether new connections are accepted but not connected to the server.
    takes_none: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy for the database server in this URL. The proxy runs until the test's runtime ends.
    pub(crate) async fn before(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let server: SocketAddr = server.parse().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("{before}@{}/{database}", listener.local_addr().unwrap());
        let (silence, falling_silent) = watch::channel(Silence::Nothing);
        let takes_none = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&takes_none);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if is_closed.load(Ordering::SeqCst) {
                    tokio::spawn(async move {
                        let _kept_open = client;
                        pending::<()>().await;
                    });
                } else {
                    tokio::spawn(pass_on(client, server, falling_silent.clone()));
                }
            }
        });
        Self { url, silence, takes_none }
    }

    /// The URL of the database through the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops forwarding in both directions on existing connections.
    pub(crate) fn silence(&self) {
        self.silence.send_replace(Silence::Both);
    }

    /// Stops forwarding the server's answers on existing connections. Requests still reach the server.
    pub(crate) fn lose_answers(&self) {
        self.silence.send_replace(Silence::Answers);
    }

    /// Like [`Proxy::silence`]. `takes_none` determines whether new connections also get no answers from now on.
    pub(crate) fn silence_all_to_come(&self, takes_none: bool) {
        self.takes_none.store(takes_none, Ordering::SeqCst);
        self.silence();
    }
}

async fn pass_on(client: TcpStream, server: SocketAddr, mut silence: watch::Receiver<Silence>) {
    // An earlier silence does not affect this new connection.
    silence.mark_unchanged();
    let server = TcpStream::connect(server).await.unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = passed_until(silence.clone(), Silence::Answers, copy(&mut from_server, &mut to_client));
    let questions = passed_until(silence, Silence::Both, copy(&mut from_client, &mut to_server));
    // When the client or the server closes its connection, the proxy closes both connections.
    tokio::select! {
        () = answers => {}
        () = questions => {}
    }
}

/// Forwards bytes and returns when the sender closes the connection. If a silence of at least `least` begins before
/// that, stops forwarding and never returns, so that the connection stays open.
async fn passed_until(
    mut silence: watch::Receiver<Silence>,
    least: Silence,
    passing: impl Future<Output = io::Result<u64>>,
) {
    let fallen_silent = async {
        while silence.changed().await.is_ok() {
            if *silence.borrow_and_update() >= least {
                break;
            }
        }
    };
    tokio::select! {
        // The silence is checked first, so that bytes that have already arrived are not forwarded.
        biased;
        () = fallen_silent => pending().await,
        _ = passing => {}
    }
}
