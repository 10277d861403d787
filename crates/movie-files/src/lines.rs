/// Counts the lines of a file. A line ends with LF, CR LF or, in files of old spreadsheets, CR alone.
#[derive(Debug)]
pub(crate) struct LineCounter {
    line: u64,
    is_after_cr: bool,
}

impl LineCounter {
    /// A counter for text that begins in this line.
    pub(crate) const fn new(line: u64) -> Self {
        Self { line, is_after_cr: false }
    }

    /// The line of the next byte, counted from 1. Before the LF of a CR LF, this is already the following line.
    pub(crate) const fn current(&self) -> u64 {
        self.line
    }

    pub(crate) const fn count(&mut self, byte: u8) {
        match byte {
            b'\n' if self.is_after_cr => {}
            b'\n' | b'\r' => self.line = self.line.saturating_add(1),
            _ => {}
        }
        self.is_after_cr = byte == b'\r';
    }
}

pub(crate) const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The bytes without trailing line ends.
pub(crate) fn without_line_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = bytes {
        bytes = rest;
    }
    bytes
}
