//! The body of a response with a film. It is read from the file while it is sent.

use std::{
    collections::VecDeque,
    fs::File,
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};

use super::{range::size, transfers::Transfer};

/// The number of bytes that are read at a time for a slow client. They are in memory until the client takes them.
const LEAST_READ: u64 = 32 * 1024;
/// The number of bytes that are read at a time for a fast client.
const MOST_READ: u64 = 64 * 1024;

/// A client that is ready for the next bytes within this time after the previous ones counts as fast.
const QUICK: Duration = Duration::from_millis(5);

/// A piece of the body.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes from memory.
    Text(Bytes),
    /// A range of the film.
    Film(Range<u64>),
}

impl Piece {
    fn size(&self) -> u64 {
        match self {
            Self::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
            Self::Film(part) => size(part),
        }
    }
}

type Reading = JoinHandle<(File, io::Result<Bytes>)>;

/// Sends the pieces of a body one after the other. Ends with an error when the transfer must stop
/// ([`Transfer::has_ended`]), or when the file cannot be read.
pub(super) struct FilmBody {
    size: u64,
    pieces: VecDeque<Piece>,
    /// The file of the film; `None` while a blocking task reads from it.
    file: Option<File>,
    reading: Option<Reading>,
    /// The number of bytes to read at a time.
    amount: u64,
    /// When the connection took the previous bytes, to measure how fast the client is.
    handed_at: Option<Instant>,
    transfer: Transfer,
}

impl FilmBody {
    pub(super) fn new(file: File, pieces: Vec<Piece>, transfer: Transfer) -> Self {
        let size = pieces.iter().fold(0_u64, |size, piece| size.saturating_add(piece.size()));
        Self {
            size,
            pieces: pieces.into(),
            file: Some(file),
            reading: None,
            amount: LEAST_READ,
            handed_at: None,
            transfer,
        }
    }

    /// Starts a blocking task that reads the next bytes, if the next piece is a range of the film.
    fn begin_reading(&mut self) {
        let Some(Piece::Film(part)) = self.pieces.front_mut() else { return };
        let Some(mut file) = self.file.take() else { return };
        let amount = self.amount.min(size(part));
        let begin = part.start;
        part.start = begin.saturating_add(amount);
        if part.is_empty() {
            self.pieces.pop_front();
        }
        self.reading = Some(spawn_blocking(move || {
            let read = read(&mut file, begin, amount);
            (file, read)
        }));
    }

    /// Adapts the number of bytes to read at a time: doubles it for a fast client and halves it for a slow one.
    fn adapt(&mut self) {
        let Some(handed_at) = self.handed_at.take() else { return };
        let is_quick = handed_at.elapsed() < QUICK;
        let amount = if is_quick { self.amount.saturating_mul(2) } else { self.amount.div_euclid(2) };
        self.amount = amount.clamp(LEAST_READ, MOST_READ);
    }
}

/// Reads exactly `amount` bytes from `begin`. They exist, because a stored film is never changed.
fn read(file: &mut File, begin: u64, amount: u64) -> io::Result<Bytes> {
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::with_capacity(usize::try_from(amount).unwrap_or_default());
    file.take(amount).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read == amount) {
        Ok(bytes.into())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl MessageBody for FilmBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.size)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.transfer.has_ended() {
            return Poll::Ready(Some(Err(io::Error::other("the transfer of the film must stop"))));
        }
        self.adapt();
        if self.reading.is_none() {
            if let Some(Piece::Text(text)) = self.pieces.front_mut() {
                let text = std::mem::take(text);
                self.pieces.pop_front();
                return Poll::Ready(Some(Ok(text)));
            }
            self.begin_reading();
        }
        let Some(reading) = self.reading.as_mut() else { return Poll::Ready(None) };
        let (file, read) = match ready!(Pin::new(reading).poll(context)) {
            Ok(read) => read,
            Err(panic) => return Poll::Ready(Some(Err(io::Error::other(panic)))),
        };
        (self.file, self.reading, self.handed_at) = (Some(file), None, Some(Instant::now()));
        if self.amount > LEAST_READ {
            // Reads the next bytes in advance, so that they are ready for a fast client.
            self.begin_reading();
        }
        Poll::Ready(Some(read))
    }
}
