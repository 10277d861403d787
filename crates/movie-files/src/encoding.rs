//! The character encoding of a file.
//!
//! A byte order mark determines the encoding. Without a byte order mark, the options may name the encoding. Otherwise
//! UTF-16 is detected by its zero bytes; in other files, the first row that is not plain ASCII decides between UTF-8
//! and Windows-1252 (which includes Latin-1), since text in Windows-1252 is hardly ever valid UTF-8.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read},
    str::FromStr,
};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::MovieFileError;

/// A character encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

/// The text is not the name of a character encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no known character encoding; write one such as utf-8, utf-16le or windows-1252")]
pub struct UnknownEncoding;

impl FromStr for TextEncoding {
    type Err = UnknownEncoding;

    /// Reads a label of the WHATWG encoding standard, such as `latin1`.
    fn from_str(label: &str) -> Result<Self, Self::Err> {
        Encoding::for_label_no_replacement(label.as_bytes()).map(Self).ok_or(UnknownEncoding)
    }
}

impl TextEncoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(UTF_8);
    /// Windows-1252, which includes Latin-1.
    pub const WINDOWS_1252: Self = Self(WINDOWS_1252);

    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        self.0.decode_without_bom_handling(bytes).0
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl fmt::Debug for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The encoding according to the beginning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detected {
    /// UTF-8.
    Utf8,
    /// UTF-8 or Windows-1252.
    Undecided,
    /// An encoding other than UTF-8, which was named by the options, or detected from a byte order mark or from zero
    /// bytes. The text is converted to UTF-8 before it is split into rows.
    Converted(TextEncoding),
}

/// Examines the beginning of a file; `wanted` is the encoding that the options name. Returns the encoding, and the
/// length of the byte order mark (0 without a mark). Fails if the file is not text, or is UTF-32 text.
pub(crate) fn detect(head: &[u8], wanted: Option<TextEncoding>) -> Result<(Detected, usize), MovieFileError> {
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        return Err(MovieFileError::Unsupported("it is UTF-32 text: save it as UTF-8"));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err(MovieFileError::Unsupported(
            "it is a workbook or a ZIP archive: save the sheet as CSV, or unpack it",
        ));
    }
    if head.starts_with(b"\x1f\x8b") {
        return Err(MovieFileError::Unsupported("it is compressed with gzip: unpack it"));
    }
    if let Some((encoding, length)) = Encoding::for_bom(head) {
        let detected =
            if encoding == UTF_8 { Detected::Utf8 } else { Detected::Converted(TextEncoding(encoding)) };
        return Ok((detected, length));
    }
    if let Some(wanted) = wanted {
        let detected = if wanted.0 == UTF_8 { Detected::Utf8 } else { Detected::Converted(wanted) };
        return Ok((detected, 0));
    }
    // The beginning of a file of movies is ASCII, so every second byte is zero in UTF-16.
    match head {
        [b'\x01'..=b'\x7f', 0, b'\x01'..=b'\x7f', 0, ..] => {
            Ok((Detected::Converted(TextEncoding(UTF_16LE)), 0))
        }
        [0, b'\x01'..=b'\x7f', 0, b'\x01'..=b'\x7f', ..] => {
            Ok((Detected::Converted(TextEncoding(UTF_16BE)), 0))
        }
        _ if head.contains(&0) => {
            Err(MovieFileError::Unsupported("it is no text: it contains NUL bytes near its beginning"))
        }
        _ => Ok((Detected::Undecided, 0)),
    }
}

/// The encoding of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowEncoding {
    Utf8,
    Windows1252,
}

/// Finds the encoding of rows.
#[derive(Debug)]
pub(crate) struct RowEncodings {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    Utf8,
    Windows1252,
}

impl RowEncodings {
    pub(crate) fn new(detected: Detected) -> Self {
        let state = if detected == Detected::Undecided { State::Undecided } else { State::Utf8 };
        Self { state }
    }

    /// Returns the encoding of the row, which is UTF-8 for a row of ASCII characters. All other rows must have the
    /// same encoding: for a row in another encoding than the rows before it, returns the reason why it cannot be
    /// read.
    pub(crate) fn of(&mut self, row: &[u8]) -> Result<RowEncoding, &'static str> {
        if row.is_ascii() {
            return Ok(RowEncoding::Utf8);
        }
        let is_utf8 = str::from_utf8(row).is_ok();
        match (self.state, is_utf8) {
            (State::Undecided | State::Utf8, true) => {
                self.state = State::Utf8;
                Ok(RowEncoding::Utf8)
            }
            (State::Undecided | State::Windows1252, false) => {
                self.state = State::Windows1252;
                Ok(RowEncoding::Windows1252)
            }
            (State::Utf8, false) => Err("is not UTF-8 text"),
            (State::Windows1252, true) => Err("is UTF-8 text, and rows before it are Windows-1252"),
        }
    }

    /// Whether a row was read as Windows-1252.
    pub(crate) fn are_windows_1252(&self) -> bool {
        self.state == State::Windows1252
    }
}

/// Converts a source to UTF-8. Bytes that are not valid in the source's encoding are an error.
pub(crate) struct Converted<R> {
    source: R,
    decoder: Decoder,
    encoding: TextEncoding,
    input: Window,
    output: Window,
    /// The number of bytes of the source that were converted.
    position: u64,
    is_at_end: bool,
    is_finished: bool,
}

