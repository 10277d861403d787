//! Finds where the head and the body of a request end (RFC 9112).
//!
//! Nothing is validated here: malformed bytes are passed on to the HTTP library, whose decoder refuses them.

use memchr::memchr_iter;

/// How the head of a request delimits its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// The request has no body.
    None,
    /// The body has this many bytes.
    Length(u64),
    /// The body is sent in chunks (`Transfer-Encoding: chunked`).
    Chunked,
    /// The body is everything that follows on this connection, for example after an upgrade to another protocol.
    UntilClose,
}

/// Finds the end of a head: the first empty line after a line that is not empty.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    has_text: bool,
    line_has_text: bool,
}

impl HeadReader {
    /// The number of these bytes that belong to the head, and whether the head ends with them.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut start = 0;
        for end in memchr_iter(b'\n', bytes) {
            let line_has_text = self.line_has_text || has_text(bytes.get(start..end));
            self.line_has_text = false;
            start = end.saturating_add(1);
            if line_has_text {
                self.has_text = true;
            } else if self.has_text {
                return (start, true);
            }
        }
        self.line_has_text |= has_text(bytes.get(start..));
        (bytes.len(), false)
    }
}

fn has_text(line: Option<&[u8]>) -> bool {
    line.is_some_and(|line| line.iter().any(|byte| *byte != b'\r'))
}

/// Finds the end of a body.
#[derive(Debug)]
pub(crate) enum BodyReader {
    /// The number of bytes that are still expected.
    Length(u64),
    Chunked(ChunkState),
    UntilClose,
}

/// The part of a chunked body to which the next byte belongs.
#[derive(Debug)]
pub(crate) enum ChunkState {
    /// The line with the size of a chunk. `is_digits`: whether the digits of the size may continue.
    Size { size: u64, is_digits: bool },
    /// The data of a chunk, with the number of bytes that are still expected.
    Data(u64),
    /// The line end after the data of a chunk.
    DataEnd,
    /// The trailer lines after the last chunk, up to an empty line.
    Trailer { line_has_text: bool },
    /// The body is complete.
    End,
}

impl BodyReader {
    pub(crate) fn new(body: RequestBody) -> Self {
        match body {
            RequestBody::None => Self::Length(0),
            RequestBody::Length(length) => Self::Length(length),
            RequestBody::Chunked => Self::Chunked(ChunkState::FIRST),
            RequestBody::UntilClose => Self::UntilClose,
        }
    }

    /// Whether the whole body was read.
    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(ChunkState::End))
    }

    /// The number of these bytes that belong to the body.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(left) => take(left, bytes.len()),
            Self::UntilClose => bytes.len(),
            Self::Chunked(state) => {
                let Some(count) = state.read(bytes) else {
                    // The chunks are malformed. The decoder refuses them and closes the connection.
                    *self = Self::UntilClose;
                    return bytes.len();
                };
                count
            }
        }
    }
}

/// Subtracts up to `count` from `left`, the number of remaining bytes. Returns the number that was subtracted.
fn take(left: &mut u64, count: usize) -> usize {
    let taken = usize::try_from(*left).map_or(count, |left| left.min(count));
    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    taken
}

impl ChunkState {
    const FIRST: Self = Self::Size { size: 0, is_digits: true };

    /// The number of these bytes that belong to the body; `None` when the chunks are malformed.
    fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0_usize;
        while let Some(byte) = bytes.get(at) {
            *self = match (&mut *self, byte) {
                (Self::End, _) => return Some(at),
                (Self::Data(left), _) => {
                    at = at.saturating_add(take(left, bytes.len().saturating_sub(at)));
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    continue;
                }
                (Self::Size { size: 0, .. }, b'\n') => Self::Trailer { line_has_text: false },
                (Self::Size { size, .. }, b'\n') => Self::Data(*size),
                (Self::Size { size, .. }, b'\r') => Self::Size { size: *size, is_digits: false },
                (Self::Size { size, is_digits: true }, b';' | b' ' | b'\t') => {
                    Self::Size { size: *size, is_digits: false }
                }
                (Self::Size { size, is_digits: true }, digit) => {
                    let digit = char::from(*digit).to_digit(16)?;
                    let size = size.checked_mul(16)?.checked_add(digit.into())?;
                    Self::Size { size, is_digits: true }
                }
                (Self::Size { size, .. }, _) => Self::Size { size: *size, is_digits: false },
                (Self::DataEnd, b'\r') => Self::DataEnd,
                (Self::DataEnd, b'\n') => Self::FIRST,
                (Self::DataEnd, _) => return None,
                (Self::Trailer { line_has_text: false }, b'\n') => Self::End,
                (Self::Trailer { .. }, b'\n') => Self::Trailer { line_has_text: false },
                (Self::Trailer { line_has_text }, b'\r') => Self::Trailer { line_has_text: *line_has_text },
                (Self::Trailer { .. }, _) => Self::Trailer { line_has_text: true },
            };
            at = at.saturating_add(1);
        }
        Some(at)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use super::*;

