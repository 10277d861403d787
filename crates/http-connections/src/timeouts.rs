//! Time limits for clients.

use std::time::Duration;

/// The time limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The limit for the head of a request, from its first byte. For the first request of a connection, from the
    /// beginning of the connection.
    pub head: Duration,
    /// The limit for the first byte of the next request after an answer.
    pub idle: Duration,
    /// The limit for the next bytes of a body while the request is being answered. It is meant for handlers that do not
    /// read the body. Handlers that read bodies usually have shorter limits of their own, and answer with an error.
    pub body: Duration,
    /// The limit for the rest of an unread body after the answer.
    pub unread_body: Duration,
    /// The limit for the client to read the next part of an answer.
    pub write: Duration,
    /// Replaces `write` for answers whose memory is counted, while the counted memory of all answers is nearly used up
    /// ([`crate::AnswerMemory::is_tight`]).
    pub write_when_tight: Duration,
    /// The number of bytes per second that a client must read on average while an answer waits for it. A slower client
    /// gradually uses up the time of `write`.
    pub write_bytes_per_second: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            body: Duration::from_secs(30),
            unread_body: Duration::from_secs(5),
            // The operating system of a client does not report each read. It sends a report only after the client has
            // read a large amount (on Linux, a sixteenth of the receive buffer, which has up to 6 MiB). So a client
            // that reads 6 KiB/s may seem to read nothing for about a minute.
            write: Duration::from_mins(1),
            write_when_tight: Duration::from_secs(2),
            write_bytes_per_second: 2 * 1024,
        }
    }
}
