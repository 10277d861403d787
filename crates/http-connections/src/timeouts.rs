//! How long clients may take.

use std::time::Duration;

/// How long a connection waits for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the rest of a request's head, from its first byte. For the first request of a connection, from the start of the
    /// connection.
    pub head: Duration,
    /// For the next request, after an answer.
    pub idle: Duration,
    /// For the next bytes of a body while the request is being answered. Handlers that read bodies have shorter limits
    /// and say so in their answers; this one is for those that read none.
    pub body: Duration,
    /// For the rest of a body that no handler reads, after the answer.
    pub unread_body: Duration,
    /// For the client to read any part of an answer.
    pub write: Duration,
    /// The same while the memory of all waiting answers is nearly used up ([`crate::AnswerMemory::is_tight`]).
    pub write_when_tight: Duration,
    /// The average number of bytes per second that a client must read while an answer waits for it. A slower client uses up
    /// the time of `write`.
    pub write_bytes_per_second: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            body: Duration::from_secs(30),
            unread_body: Duration::from_secs(5),
            write: Duration::from_secs(30),
            write_when_tight: Duration::from_secs(2),
            write_bytes_per_second: 2 * 1024,
        }
    }
}
