//! Splits JSON Lines and JSON arrays into values, without parsing the values.

use std::io::{self, BufRead, Read};

use crate::{MAX_ROW_LENGTH, error::MovieFileError, lines::LineCounter, source::Text};

/// A value in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawValue {
    /// The line in which the value begins.
    pub(crate) line: u64,
    /// The bytes of the value; `None` if it is longer than [`MAX_ROW_LENGTH`]. In JSON Lines, the length includes a
    /// line end.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The lines of a file. Lines that contain only whitespace are skipped.
pub(crate) struct JsonLines {
    text: Text,
    line: u64,
}

impl JsonLines {
    pub(crate) const fn new(text: Text) -> Self {
        Self { text, line: 0 }
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<RawValue>> {
        let limit = u64::try_from(MAX_ROW_LENGTH).unwrap_or(u64::MAX);
        loop {
            let mut bytes = Vec::new();
            if (&mut self.text).take(limit).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line = self.line.saturating_add(1);
            if bytes.len() >= MAX_ROW_LENGTH && !bytes.ends_with(b"\n") {
                self.text.skip_until(b'\n')?;
                return Ok(Some(RawValue { line: self.line, bytes: None }));
            }
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some(RawValue { line: self.line, bytes: Some(bytes) }));
            }
        }
    }
}

/// The elements of a JSON array.
pub(crate) struct JsonArray {
    text: Text,
    lines: LineCounter,
    scanner: Scanner,
}

impl JsonArray {
    pub(crate) const fn new(text: Text) -> Self {
        let scanner = Scanner { place: Place::Before, nesting: 0, is_in_string: false, is_escaped: false };
        Self { text, lines: LineCounter::new(1), scanner }
    }

    pub(crate) fn next(&mut self) -> Result<Option<RawValue>, MovieFileError> {
        let mut element: Option<RawValue> = None;
        loop {
            let buffer = self.text.fill_buf()?;
            if buffer.is_empty() {
                if self.scanner.place == Place::Behind {
                    return Ok(None);
                }
                let line = element.map_or(self.lines.current(), |element| element.line);
                return Err(MovieFileError::OpenArray { line });
            }
            let mut used = 0_usize;
            let mut is_complete = false;
            for byte in buffer {
                used = used.saturating_add(1);
                let line = self.lines.current();
                self.lines.count(*byte);
                match self.scanner.meaning(*byte) {
                    Meaning::Content => {
                        element.get_or_insert(RawValue { line, bytes: Some(Vec::new()) }).push(*byte);
                    }
                    Meaning::Space => {
                        if let Some(element) = &mut element {
                            element.push(b' ');
                        }
                    }
                    Meaning::EndOfElement => is_complete = element.is_some(),
                    Meaning::TextBehindArray => return Err(MovieFileError::TextAfterArray { line }),
                }
                if is_complete {
                    break;
                }
            }
            self.text.consume(used);
            if is_complete {
                return Ok(element);
            }
        }
    }
}

impl RawValue {
    fn push(&mut self, byte: u8) {
        match &mut self.bytes {
            Some(bytes) if bytes.len() < MAX_ROW_LENGTH => bytes.push(byte),
            bytes => *bytes = None,
        }
    }
}

/// Separates the elements of an array. An element ends at a comma or bracket that is neither in a string nor in a
/// nested value. So an element that is not valid JSON does not affect other elements, if its quotes and brackets are
/// closed.
struct Scanner {
    place: Place,
    nesting: usize,
    is_in_string: bool,
    is_escaped: bool,
}

/// The position of the next byte relative to the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Inside,
    Behind,
}

/// The meaning of a byte of the file.
enum Meaning {
    Content,
    Space,
    EndOfElement,
    TextBehindArray,
}

impl Scanner {
    const fn meaning(&mut self, byte: u8) -> Meaning {
        if self.is_in_string {
            self.is_in_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return Meaning::Content;
        }
        match (self.place, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => return Meaning::Space,
            (Place::Before, _) => {
                self.place = Place::Inside;
                return Meaning::Space;
            }
            (Place::Behind, _) => return Meaning::TextBehindArray,
            (Place::Inside, b',') if self.nesting == 0 => return Meaning::EndOfElement,
            (Place::Inside, b']') if self.nesting == 0 => {
                self.place = Place::Behind;
                return Meaning::EndOfElement;
            }
            (Place::Inside, b'"') => self.is_in_string = true,
            (Place::Inside, b'{' | b'[') => self.nesting = self.nesting.saturating_add(1),
            (Place::Inside, b'}' | b']') => self.nesting = self.nesting.saturating_sub(1),
            (Place::Inside, _) => {}
        }
        Meaning::Content
    }
}
