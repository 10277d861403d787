//! The stream between the HTTP library and the socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{
    AnswerMemory, Connection, ConnectionPermit, Timeouts, alarm::Alarm, connection::State,
    write_progress::WriteProgress,
};

/// While no bytes may be passed on, such as while a request is being answered, bytes of the client are read and kept
/// only until there are at least this many. They are read only to detect that the client has disconnected.
const READ_AHEAD: usize = 1024;

/// The number of bytes after which the stream pauses, so that the HTTP library processes what it has read. The library
/// reads as long as there are bytes, and would otherwise buffer a whole body for each connection.
const READ_AT_ONCE: usize = 8 * 1024;

/// The stream of a connection, which limits each wait for the client, and passes on one request at a time.
///
/// - If the client is too slow to send, the stream ends as if the client had closed it.
/// - If the client is too slow to read, writing fails with [`io::ErrorKind::TimedOut`].
/// - The bytes after a request are passed on only when the request was answered, because HTTP libraries that decode
///   pipelined requests before they answer them may confuse the answers.
#[derive(Debug)]
pub struct TimedStream<S> {
    io: S,
    connection: Connection,
    timeouts: Timeouts,
    read_alarm: Alarm,
    write_alarm: Alarm,
    progress: WriteProgress,
    /// The number of bytes that were passed on since the last pause.
    passed_on: usize,
    _permit: Option<ConnectionPermit>,
}

impl<S> TimedStream<S> {
    /// Wraps a new connection. The permit is released when the stream is dropped.
    pub fn new(io: S, timeouts: Timeouts, memory: AnswerMemory, permit: Option<ConnectionPermit>) -> Self {
        Self {
            io,
            connection: Connection::new(timeouts, memory),
            timeouts,
            read_alarm: Alarm::default(),
            write_alarm: Alarm::default(),
            progress: WriteProgress::new(&timeouts),
            passed_on: 0,
            _permit: permit,
        }
    }

    /// The handle by which the server must notify the stream of each request: see [`Connection::begin`].
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }
}

impl<S: AsyncRead + Unpin> TimedStream<S> {
    /// Reads bytes that may be passed on now into `buf`. Returns `false` when there are none yet, and `true` without
    /// bytes at the end of the stream.
    fn read(&mut self, state: &mut State, buf: &mut ReadBuf<'_>, cx: &mut Context<'_>) -> io::Result<bool> {
        loop {
            if !state.ahead.is_empty() {
                if state.take_ahead(buf.remaining(), |bytes| buf.put_slice(bytes)) > 0 {
                    return Ok(true);
                }
                if state.is_at_end || state.ahead.len() >= READ_AHEAD {
                    return Ok(false);
                }
            }
            if state.is_at_end {
                return Ok(true);
            }
            let is_read = if state.wants_bytes() {
                self.read_wanted(state, buf, cx)
            } else {
                self.read_ahead(state, cx)
            };
            match is_read {
                Poll::Pending => return Ok(false),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(Progress::HandedOver)) => return Ok(true),
                Poll::Ready(Ok(Progress::KeptOrAtEnd)) => {}
            }
        }
    }

    /// Reads bytes from the socket into `buf`. Bytes that must not be passed on yet are moved to `ahead`.
    fn read_wanted(
        &mut self,
        state: &mut State,
        buf: &mut ReadBuf<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Progress>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            state.is_at_end = true;
            return Poll::Ready(Ok(Progress::KeptOrAtEnd));
        }
        let count = state.read(new);
        state.ahead.extend_from_slice(new.get(count..).unwrap_or_default());
        buf.set_filled(before.saturating_add(count));
        Poll::Ready(Ok(if count > 0 { Progress::HandedOver } else { Progress::KeptOrAtEnd }))
    }

    /// Reads bytes that must not be passed on yet from the socket into `ahead`.
    fn read_ahead(&mut self, state: &mut State, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let mut bytes = [0; READ_AHEAD];
        let mut buf = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        if buf.filled().is_empty() {
            state.is_at_end = true;
        }
        state.ahead.extend_from_slice(buf.filled());
        Poll::Ready(Ok(Progress::KeptOrAtEnd))
    }
}

/// The result of a read from the socket.
enum Progress {
    /// Bytes were passed on.
    HandedOver,
    /// All bytes were kept for later, or the client has closed its side.
    KeptOrAtEnd,
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let passed_on = std::mem::take(&mut this.passed_on);
        if passed_on >= READ_AT_ONCE {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let connection = this.connection.clone();
        connection.with(|state| {
            if this.read(state, buf, cx)? {
                let new = buf.filled().len().saturating_sub(before);
                this.passed_on = passed_on.saturating_add(new);
                return Poll::Ready(Ok(()));
            }
            if state.deadline().is_some_and(|deadline| this.read_alarm.has_passed(deadline, cx)) {
                tracing::debug!(waited_for = state.waits_for(), "a client was too slow to send");
                state.end();
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

impl<S: AsyncWrite + Unpin> TimedStream<S> {
    /// Waits for the client to read. Fails when the client's time is used up.
    fn wait_to_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (since, end) = self.progress.wait();
        let (holds_memory, is_tight) = self.connection.with(|state| (state.holds_memory(), state.is_tight()));
        let sooner = since.checked_add(self.timeouts.write_when_tight).unwrap_or(since).min(end);
        let deadline = if is_tight { sooner } else { end };
        // If the memory of the answer is counted, the task wakes up periodically to check whether memory has become
        // tight.
        let look_again = || Instant::now().checked_add(self.timeouts.write_when_tight);
        let wake_at = look_again().filter(|_| holds_memory).map_or(deadline, |at| at.min(deadline));
        if Instant::now() < deadline && !self.write_alarm.has_passed(wake_at, cx) {
            return Poll::Pending;
        }
        tracing::debug!(is_tight, "a client was too slow to read");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Pending => this.wait_to_write(cx),
            Poll::Ready(Ok(count)) => {
                this.progress.advance(count, &this.timeouts);
                Poll::Ready(Ok(count))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            Poll::Pending => this.wait_to_write(cx).map_ok(|_| ()),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_shutdown(cx) {
            Poll::Pending => this.wait_to_write(cx).map_ok(|_| ()),
            done @ Poll::Ready(_) => done,
        }
    }
}
