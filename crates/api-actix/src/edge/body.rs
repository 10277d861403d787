//! Sending the body of a response to the client.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use http_connections::Exchange;

/// The number of bytes that are copied into the send buffer of a connection at a time. If a whole body were copied at
/// once, it would be in memory twice while a slow client reads it.
const SLICE: usize = 8 * 1024;

/// Bodies larger than this, in bytes, are counted against the limit of memory while they are sent. Smaller bodies fit
/// into the buffers that every connection has anyway.
const COUNTED: usize = 16 * 1024;

/// Marks a response whose bytes all clients share, so that sending it takes no additional memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedBytes;

/// Marks a response whose body is read in small parts while it is sent, so that it takes little memory whatever its
/// size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadInParts;

/// Returns an empty body for the response to a HEAD request. It declares the same length as this body, or an unknown
/// length if this body is a stream. With the original body, the connection would read the whole body and discard it.
pub(super) fn unread(body: &BoxBody) -> BoxBody {
    match body.size() {
        BodySize::None => BoxBody::new(()),
        size => BoxBody::new(UnreadBody { size }),
    }
}

struct UnreadBody {
    size: BodySize,
}

impl MessageBody for UnreadBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Returns a body that the connection sends in slices; a stream is sent in its own parts. The returned body owns the
/// exchange (one request with its response). The connection drops the body when it has taken the last slice or part,
/// or when it is closed. This also drops the exchange, and the exchange ends. For an empty body, the exchange ends at
/// once.
pub(super) fn send(body: BoxBody, exchange: Option<Exchange>) -> BoxBody {
    if matches!(body.size(), BodySize::None | BodySize::Sized(0)) {
        return body;
    }
    match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(SlicedBody { bytes, _exchange: exchange }),
        Err(body) => BoxBody::new(StreamedBody { body, _exchange: exchange }),
    }
}

/// Reserves memory for a body of more than [`COUNTED`] bytes until the exchange ends. Returns whether enough memory
/// is available. Reserves nothing and returns `true` for a smaller body, for a stream, and without an exchange.
pub(super) fn has_room(body: &BoxBody, exchange: Option<&mut Exchange>) -> bool {
    let size = match body.size() {
        BodySize::Sized(size) => usize::try_from(size).unwrap_or(usize::MAX),
        BodySize::None | BodySize::Stream => 0,
    };
    size <= COUNTED || exchange.is_none_or(|exchange| exchange.hold(size))
}

struct SlicedBody {
    bytes: Bytes,
    _exchange: Option<Exchange>,
}

impl MessageBody for SlicedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let count = self.bytes.len().min(SLICE);
        Poll::Ready((count > 0).then(|| Ok(self.bytes.split_to(count))))
    }
}

struct StreamedBody {
    body: BoxBody,
    _exchange: Option<Exchange>,
}

impl MessageBody for StreamedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::{BodyStream, to_bytes};
    use futures_util::{future::poll_fn, stream};

    use super::*;

    #[tokio::test]
    async fn a_body_is_sent_in_slices_without_changes() {
        let bytes: Vec<u8> = (0_u8..=250).cycle().take(3 * SLICE + 1).collect();
        let mut body = send(BoxBody::new(bytes.clone()), None);
        assert_eq!(body.size(), BodySize::Sized(u64::try_from(bytes.len()).unwrap()));
        let mut slices = Vec::new();
        while let Some(slice) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            slices.push(slice.unwrap());
        }
        assert_eq!(slices.iter().map(Bytes::len).collect::<Vec<_>>(), [SLICE, SLICE, SLICE, 1]);
        assert_eq!(slices.concat(), bytes);
    }

    #[tokio::test]
    async fn answers_without_a_body_and_streams_are_not_changed() {
        assert_eq!(send(BoxBody::new(()), None).size(), BodySize::Sized(0));
        assert_eq!(send(BoxBody::new(actix_web::body::None::new()), None).size(), BodySize::None);
        let parts = stream::iter(["a", "b"]).map(|part| Ok::<_, std::io::Error>(Bytes::from(part)));
        let streamed = send(BoxBody::new(BodyStream::new(parts)), None);
        assert_eq!(streamed.size(), BodySize::Stream);
        assert_eq!(to_bytes(streamed).await.unwrap(), "ab");
    }

    use futures_util::StreamExt;
}
