//! Caches anonymous responses of the catalogue in memory for a short time.
//!
//! When several clients request the same page at the same time, the query runs once for all of them. A response is
//! cached with its headers, once for each content coding, so that it is also compressed only once. Each successful
//! write to `/api/v1` of this server clears the cache, unless its path is in a private area (`PRIVATE_AREAS`). Any
//! other change, such as a change by another server or by a background job, is visible after
//! [`ApiSettings::hot_page_time`] at the latest.
//!
//! [`ApiSettings::hot_page_time`]: crate::ApiSettings::hot_page_time

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{
            AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
            HeaderValue, IF_NONE_MATCH,
        },
    },
    middleware::Next,
    web::Bytes,
};
use moka::sync::Cache;
use tokio::sync::OnceCell;

use super::{
    body::SharedBytes,
    compression::{self, Unsent},
};
use crate::{etag, reply::PUBLIC_FOR_SECONDS};

/// The maximum number of cached pages. Rarely requested pages are evicted first.
const MOST: u64 = 256;

/// The maximum size of a cached response before compression, in bytes.
const LARGEST: usize = 128 * 1024;

/// Writes to these areas do not clear the cache, because they change nothing that an anonymous visitor sees.
const PRIVATE_AREAS: [&str; 6] =
    ["/accounts/", "/cart", "/orders", "/payments", "/notifications", "/library"];

/// The cache of pages. Clones share the same pages.
#[derive(Clone)]
pub(crate) struct HotPages {
    /// `None` when caching is disabled.
    pages: Option<Cache<Key, Arc<Slot>>>,
}

/// The parts of an anonymous request that determine its response.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    path_and_query: String,
    coding: Option<&'static str>,
}

/// The cache entry of a key. It is empty until the first response. After that, it contains the page, or `None` if the
/// response cannot be cached.
type Slot = OnceCell<Option<Arc<Page>>>;

/// A cached response with status 200.
struct Page {
    headers: Vec<(HeaderName, HeaderValue)>,
    tag: String,
    /// The body, compressed if `headers` contain a content coding.
    body: Bytes,
    /// The size of the body before compression, in bytes.
    size: usize,
}

impl HotPages {
    /// Creates a cache that keeps each page for this time; zero disables caching.
    pub(crate) fn new(time: Duration) -> Self {
        let pages = (!time.is_zero()).then(|| Cache::builder().max_capacity(MOST).time_to_live(time).build());
        Self { pages }
    }

    fn clear(&self) {
        if let Some(pages) = &self.pages {
            pages.invalidate_all();
        }
    }

    /// Returns the cache entry (slot) of a request; `None` if its response must not be cached.
    fn slot(&self, request: &ServiceRequest) -> Option<Arc<Slot>> {
        let pages = self.pages.as_ref()?;
        let is_anonymous = !request.headers().contains_key(AUTHORIZATION);
        if request.method() != Method::GET || !is_anonymous || !request.path().starts_with("/api/v1/") {
            return None;
        }
        let path_and_query = request.uri().path_and_query()?.as_str().to_owned();
        let coding = compression::preferred(request.request());
        Some(pages.get_with(Key { path_and_query, coding }, Arc::default))
    }
}

impl Page {
    /// Reads a response into a page. A response that cannot be cached is returned unchanged as the error.
    async fn of(
        response: ServiceResponse<BoxBody>,
        coding: Option<&'static str>,
    ) -> Result<(Self, HttpRequest), ServiceResponse<BoxBody>> {
        let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let is_public = text(CACHE_CONTROL) == Some(PUBLIC_FOR_SECONDS);
        let Some(tag) = text(ETAG).filter(|_| is_public && response.status() == StatusCode::OK) else {
            return Err(response);
        };
        let tag = tag.to_owned();
        let mut headers: Vec<(HeaderName, HeaderValue)> = response
            .headers()
            .iter()
            .filter(|(name, _)| **name != ETAG)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let (request, response) = response.into_parts();
        let (head, body) = response.into_parts();
        let body = match body.try_into_bytes() {
            Ok(body) if body.len() <= LARGEST => body,
            Ok(body) => return Err(ServiceResponse::new(request, head.set_body(BoxBody::new(body)))),
            Err(stream) => return Err(ServiceResponse::new(request, head.set_body(stream))),
        };
        let size = body.len();
        let body = match compression::compress_for_all(&body, coding).await {
            Some((compressed, coding)) => {
                headers.push((CONTENT_ENCODING, HeaderValue::from_static(coding)));
                compressed
            }
            None => body,
        };
        Ok((Self { headers, tag, body, size }, request))
    }