    /// Reads the text in pieces of this size; returns the head, or `None` if it does not end.
    fn head(text: &str, piece: usize) -> Option<String> {
        let mut reader = HeadReader::default();
        let mut read = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            let (count, is_complete) = reader.read(bytes);
            read.extend_from_slice(&bytes[..count]);
            if is_complete {
                return Some(String::from_utf8(read).unwrap());
            }
            assert_eq!(count, bytes.len());
        }
        None
    }

    #[test]
    fn a_head_ends_with_its_empty_line() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET", Some("GET / HTTP/1.1\r\nhost: x\r\n\r\n")),
            ("GET / HTTP/1.1\nhost: x\n\nGET", Some("GET / HTTP/1.1\nhost: x\n\n")),
            ("GET / HTTP/1.1\r\n\nGET", Some("GET / HTTP/1.1\r\n\n")),
            ("\r\n\r\n\nGET / HTTP/1.1\r\n\r\nGET", Some("\r\n\r\n\nGET / HTTP/1.1\r\n\r\n")),
            ("GET / HTTP/1.1\r\nhost: x\r\n", None),
            ("\r\n\r\n", None),
            ("G", None),
        ] {
            for piece in 1..=text.len() {
                assert_eq!(head(text, piece).as_deref(), expected, "{text:?} in pieces of {piece}");
            }
        }
    }

    /// Reads the text in pieces of this size; returns how many bytes belong to the body, and whether it is complete.
    fn body(body: RequestBody, text: &str, piece: usize) -> (usize, bool) {
        let mut reader = BodyReader::new(body);
        let mut count = 0;
        for bytes in text.as_bytes().chunks(piece) {
            let read = reader.read(bytes);
            count += read;
            if read < bytes.len() {
                assert!(reader.is_complete());
                break;
            }
        }
        (count, reader.is_complete())
    }

    #[test]
    fn a_body_ends_where_its_head_declared() {
        let chunked = "5;name=\"a b\"\r\nhello\r\n1A \r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        let trailers = "1\r\na\r\n000\r\nx-sum: 1\r\nx: 2\r\n\r\n";
        for (kind, text, expected) in [
            (RequestBody::None, "GET", (0, true)),
            (RequestBody::Length(3), "abcGET", (3, true)),
            (RequestBody::Length(9), "abcGET", (6, false)),
            (RequestBody::UntilClose, "abcGET", (6, false)),
            (RequestBody::Chunked, &format!("{chunked}GET"), (chunked.len(), true)),
            (RequestBody::Chunked, &format!("{trailers}GET"), (trailers.len(), true)),
            (RequestBody::Chunked, "0\n\nGET", (3, true)),
            (RequestBody::Chunked, "5\r\nhel", (6, false)),
            (RequestBody::Chunked, "0\r\n", (3, false)),
            // The chunks are malformed, so everything is passed on to the decoder, which refuses it.
            (RequestBody::Chunked, "x\r\nabc\r\n0\r\n\r\nGET", (16, false)),
            (RequestBody::Chunked, "1\r\nabc\r\n0\r\n\r\nGET", (16, false)),
            (RequestBody::Chunked, "fffffffffffffffff\r\n", (19, false)),
        ] {
            for piece in 1..=text.len() {
                assert_eq!(body(kind, text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
