use std::{
    io::{self, BufReader, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    encoding::{Converted, Detected, TextEncoding, detect},
    error::MovieFileError,
};

/// How many bytes of a file are examined to detect its format.
const HEAD_LENGTH: u64 = 64 * 1024;

/// The number of bytes of a file that were read so far, for progress bars.
#[derive(Debug, Clone, Default)]
pub struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    /// The number of bytes.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted<R> {
    source: R,
    count: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count.0.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
        Ok(count)
    }
}

/// The text of a file: UTF-8, or rows that are each UTF-8 or Windows-1252.
pub(crate) type Text = BufReader<Box<dyn Read + Send>>;

/// A file whose encoding was detected from its beginning.
pub(crate) struct Source {
    /// The text without a byte order mark.
    pub(crate) text: Text,
    /// The beginning of the text.
    pub(crate) head: Vec<u8>,
    pub(crate) encoding: Detected,
    pub(crate) bytes_read: BytesRead,
}

impl Source {
    pub(crate) fn new(
        source: impl Read + Send + 'static,
        wanted: Option<TextEncoding>,
    ) -> Result<Self, MovieFileError> {
        let bytes_read = BytesRead::default();
        let mut source = Counted { source, count: bytes_read.clone() };
        let mut head = read_head(&mut source)?;
        if head.is_empty() {
            return Err(MovieFileError::Empty);
        }
        let (encoding, mark_length) = detect(&head, wanted)?;
        head.drain(..mark_length);
        let source = Cursor::new(head).chain(source);
        let mut source: Box<dyn Read + Send> = match encoding {
            Detected::Utf8 | Detected::Undecided => Box::new(source),
            Detected::Converted(encoding) => Box::new(Converted::new(source, encoding)),
        };
        let head = read_head(&mut source)?;
        if head.is_empty() {
            return Err(MovieFileError::Empty);
        }
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head.clone()).chain(source));
        let text = BufReader::with_capacity(64 * 1024, whole);
        Ok(Self { text, head, encoding, bytes_read })
    }
}

fn read_head(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(HEAD_LENGTH).read_to_end(&mut head)?;
    Ok(head)
}
