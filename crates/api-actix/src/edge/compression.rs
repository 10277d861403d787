//! Compresses responses of 1 KiB or more, except streams, pictures, films and the responses of `/api/v1/accounts/`,
//! which may contain tokens.
//!
//! A response is compressed completely before it is sent, not while a client reads it, because a compressor needs
//! megabytes of memory and a client may read slowly. Bodies that are the same for all clients are compressed once
//! ([`StaticBody`]).

use std::{
    io::{self, Write},
    sync::Arc,
};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, Encoding, HeaderMap, HeaderValue, VARY},
    middleware::Next,
    rt,
    web::{self, Bytes},
};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::{OnceCell, Semaphore};

use super::{body::SharedBytes, in_flight::FILMS_PATH};
use crate::problem::{Problem, kinds};

/// The minimum size of a response that is compressed, in bytes.
const LEAST: usize = 1024;

/// Responses up to this size, in bytes, are compressed on the thread that serves the request, which takes about a
/// millisecond. A [`StaticBody`] of any size is compressed on another thread.
const IN_PLACE: usize = 64 * 1024;

/// Limits how many larger responses are compressed at the same time, because each compressor needs some megabytes.
/// Bodies that are compressed once for all clients ([`StaticBody`]) are not counted.
static LARGE: Semaphore = Semaphore::const_new(2);

/// The names of the supported content codings.
pub(crate) const CODINGS: [&str; 3] = ["br", "gzip", "zstd"];

/// The codings that `Accept-Encoding` is matched against: the supported ones, and `identity`, which means no
/// compression.
const KNOWN: [Encoding; 4] = [Encoding::identity(), Encoding::brotli(), Encoding::gzip(), Encoding::zstd()];

/// The size in bytes of the uncompressed body, for a response whose own body has another size: a response without a
/// body (304), or a cached response that is already compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsent(pub(crate) usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Zstd,
}

/// How much time a compressor spends on a response.
#[derive(Debug, Clone, Copy)]
enum Effort {
    /// Fast, for a response that is sent once or cached for a short time.
    Quick,
    /// Slow, for a body that is compressed once for all clients ([`StaticBody`]).
    Thorough,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Zstd];

    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn compress(self, bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        match (self, effort) {
            (Self::Brotli, Effort::Quick) => brotli(bytes, 4, 18),
            (Self::Brotli, Effort::Thorough) => brotli(bytes, 9, 22),
            (Self::Gzip, Effort::Quick) => gzip(bytes, Compression::new(4)),
            (Self::Gzip, Effort::Thorough) => gzip(bytes, Compression::best()),
            (Self::Zstd, Effort::Quick) => zstd::bulk::compress(bytes, 3),
            (Self::Zstd, Effort::Thorough) => zstd::bulk::compress(bytes, 15),
        }
    }
}

fn brotli(mut bytes: &[u8], quality: i32, window: i32) -> io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let settings =
        BrotliEncoderParams { quality, lgwin: window, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut bytes, &mut compressed, &settings)?;
    Ok(compressed)
}

fn gzip(bytes: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Returns the content coding that the client prefers; `None` for no compression.
///
/// # Errors
/// 406 when the client accepts none of the supported codings and forbids an uncompressed response.
fn negotiate(request: &HttpRequest) -> Result<Option<Coding>, Problem> {
    let Some(accepted) = request.get_header::<AcceptEncoding>() else { return Ok(None) };
    let encoding = accepted.negotiate(KNOWN.iter()).ok_or_else(|| Problem::new(&kinds::NOT_ACCEPTABLE))?;
    let name = encoding.to_string();
    Ok(Coding::ALL.into_iter().find(|coding| coding.name() == name))
}

/// Returns the name of the content coding that the client prefers; `None` for no compression, and when the client
/// accepts no supported coding.
pub(crate) fn preferred(request: &HttpRequest) -> Option<&'static str> {
    negotiate(request).ok().flatten().map(Coding::name)
}

/// Returns the content coding for a response of this size to this request; `None` when it is not compressed.
pub(crate) fn coding(request: &HttpRequest, bytes: usize) -> Option<&'static str> {
    (bytes >= LEAST).then(|| preferred(request)).flatten()
}

