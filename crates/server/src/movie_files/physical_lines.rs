//! Tells the line of the file that a record begins in, also when cells hold line ends and lines are empty. A line ends in
//! LF, CR LF or, as from old spreadsheets, CR alone.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

/// A line end that was read and lies at or behind the record looked at last: where it begins, and where the next line does.
#[derive(Debug, Clone, Copy)]
struct LineEnd {
    offset: u64,
    next: u64,
}

#[derive(Debug, Default)]
struct Seen {
    offset: u64,
    last: u8,
    ends: VecDeque<LineEnd>,
}

/// Notes the line ends that pass through.
pub(super) struct LineEnds<R> {
    inner: R,
    seen: Arc<Mutex<Seen>>,
}

/// Turns offsets into lines. Offsets must not go back.
#[derive(Debug)]
pub(super) struct Lines {
    seen: Arc<Mutex<Seen>>,
    line: u64,
}

pub(super) fn watch<R: Read>(inner: R) -> (LineEnds<R>, Lines) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    (LineEnds { inner, seen: Arc::clone(&seen) }, Lines { seen, line: 1 })
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in buffer.iter().take(count) {
            let offset = seen.offset;
            seen.offset = offset.saturating_add(1);
            let next = seen.offset;
            match (byte, seen.last) {
                (b'\n', b'\r') => seen.ends.back_mut().into_iter().for_each(|end| end.next = next),
                (b'\n' | b'\r', _) => seen.ends.push_back(LineEnd { offset, next }),
                _ => {}
            }
            seen.last = *byte;
        }
        Ok(count)
    }
}

impl Lines {
    /// The line, from 1, of the first character at or behind `offset` that is no line end: where a record begins
    /// whose reading began at `offset`.
    pub(super) fn line_at(&mut self, offset: u64) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = offset;
        while let Some(end) = seen.ends.front().copied().filter(|end| end.offset <= start) {
            // The reading may have begun in the middle of a CR LF.
            start = start.max(end.next);
            seen.ends.pop_front();
            self.line = self.line.saturating_add(1);
        }
        self.line
    }
}