/// A buffer, and the range of its bytes that have not been used yet.
struct Window {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    fn new() -> Self {
        const LENGTH: usize = 32 * 1024;
        Self { buffer: vec![0; LENGTH], start: 0, end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    fn skip(&mut self, count: usize) {
        self.start = self.start.saturating_add(count);
    }

    fn refilled_to(&mut self, end: usize) {
        self.start = 0;
        self.end = end;
    }
}

impl<R: Read> Converted<R> {
    pub(crate) fn new(source: R, encoding: TextEncoding) -> Self {
        Self {
            source,
            decoder: encoding.0.new_decoder_without_bom_handling(),
            encoding,
            input: Window::new(),
            output: Window::new(),
            position: 0,
            is_at_end: false,
            is_finished: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.output.is_empty() && !self.is_finished {
            if self.input.is_empty() && !self.is_at_end {
                let count = self.source.read(&mut self.input.buffer)?;
                self.input.refilled_to(count);
                self.is_at_end = count == 0;
            }
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                self.input.bytes(),
                &mut self.output.buffer,
                self.is_at_end,
            );
            self.input.skip(read);
            self.output.refilled_to(written);
            self.position = self.position.saturating_add(u64::try_from(read).unwrap_or_default());
            match result {
                DecoderResult::InputEmpty => self.is_finished = self.is_at_end,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("it is not {} text near byte {}", self.encoding, self.position),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Converted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.refill()?;
        let count = self.output.bytes().read(buffer)?;
        self.output.skip(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(head: &[u8]) -> Detected {
        detect(head, None).unwrap().0
    }

    #[test]
    fn the_encoding_is_detected_from_the_beginning_of_a_file() {
        let encoding = |label: &str| Detected::Converted(label.parse().unwrap());
        assert_eq!(detect(b"\xef\xbb\xbfname", None).unwrap(), (Detected::Utf8, 3));
        assert_eq!(detect(b"\xff\xfen\0", None).unwrap(), (encoding("utf-16le"), 2));
        assert_eq!(detect(b"\xfe\xff\0n", None).unwrap(), (encoding("utf-16be"), 2));
        assert_eq!(detected(b"n\0a\0m\0e\0"), encoding("utf-16le"));
        assert_eq!(detected(b"\0n\0a\0m\0e"), encoding("utf-16be"));
        assert_eq!(detected(b"name,year"), Detected::Undecided);
        assert_eq!(detected(b""), Detected::Undecided);
        let wanted = |label: &str| detect(b"name", Some(label.parse().unwrap())).unwrap().0;
        assert_eq!(wanted("windows-1251"), encoding("windows-1251"));
        assert_eq!(wanted("utf8"), Detected::Utf8);
    }

    #[test]
    fn files_that_are_not_text_are_refused_by_kind() {
        for (head, name) in [
            (&b"\xff\xfe\0\0n\0\0\0"[..], "UTF-32"),
            (b"\0\0\xfe\xff\0\0\0n", "UTF-32"),
            (b"PK\x03\x04\x14\0", "workbook"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"SQLite format 3\0", "NUL bytes"),
        ] {
            let error = detect(head, None).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn rows_keep_the_encoding_of_the_first_row_that_is_not_ascii() {
        let mut rows = RowEncodings::new(Detected::Undecided);
        assert_eq!(rows.of(b"plain"), Ok(RowEncoding::Utf8));
        assert_eq!(rows.of("Amélie".as_bytes()), Ok(RowEncoding::Utf8));
        assert_eq!(rows.of(b"Am\xe9lie"), Err("is not UTF-8 text"));
        assert!(!rows.are_windows_1252());

        let mut rows = RowEncodings::new(Detected::Undecided);
        assert_eq!(rows.of(b"Am\xe9lie"), Ok(RowEncoding::Windows1252));
        assert_eq!(rows.of(b"L\xe9on"), Ok(RowEncoding::Windows1252));
        assert!(rows.of("Léon".as_bytes()).is_err());
        assert!(rows.are_windows_1252());

        assert!(RowEncodings::new(Detected::Utf8).of(b"Am\xe9lie").is_err());
    }

    #[test]
    fn text_is_converted_for_any_size_of_reads() {
        let text = "Amélie 千と千尋 🎬\r\n".repeat(5_000);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut converted = Converted::new(bytes.as_slice(), TextEncoding(UTF_16LE));
        let mut found = Vec::new();
        for length in [1, 2, 3, 7, 100_000].into_iter().cycle() {
            let mut buffer = vec![0; length];
            let count = converted.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            found.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(String::from_utf8(found).unwrap(), text);
    }

    #[test]
    fn bytes_that_are_not_text_are_an_error() {
        for bytes in [&b"n\0a\0\0\xd8a\0"[..], b"n\0a\0m"] {
            let mut found = String::new();
            let error = Converted::new(bytes, TextEncoding(UTF_16LE)).read_to_string(&mut found).unwrap_err();
            assert!(error.to_string().starts_with("it is not UTF-16LE text near byte "), "{error}");
        }
    }
}
