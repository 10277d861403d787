//! Time and memory limits for the connections of an HTTP/1 server. They protect the server from clients that are slow
//! or use too many resources.
//!
//! An HTTP library, such as actix-http, decodes requests and encodes answers. This crate is a layer between the HTTP
//! library and the sockets:
//!
//! - [`TimedStream`] limits each wait for a client: for the head of a request, for its body, for the next request, and
//!   for the client to read an answer. It passes on one request at a time, so that an answer cannot be sent for the
//!   wrong request.
//! - [`ConnectionLimit`] limits the number of open connections of each client.
//! - [`AnswerMemory`] counts the memory of the answers that are being sent, so that the server can limit it.
//! - [`limit_socket_buffers`] limits the kernel's memory for an answer, and [`raise_descriptor_limit`] raises the
//!   number of connections that can be open.
//!
//! The server must notify the stream: it must call [`Connection::begin`] when the head of a request was decoded, and
//! drop the returned [`Exchange`] when the answer is complete.

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
