//! The streams that lettre, the SMTP library, reads and writes. TLS is implemented here, because lettre's verification
//! of certificates cannot be configured as `ca` in `SMTP_URL` requires.

use std::{
    io::{self, Error},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

/// A TCP connection without TLS. It is shared, because after STARTTLS the connection must be taken back from lettre.
#[derive(Debug, Clone)]
pub(crate) struct PlainStream(Arc<Mutex<TcpStream>>);

impl PlainStream {
    /// Connects to the first address of the host that answers within `limit`. Written data is sent immediately
    /// (`TCP_NODELAY`): lettre writes the end of a mail separately, which would otherwise wait up to 40 ms for the
    /// acknowledgement of the previous data (RFC 1122 section 4.2.3.4).
    pub(crate) async fn connect(server: (&str, u16), limit: Duration) -> io::Result<Self> {
        let mut last = Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in lookup_host(server).await? {
            match timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self(Arc::new(Mutex::new(stream))));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }

    /// Returns the connection; `None` while lettre still uses it.
    pub(crate) fn into_inner(self) -> Option<TcpStream> {
        Arc::into_inner(self.0).map(|stream| stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Never blocks, because only lettre uses the stream, and only one operation at a time.
    fn lock(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for PlainStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, buf)
    }
}

impl AsyncWrite for PlainStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for PlainStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.lock().peer_addr()
    }
}

/// A TLS connection. Lettre waits for the server's greeting on every connection, but after STARTTLS the server sends
/// none (RFC 3207 section 4.2). So after STARTTLS, this stream begins with a generated greeting.
#[derive(Debug)]
pub(crate) struct EncryptedStream {
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl EncryptedStream {
    /// A connection with TLS from the first byte.
    pub(crate) const fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"", stream }
    }

    /// A connection whose TLS began with STARTTLS.
    pub(crate) const fn after_starttls(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"220 encrypted\r\n", stream }
    }
}

impl AsyncRead for EncryptedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
        buf.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EncryptedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for EncryptedStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}