/// Compresses responses to clients that accept a supported coding.
pub(crate) async fn compress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let coding = match negotiate(request.request()) {
        Ok(coding) => coding,
        Err(refusal) => return Ok(request.into_response(refusal.error_response())),
    };
    // If a response contains a secret and text chosen by the caller, the secret could be guessed from the compressed
    // length.
    let has_secret = request.path().starts_with("/api/v1/accounts/");
    let is_film = request.path().starts_with(FILMS_PATH);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if has_secret || is_film || size(&response) < LEAST || is_compressed_type(response.headers()) {
        return Ok(response);
    }
    vary(response.headers_mut());
    match coding {
        Some(coding) if !response.headers().contains_key(CONTENT_ENCODING) => {
            Ok(compress_body(response, coding).await)
        }
        _ => Ok(response),
    }
}

/// Returns the uncompressed size of the response in bytes; 0 for a stream.
fn size(response: &ServiceResponse) -> usize {
    let unsent = response.response().extensions().get::<Unsent>().copied();
    match (unsent, response.response().body().size()) {
        (Some(Unsent(bytes)), _) => bytes,
        (None, BodySize::Sized(size)) => usize::try_from(size).unwrap_or(usize::MAX),
        (None, BodySize::None | BodySize::Stream) => 0,
    }
}

fn is_compressed_type(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("image/"))
}

/// Adds `Accept-Encoding` to `Vary`, in one header line, since actix-cors keeps only the first `Vary` header.
fn vary(headers: &mut HeaderMap) {
    let before = headers.get(VARY).and_then(|value| value.to_str().ok());
    let joined =
        before.map_or_else(|| "Accept-Encoding".to_owned(), |before| format!("{before}, Accept-Encoding"));
    if let Ok(value) = HeaderValue::from_str(&joined) {
        headers.insert(VARY, value);
    }
}

async fn compress_body(response: ServiceResponse, coding: Coding) -> ServiceResponse {
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(bytes) if bytes.is_empty() => BoxBody::new(bytes),
        Ok(bytes) => match compress_once(bytes.clone(), coding).await {
            Some(compressed) => {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                BoxBody::new(compressed)
            }
            None => BoxBody::new(bytes),
        },
        Err(stream) => stream,
    };
    ServiceResponse::new(request, response.set_body(body))
}

/// Compresses bytes with [`Effort::Quick`]. `None` means that compression failed, for example because memory is
/// exhausted.
async fn compress_once(bytes: Bytes, coding: Coding) -> Option<Vec<u8>> {
    if bytes.len() <= IN_PLACE {
        return coding.compress(&bytes, Effort::Quick).ok();
    }
    let _permit = LARGE.acquire().await.ok()?;
    web::block(move || coding.compress(&bytes, Effort::Quick)).await.ok()?.ok()
}

/// Compresses a response body that is sent to several clients, and returns it with the name of its coding; `None` when
/// the body is not compressed.
pub(crate) async fn compress_for_all(
    bytes: &Bytes,
    coding: Option<&'static str>,
) -> Option<(Bytes, &'static str)> {
    let coding = Coding::ALL.into_iter().find(|known| Some(known.name()) == coding)?;
    if bytes.len() < LEAST {
        return None;
    }
    let compressed = compress_once(bytes.clone(), coding).await?;
    Some((Bytes::from(compressed), coding.name()))
}

/// A body that is the same for all clients. It is compressed once for each coding, at the first request of a client
/// that prefers the coding.
#[derive(Debug)]
pub(crate) struct StaticBody {
    plain: Bytes,
    brotli: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
    zstd: OnceCell<Bytes>,
}

impl StaticBody {
    pub(crate) fn new(plain: Bytes) -> Arc<Self> {
        Arc::new(Self { plain, brotli: OnceCell::new(), gzip: OnceCell::new(), zstd: OnceCell::new() })
    }

