//! Which answers are compressed: those of 1 KiB or more, but for the tokens of the accounts, and pictures.

use actix_web::{
    Error,
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY},
    middleware::Next,
};

const WORTH_IT: u64 = 1024;

/// Marks what is not to be compressed; stands inside of actix's `Compress`, which leaves marked answers alone.
pub(crate) async fn exempt<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // A secret beside a text that the caller chose can be read off the compressed length.
    let secret = request.path().starts_with("/api/v1/accounts/");
    let mut response = next.call(request).await?;
    let small = match response.response().body().size() {
        BodySize::None => true,
        BodySize::Sized(size) => size < WORTH_IT,
        BodySize::Stream => false,
    };
    let headers = response.headers_mut();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let packed = kind.is_some_and(|kind| kind.starts_with("image/"));
    if secret || small || packed {
        if !headers.contains_key(CONTENT_ENCODING) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        }
    } else {
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
