//! The body of an answer that is read from a film while it is sent.

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

/// How much is read at once for a slow client, and for a quick one. What was read waits in memory for the client.
const LEAST_READ: u64 = 32 * 1024;
const MOST_READ: u64 = 128 * 1024;

/// A client that comes back for more so soon is a quick one.
const QUICK: Duration = Duration::from_millis(5);

/// A piece of the body.
#[derive(Debug)]
pub(super) enum Piece {
    /// These bytes.
    Text(Bytes),
    /// This part of the film.
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

/// Sends pieces of a film, read one after the other, until the client has all or may not watch any more.
pub(super) struct FilmBody {
    size: u64,
    pieces: VecDeque<Piece>,
    /// `None` while it is read.
    file: Option<File>,
    reading: Option<Reading>,
    /// How much is read at once.
    amount: u64,
    /// When the client got the last bytes.
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

    /// Begins to read the next bytes of the film, when they come next.
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

    /// Reads more at once for a client that is quick, and less for one that is slow.
    fn adapt(&mut self) {
        let Some(handed_at) = self.handed_at.take() else { return };
        let is_quick = handed_at.elapsed() < QUICK;
        let amount = if is_quick { self.amount.saturating_mul(2) } else { self.amount.div_euclid(2) };
        self.amount = amount.clamp(LEAST_READ, MOST_READ);
    }
}

/// Reads exactly so many bytes: a film is never changed once it is stored.
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
            return Poll::Ready(Some(Err(io::Error::other("the film may not be watched any more"))));
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
            // A quick client finds the next bytes ready.
            self.begin_reading();
        }
        Poll::Ready(Some(read))
    }
}
