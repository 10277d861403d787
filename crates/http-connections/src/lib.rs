//! Limits for the connections of an HTTP/1 server.
//!
//! An HTTP library such as actix-http decodes requests and encodes answers; this crate stands between it and the socket:
//!
//! - [`TimedStream`] ends every wait for a client: for a request's head, for its body, between two requests, and for an
//!   answer to be read. It hands over one request at a time, so that answers cannot get out of step.
//! - [`ConnectionLimit`] counts the open connections of each client.
//! - [`AnswerMemory`] bounds the bytes of all answers that wait for their clients.
//! - [`limit_socket_buffers`] bounds what the kernel keeps of an answer, and [`raise_descriptor_limit`] how many
//!   connections can be open.
//!
//! The server tells the stream what it cannot see for itself: [`Connection::begin`] when the head of a request was
//! decoded, and the drop of the returned [`Exchange`] when its answer is complete.

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
