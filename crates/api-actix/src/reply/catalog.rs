//! The response types of the handlers of the catalogue. Responses to reads have an `ETag` and support `If-None-Match`.
//! If the caller is anonymous, these responses may be cached for a short time.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    edge::{
        compression::{self, Unsent},
        context::SignedIn,
    },
    etag,
    openapi::{describe, headers},
    page::{self, PageBody, SearchPageBody},
    problem::{Problem, kinds},
};

/// The `Cache-Control` of responses to reads of the catalogue by callers without a token.
pub(crate) const PUBLIC_FOR_SECONDS: &str = "public, max-age=5";

/// One object of the catalogue, with a strong `ETag` of its version and its content.
#[derive(Debug)]
pub(crate) struct VersionedItem<T> {
    pub(crate) body: T,
    pub(crate) version: i64,
}

/// One object of the catalogue that has no version, with a weak `ETag`.
#[derive(Debug)]
pub(crate) struct CatalogItem<T>(pub(crate) T);

/// 200 with one object of the catalogue that was changed, and its strong `ETag`.
#[derive(Debug)]
pub(crate) struct ChangedItem<T> {
    pub(crate) body: T,
    pub(crate) version: i64,
}

/// 201 with one object of the catalogue that was created, its strong `ETag`, and its URL in `Location`: the URL of the
/// request followed by the identifier.
#[derive(Debug)]
pub(crate) struct CreatedItem<T> {
    pub(crate) body: T,
    pub(crate) id: Uuid,
    pub(crate) version: i64,
}

/// Like [`CreatedItem`], but without an `ETag`, for an object that has no version.
#[derive(Debug)]
pub(crate) struct CreatedEntry<T> {
    pub(crate) body: T,
    pub(crate) id: Uuid,
}

/// A page of a list of the catalogue, with a weak `ETag` and links to the other pages of the list.
#[derive(Debug)]
pub(crate) struct CatalogPage<T>(pub(crate) PageBody<T>);

/// Like [`CatalogPage`], for a list that can be searched.
#[derive(Debug)]
pub(crate) struct CatalogSearchPage<T>(pub(crate) SearchPageBody<T>);

/// Returns a response with the body and its entity tag, or a 304 response when the caller already has this version of
/// the body.
fn conditional(
    request: &HttpRequest,
    body: &impl Serialize,
    tag: impl FnOnce(&[u8]) -> String,
) -> HttpResponse {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(error) => return Problem::new(&kinds::INTERNAL).caused_by(&error).error_response(),
    };
    let tag = tag(&bytes);
    let known = etag::known(request.headers(), &tag);
    let status = if known.is_some() { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut builder = HttpResponse::build(status);
    builder.insert_header((header::VARY, "Authorization"));
    if request.extensions().get::<SignedIn>().is_none() {
        builder.insert_header((header::CACHE_CONTROL, PUBLIC_FOR_SECONDS));
    }
    if let Some(known) = known {
        let mut response = builder.insert_header((header::ETAG, known)).finish();
        response.extensions_mut().insert(Unsent(bytes.len()));
        return response;
    }
    builder.insert_header((header::ETAG, tag));
    builder.insert_header((header::CONTENT_TYPE, "application/json")).body(bytes)
}

/// Returns the response to a write, with the new state of the object and its strong entity tag.
fn written(request: &HttpRequest, status: StatusCode, body: &impl Serialize, version: i64) -> HttpResponse {
    let mut response = super::json(status, body);
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let tag = etag::strong(version, &bytes, compression::coding(request, bytes.len()));
            if let Ok(tag) = HeaderValue::from_str(&tag) {
                response.headers_mut().insert(header::ETAG, tag);
            }
            response
        }
        Err(error) => Problem::new(&kinds::INTERNAL).caused_by(&error).error_response(),
    }
}

impl<T: Serialize> Responder for ChangedItem<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        written(request, StatusCode::OK, &self.body, self.version)
    }
}

