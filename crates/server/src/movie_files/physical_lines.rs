//! Tells the line of the file that a record begins in, also when cells hold line ends and lines are empty.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

/// A line end that was read and lies at or behind the record looked at last.
#[derive(Debug, Clone, Copy)]
struct LineEnd {
    offset: u64,
    follows_return: bool,
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
            if *byte == b'\n' {
                let end = LineEnd { offset: seen.offset, follows_return: seen.last == b'\r' };
                seen.ends.push_back(end);
            }
            seen.last = *byte;
            seen.offset = seen.offset.saturating_add(1);
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
        while let Some(end) = seen.ends.front().copied() {
            let is_before = end.offset < start;
            let is_at = end.offset == start;
            let is_pair = end.follows_return && end.offset == start.saturating_add(1);
            if !(is_before || is_at || is_pair) {
                break;
            }
            if !is_before {
                start = end.offset.saturating_add(1);
            }
            seen.ends.pop_front();
            self.line = self.line.saturating_add(1);
        }
        self.line
    }
}
