//! A mail server that sends scripted replies, and records what it receives.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rcgen::{CertificateParams, IsCa, KeyPair};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::Notify,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// If a script contains this text as a reply, the server sends no reply and keeps the connection open.
pub(crate) const SILENCE: &str = "silence";

/// If a script contains this text as a reply, the server sends no reply and closes the connection.
pub(crate) const HANG_UP: &str = "hang up";

/// If [`Script::replies`] contains this text as a command, its reply replaces the greeting.
pub(crate) const GREETING: &str = "greeting";

/// How the server behaves.
#[derive(Default)]
pub(crate) struct Script {
    /// The extensions that the server offers in its reply to EHLO.
    pub(crate) offers: &'static [&'static str],
    /// Pairs of the beginning of a command and the reply to this command, which replaces the usual reply. The command
    /// `.` is the end of a mail. Each pair is used at most once.
    pub(crate) replies: &'static [(&'static str, &'static str)],
    /// The certificate for TLS, and whether TLS begins with the first byte.
    pub(crate) tls: Option<(Identity, bool)>,
}

/// A self-signed certificate for 127.0.0.1.
#[derive(Clone)]
pub(crate) struct Identity {
    acceptor: TlsAcceptor,
    /// The certificate, for clients that should trust it.
    pub(crate) pem: String,
}

impl Identity {
    /// Creates a new certificate. With `IsCa::Ca`, it is like a certificate that `openssl req -x509` creates.
    pub(crate) fn new(is_ca: IsCa) -> Self {
        let signing_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&signing_key).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: certificate.pem() }
    }
}

/// A mail server, which runs until the test's runtime ends.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    offers: &'static [&'static str],
    tls: Option<(Identity, bool)>,
    replies: Mutex<VecDeque<(&'static str, &'static str)>>,
    heard: Mutex<Vec<String>>,
    mails: Mutex<Vec<String>>,
    fell_silent: Notify,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            offers: script.offers,
            tls: script.tls,
            replies: Mutex::new(script.replies.iter().copied().collect()),
            heard: Mutex::default(),
            mails: Mutex::default(),
            fell_silent: Notify::new(),
        });
        let shared = state.clone();
        tokio::spawn(async move {
            for number in 1_u32.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Session { number, state: shared.clone() }.begin(Box::new(stream)));
            }
        });
        Self { address, state }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// All received lines that are not part of a mail, and `(encrypted)` after STARTTLS, each preceded by the number of
    /// its connection (from 1).
    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.heard.lock().unwrap().clone()
    }

    /// The received mails, as they were sent.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.state.mails.lock().unwrap().clone()
    }

    /// Waits until the server has reached a scripted [`SILENCE`].
    pub(crate) async fn fell_silent(&self) {
        self.state.fell_silent.notified().await;
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

type Wire = BufReader<Box<dyn Stream>>;

struct Session {
    number: u32,
    state: Arc<State>,
}

impl Session {
    async fn begin(self, stream: Box<dyn Stream>) {
        let wire = match &self.state.tls {
            Some((identity, true)) => encrypted(identity, stream).await,
            _ => Some(BufReader::new(stream)),
        };
        if let Some(mut wire) = wire
            && self.say(&mut wire, GREETING, "220 test.example ESMTP").await.is_some()
        {
            // Returns when the client quits or disconnects, or when the script closes the connection.
            let _ended = self.converse(wire).await;
        }
    }

    async fn converse(&self, mut wire: Wire) -> Option<()> {
        loop {
            let command = self.hear(&mut wire).await?;
            let verb = command.split(' ').next().unwrap_or_default();
            match verb {
                "EHLO" => {
                    let mut lines = vec!["250-test.example".to_owned()];
                    lines.extend(self.state.offers.iter().map(|offer| format!("250-{offer}")));
                    lines.push("250 HELP".to_owned());
                    self.say(&mut wire, &command, &lines.join("\r\n")).await?;
                }
                "STARTTLS" => {
                    if !self.says_usual(&mut wire, &command, "220 go ahead").await? {
                        continue;
                    }
                    let (identity, _) = self.state.tls.as_ref()?;
                    wire = encrypted(identity, wire.into_inner()).await?;
                    self.note("(encrypted)");
                }
                "AUTH" if command == "AUTH LOGIN" => {
                    self.say(&mut wire, "user", "334 VXNlcm5hbWU6").await?;
                    self.hear(&mut wire).await?;
                    self.say(&mut wire, "password", "334 UGFzc3dvcmQ6").await?;
                    self.hear(&mut wire).await?;
                    self.say(&mut wire, &command, "235 welcome").await?;
                }
                "AUTH" => self.say(&mut wire, &command, "235 welcome").await?,
                "DATA" => {
                    if !self.says_usual(&mut wire, &command, "354 go on").await? {
                        continue;
                    }
                    let mail = mail(&mut wire).await?;
                    self.state.mails.lock().unwrap().push(mail);
                    self.say(&mut wire, ".", "250 taken").await?;
                }
                "QUIT" => {
                    self.say(&mut wire, &command, "221 bye").await?;
                    return None;
                }
                _ => self.say(&mut wire, &command, "250 well").await?,
            }
        }
    }

    async fn hear(&self, wire: &mut Wire) -> Option<String> {
        let line = line(wire).await?;
        let line = line.trim_end().to_owned();
        self.note(&line);
        Some(line)
    }

    fn note(&self, line: &str) {
        self.state.heard.lock().unwrap().push(format!("{} {line}", self.number));
    }

    async fn say(&self, wire: &mut Wire, command: &str, usual: &str) -> Option<()> {
        self.says_usual(wire, command, usual).await.map(|_| ())
    }

    /// Sends the scripted reply to a command, or the usual reply if the script has none. Returns whether the usual
    /// reply was sent; `None` when the connection must be closed. Never returns if the script contains [`SILENCE`].
    async fn says_usual(&self, wire: &mut Wire, command: &str, usual: &str) -> Option<bool> {
        let reply = {
            let mut replies = self.state.replies.lock().unwrap();
            let scripted = replies.iter().position(|(begin, _)| command.starts_with(begin));
            scripted.and_then(|index| replies.remove(index)).map_or(usual, |(_, reply)| reply).to_owned()
        };
        match &*reply {
            SILENCE => {
                self.state.fell_silent.notify_one();
                std::future::pending().await
            }
            HANG_UP => None,
            reply => {
                wire.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
                Some(reply == usual)
            }
        }
    }
}

async fn encrypted(identity: &Identity, stream: Box<dyn Stream>) -> Option<Wire> {
    let stream: Box<dyn Stream> = Box::new(identity.acceptor.accept(stream).await.ok()?);
    Some(BufReader::new(stream))
}

async fn line(wire: &mut Wire) -> Option<String> {
    let mut line = String::new();
    let length = wire.read_line(&mut line).await.ok()?;
    (length > 0).then_some(line)
}

/// Reads a mail up to the line that contains only a dot. Line ends are kept.
async fn mail(wire: &mut Wire) -> Option<String> {
    let mut mail = String::new();
    loop {
        let line = line(wire).await?;
        if line == ".\r\n" {
            return Some(mail);
        }
        mail.push_str(&line);
    }
}