    /// Returns the uncompressed bytes.
    pub(crate) fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Returns a response with the body in the coding that the client prefers. Bodies of less than [`LEAST`] bytes are
    /// not compressed, and media types that are already compressed are not compressed again.
    pub(crate) async fn respond(
        self: &Arc<Self>,
        request: &HttpRequest,
        mut builder: HttpResponseBuilder,
    ) -> HttpResponse {
        let mut response = builder.finish();
        let coding = negotiate(request).ok().flatten();
        let coding = coding.filter(|_| self.plain.len() >= LEAST && !is_compressed_type(response.headers()));
        let mut bytes = self.plain();
        if let Some(coding) = coding
            && let Some(compressed) = self.compressed(coding).await
        {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            bytes = compressed;
        }
        response.extensions_mut().insert(SharedBytes);
        response.set_body(BoxBody::new(bytes))
    }

    async fn compressed(self: &Arc<Self>, coding: Coding) -> Option<Bytes> {
        let cell = self.cell(coding);
        if let Some(bytes) = cell.get() {
            return Some(bytes.clone());
        }
        // A separate task continues when the client has disconnected; otherwise the next request would start the
        // compression again.
        let this = Arc::clone(self);
        let task = rt::spawn(async move {
            let compress = async || {
                let plain = this.plain();
                web::block(move || coding.compress(&plain, Effort::Thorough)).await
            };
            let done = this.cell(coding).get_or_try_init(async || match compress().await {
                Ok(Ok(bytes)) => Ok(Bytes::from(bytes)),
                Ok(Err(_)) | Err(_) => Err(()),
            });
            done.await.ok().cloned()
        });
        task.await.ok().flatten()
    }

    const fn cell(&self, coding: Coding) -> &OnceCell<Bytes> {
        match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
            Coding::Zstd => &self.zstd,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use actix_web::{body::to_bytes, http::StatusCode, http::header::ACCEPT_ENCODING, test::TestRequest};

    use super::*;

    fn decompressed(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Brotli => brotli::BrotliDecompress(&mut &*bytes, &mut plain).unwrap(),
            Coding::Gzip => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap()),
            Coding::Zstd => plain = zstd::decode_all(bytes).unwrap(),
        }
        plain
    }

    #[actix_web::test]
    async fn a_static_body_is_compressed_once_for_each_coding() {
        let text = Bytes::from("some text that is long enough. ".repeat(1_000));
        let body = StaticBody::new(text.clone());
        for coding in Coding::ALL {
            let request =
                TestRequest::default().insert_header((ACCEPT_ENCODING, coding.name())).to_http_request();
            let mut first = None;
            for _ in 0..2 {
                let answer = body.respond(&request, HttpResponse::build(StatusCode::OK)).await;
                assert_eq!(answer.headers().get(CONTENT_ENCODING).unwrap(), coding.name());
                assert!(answer.extensions().get::<SharedBytes>().is_some());
                let bytes = to_bytes(answer.into_body()).await.unwrap();
                assert!(bytes.len() < text.len());
                assert_eq!(decompressed(coding, &bytes), text);
                let place = first.get_or_insert(bytes.as_ptr());
                assert_eq!(*place, bytes.as_ptr(), "the same bytes are sent again");
            }
        }
    }

    #[actix_web::test]
    async fn a_static_body_is_not_compressed_when_it_is_short_a_picture_or_requested_uncompressed() {
        let long = StaticBody::new(Bytes::from("x".repeat(LEAST)));
        let short = StaticBody::new(Bytes::from("x".repeat(LEAST - 1)));
        for (body, kind, accepted) in
            [(&short, "text/css", "br"), (&long, "image/png", "br"), (&long, "text/css", "identity")]
        {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, accepted)).to_http_request();
            let mut builder = HttpResponse::build(StatusCode::OK);
            builder.insert_header((CONTENT_TYPE, kind));
            let answer = body.respond(&request, builder).await;
            assert!(!answer.headers().contains_key(CONTENT_ENCODING));
            assert_eq!(to_bytes(answer.into_body()).await.unwrap(), body.plain());
        }
    }

    #[actix_web::test]
    async fn large_answers_are_compressed_too() {
        let text = Bytes::from("a large answer. ".repeat(IN_PLACE));
        for coding in Coding::ALL {
            let compressed = compress_once(text.clone(), coding).await.unwrap();
            assert_eq!(decompressed(coding, &compressed), text);
        }
    }
}