impl<T> Apiv2Schema for ChangedItem<T> {}

impl<T: JsonSchema> OperationModifier for ChangedItem<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<T>(op, 200, "Done.", &[headers::STRONG_ETAG]);
    }
}

impl<T: Serialize> Responder for CreatedItem<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        located(request, self.id, written(request, StatusCode::CREATED, &self.body, self.version))
    }
}

/// Adds the `Location` of the created object.
fn located(request: &HttpRequest, id: Uuid, mut response: HttpResponse) -> HttpResponse {
    let address = format!("{}/{id}", super::address_of(request));
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}

impl<T: Serialize> Responder for CreatedEntry<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        located(request, self.id, super::json(StatusCode::CREATED, &self.body))
    }
}

impl<T> Apiv2Schema for CreatedEntry<T> {}

impl<T: JsonSchema> OperationModifier for CreatedEntry<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<T>(op, 201, "Created.", &["Location"]);
    }
}

impl<T> Apiv2Schema for CreatedItem<T> {}

impl<T: JsonSchema> OperationModifier for CreatedItem<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<T>(op, 201, "Created.", &["Location", headers::STRONG_ETAG]);
    }
}

fn describe_item<T: JsonSchema>(op: &mut DefaultOperationRaw, etag: &str, example: &str) {
    let headers = [etag, headers::CATALOG_CACHE];
    describe::add_answer::<T>(op, 200, "Found.", &headers);
    describe::add_empty_answer(op, 304, "The caller already has this version.", &headers);
    describe::add_if_none_match(op, example);
}

/// A strong entity tag for examples.
const STRONG_EXAMPLE: &str = "\"3-9f1c2a3b4c5d6e7f\"";
/// A weak entity tag for examples.
const WEAK_EXAMPLE: &str = "W/\"9f1c2a3b4c5d6e7f\"";

impl<T: Serialize> Responder for VersionedItem<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        conditional(request, &self.body, |bytes| {
            etag::strong(self.version, bytes, compression::coding(request, bytes.len()))
        })
    }
}

impl<T> Apiv2Schema for VersionedItem<T> {}

impl<T: JsonSchema> OperationModifier for VersionedItem<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe_item::<T>(op, headers::STRONG_ETAG, STRONG_EXAMPLE);
    }
}

impl<T: Serialize> Responder for CatalogItem<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        conditional(request, &self.0, etag::weak)
    }
}

impl<T> Apiv2Schema for CatalogItem<T> {}

impl<T: JsonSchema> OperationModifier for CatalogItem<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe_item::<T>(op, headers::WEAK_ETAG, WEAK_EXAMPLE);
    }
}

impl<T: Serialize> Responder for CatalogPage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        super::linked(request, &self.0, conditional(request, &self.0, etag::weak))
    }
}

impl<T> Apiv2Schema for CatalogPage<T> {}

impl<T: JsonSchema> OperationModifier for CatalogPage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        let headers = [headers::WEAK_ETAG, headers::CATALOG_CACHE, "Link"];
        describe::add_page::<PageBody<T>, T>(op, &headers, page::example);
        describe::add_empty_answer(op, 304, "The caller already has this version.", &headers);
        describe::add_if_none_match(op, WEAK_EXAMPLE);
    }
}

impl<T: Serialize> Responder for CatalogSearchPage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        super::linked(request, &self.0.page, conditional(request, &self.0, etag::weak))
    }
}

impl<T> Apiv2Schema for CatalogSearchPage<T> {}

impl<T: JsonSchema> OperationModifier for CatalogSearchPage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        let headers = [headers::WEAK_ETAG, headers::CATALOG_CACHE, "Link"];
        describe::add_page::<SearchPageBody<T>, T>(op, &headers, page::search_example);
        describe::add_empty_answer(op, 304, "The caller already has this version.", &headers);
        describe::add_if_none_match(op, WEAK_EXAMPLE);
    }
}