    /// Returns a response with the page, or a 304 response when the caller already has this version of the page.
    /// `conditions` contains the caller's `If-None-Match`.
    fn respond(&self, request: HttpRequest, conditions: &HeaderMap) -> ServiceResponse<BoxBody> {
        let known = etag::known(conditions, &self.tag);
        let is_known = known.is_some();
        let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut response = HttpResponse::new(status);
        for (name, value) in &self.headers {
            if !is_known || ![CONTENT_TYPE, CONTENT_ENCODING].contains(name) {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
        if let Ok(tag) = HeaderValue::from_str(known.as_deref().unwrap_or(&self.tag)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response.extensions_mut().insert(Unsent(self.size));
        if !is_known {
            response.extensions_mut().insert(SharedBytes);
            response = response.set_body(BoxBody::new(self.body.clone()));
        }
        ServiceResponse::new(request, response)
    }
}

/// Serves responses from the cache, adds responses to the cache, and clears the cache after a write.
pub(crate) async fn serve<B: MessageBody + 'static>(
    pages: HotPages,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(slot) = pages.slot(&request) else {
        let is_write = !request.method().is_safe() && is_public_area(request.path());
        let response = next.call(request).await?.map_into_boxed_body();
        if is_write && response.status().is_success() {
            pages.clear();
        }
        return Ok(response);
    };
    // `If-None-Match` is hidden from the handler, so that the handler returns the complete page. The condition is
    // checked afterwards.
    let mut conditions = HeaderMap::new();
    for value in request.headers_mut().remove(IF_NONE_MATCH) {
        conditions.append(IF_NONE_MATCH, value);
    }
    let coding = compression::preferred(request.request());
    // `unanswered` is the request until it is passed to the handler. `first` is the result of this request if this
    // request fills the slot.
    let (mut unanswered, mut first) = (Some(request), None);
    let page = slot
        .get_or_init(async || {
            let response = match next.call(unanswered.take()?).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => {
                    first = Some(Err(error));
                    return None;
                }
            };
            match Page::of(response, coding).await {
                Ok((page, request)) => {
                    let page = Arc::new(page);
                    first = Some(Ok(page.respond(request, &conditions)));
                    Some(page)
                }
                Err(response) => {
                    first = Some(Ok(conditional(response, &conditions)));
                    None
                }
            }
        })
        .await;
    match (first, page, unanswered) {
        (Some(answer), _, _) => answer,
        (None, Some(page), Some(request)) => Ok(page.respond(request.into_parts().0, &conditions)),
        (None, _, request) => {
            let Some(request) = request else { return Err(actix_web::error::ErrorInternalServerError("")) };
            let response = next.call(request).await?.map_into_boxed_body();
            Ok(conditional(response, &conditions))
        }
    }
}

/// Replaces the response with a 304 response if the caller already has the page.
fn conditional(response: ServiceResponse<BoxBody>, conditions: &HeaderMap) -> ServiceResponse<BoxBody> {
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let known =
        tag.filter(|_| response.status() == StatusCode::OK).and_then(|tag| etag::known(conditions, tag));
    let Some(known) = known.and_then(|known| HeaderValue::from_str(&known).ok()) else { return response };
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    *head.status_mut() = StatusCode::NOT_MODIFIED;
    head.headers_mut().remove(CONTENT_TYPE);
    head.headers_mut().insert(ETAG, known);
    if let Ok(bytes) = body.try_into_bytes() {
        head.extensions_mut().insert(Unsent(bytes.len()));
    }
    ServiceResponse::new(request, head.map_into_boxed_body())
}

fn is_public_area(path: &str) -> bool {
    path.strip_prefix("/api/v1").is_some_and(|path| !PRIVATE_AREAS.iter().any(|area| path.starts_with(area)))
}
