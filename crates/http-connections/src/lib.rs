//! Limits for the connections of an HTTP/1 server.
//!
//! An HTTP library such as actix-http decodes requests and encodes answers; this crate is a layer between it and the
//! socket:
//!
//! - [`TimedStream`] limits every wait for a client: for a request's head, for its body, between two requests, and for
//!   an answer to be read. It passes on one request at a time, so that answers cannot be assigned to the wrong request.
//! - [`ConnectionLimit`] counts the open connections of each client.
//! - [`AnswerMemory`] bounds the bytes of all answers that are being sent.
//! - [`limit_socket_buffers`] bounds the kernel's buffer of an answer, and [`raise_descriptor_limit`] how many
//!   connections can be open.
//!
//! The server must notify the stream: it calls [`Connection::begin`] when the head of a request was decoded, and drops
//! the returned [`Exchange`] when the answer is complete.

mod alarm;
mod client_limit;
mod connection;
mod descriptors;
mod framing;
mod memory;
mod socket;
mod stream;
mod timeouts;
mod write_progress;

#[cfg(test)]
mod tests;

pub use self::{
    client_limit::{ConnectionLimit, ConnectionPermit},
    connection::{Connection, Exchange},
    descriptors::{descriptor_limit, raise_descriptor_limit},
    framing::RequestBody,
    memory::{AnswerMemory, HeldMemory},
    socket::limit_socket_buffers,
    stream::TimedStream,
    timeouts::Timeouts,
};
