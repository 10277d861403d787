//! Which answers are compressed: those of 1 KiB or more, but for the tokens of the accounts, and pictures.

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, Encoding, HeaderMap, HeaderValue, VARY},
    middleware::Next,
};

const WORTH_IT: u64 = 1024;

/// The codings that an answer may come in.
pub(crate) const CODINGS: [&str; 4] = ["br", "gzip", "deflate", "zstd"];

/// What actix's `Compress` chooses from.
const KNOWN: [Encoding; 5] =
    [Encoding::identity(), Encoding::brotli(), Encoding::gzip(), Encoding::deflate(), Encoding::zstd()];

/// How many bytes an answer would have had that is not sent again (304).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsent(pub(crate) usize);

/// The coding that an answer of so many bytes comes in, when it is compressed for this request.
pub(crate) fn coding(request: &HttpRequest, bytes: usize) -> Option<String> {
    let is_worth_it = u64::try_from(bytes).is_ok_and(|bytes| bytes >= WORTH_IT);
    let accepted = is_worth_it.then(|| request.get_header::<AcceptEncoding>()).flatten()?;
    let coding = accepted.negotiate(KNOWN.iter())?;
    (coding != Encoding::identity()).then(|| coding.to_string())
}

/// Marks what is not to be compressed; stands inside of actix's `Compress`, which leaves marked answers alone.
pub(crate) async fn exempt<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // A secret beside a text that the caller chose can be read off the compressed length.
    let secret = request.path().starts_with("/api/v1/accounts/");
    let mut response = next.call(request).await?;
    let unsent = response.response().extensions().get::<Unsent>().copied();
    let small = match (unsent, response.response().body().size()) {
        (Some(Unsent(bytes)), _) => u64::try_from(bytes).is_ok_and(|bytes| bytes < WORTH_IT),
        (None, BodySize::None) => true,
        (None, BodySize::Sized(size)) => size < WORTH_IT,
        (None, BodySize::Stream) => false,
    };
    let headers = response.headers_mut();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let packed = kind.is_some_and(|kind| kind.starts_with("image/"));
    let is_compressed = !(secret || small || packed);
    if (!is_compressed || unsent.is_some()) && !headers.contains_key(CONTENT_ENCODING) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    if is_compressed {
        // In one line with what stands there: actix-cors keeps the first `Vary` alone.
        let before = headers.get(VARY).and_then(|value| value.to_str().ok());
        let joined = before
            .map_or_else(|| "Accept-Encoding".to_owned(), |before| format!("{before}, Accept-Encoding"));
        if let Ok(value) = HeaderValue::from_str(&joined) {
            headers.insert(VARY, value);
        }
    }
    Ok(response)
}

/// Takes the mark off again.
pub(crate) fn unmark(headers: &mut HeaderMap) {
    if headers.get(CONTENT_ENCODING).is_some_and(|value| value == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
}
