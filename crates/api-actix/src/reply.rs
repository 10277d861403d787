//! The answers that handlers give, each of which knows its place in the document.

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    edge::compression::{self, Unsent},
    etag,
    openapi::{carrier, headers},
    page::{self, PageBody},
    problem::{Problem, kinds},
    state::Api,
};

/// 200 with a body.
#[derive(Debug)]
pub(crate) struct OkJson<T>(pub(crate) T);

/// 201 with what was made.
#[derive(Debug)]
pub(crate) struct CreatedJson<T>(pub(crate) T);

/// 202: it will be done.
#[derive(Debug)]
pub(crate) struct AcceptedJson<T>(pub(crate) T);

/// 204.
#[derive(Debug)]
pub(crate) struct NoContent;

/// 200 with a body to be kept as a file of this name.
#[derive(Debug)]
pub(crate) struct Download<T> {
    pub(crate) body: T,
    pub(crate) file_name: String,
}

/// Writes a JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(body) {
        Ok(bytes) => HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(bytes),
        Err(error) => Problem::new(&kinds::INTERNAL).caused_by(&error).error_response(),
    }
}

impl<T: Serialize> Responder for OkJson<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(StatusCode::OK, &self.0)
    }
}

impl<T> Apiv2Schema for OkJson<T> {}

impl<T: JsonSchema> OperationModifier for OkJson<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_answer::<T>(op, 200, "Done.", &[]);
    }
}

impl<T: Serialize> Responder for Download<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let mut response = json(StatusCode::OK, &self.body);
        let disposition = format!("attachment; filename=\"{}\"", self.file_name);
        if let Ok(disposition) = HeaderValue::from_str(&disposition) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }
}

impl<T> Apiv2Schema for Download<T> {}

impl<T: JsonSchema> OperationModifier for Download<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_answer::<T>(op, 200, "A file to keep.", &["Content-Disposition"]);
    }
}

impl<T: Serialize> Responder for CreatedJson<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T> Apiv2Schema for CreatedJson<T> {}

impl<T: JsonSchema> OperationModifier for CreatedJson<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_answer::<T>(op, 201, "Made.", &[]);
    }
}

impl<T: Serialize> Responder for AcceptedJson<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(StatusCode::ACCEPTED, &self.0)
    }
}

impl<T> Apiv2Schema for AcceptedJson<T> {}

impl<T: JsonSchema> OperationModifier for AcceptedJson<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_answer::<T>(op, 202, "Accepted.", &[]);
    }
}

impl Responder for NoContent {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::new(StatusCode::NO_CONTENT)
    }
}

impl Apiv2Schema for NoContent {}

impl OperationModifier for NoContent {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_empty_answer(op, 204, "Done.", &[]);
    }
}

/// One thing of the catalogue, with a strong `ETag` (api.md, conditional requests).
#[derive(Debug)]
pub(crate) struct Entity<T> {
    pub(crate) body: T,
    pub(crate) version: i64,
    /// Whether nobody in particular asked, so that anybody may keep the answer for a moment.
    pub(crate) is_anonymous: bool,
}

/// A list that is nobody else's business, with links to its other pages.
#[derive(Debug)]
pub(crate) struct PrivatePage<T>(pub(crate) PageBody<T>);

/// A list of the catalogue, with a weak `ETag` and links to its other pages.
#[derive(Debug)]
pub(crate) struct ListPage<T> {
    pub(crate) page: PageBody<T>,
    pub(crate) is_anonymous: bool,
}

impl<T: Serialize> Responder for Entity<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        conditional(request, &self.body, self.is_anonymous, |bytes| {
            etag::strong(self.version, bytes, compression::coding(request, bytes.len()).as_deref())
        })
    }
}

impl<T: Serialize> Responder for ListPage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let response = conditional(request, &self.page, self.is_anonymous, etag::weak);
        linked(request, &self.page, response)
    }
}

impl<T: Serialize> Responder for PrivatePage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        linked(request, &self.0, json(StatusCode::OK, &self.0))
    }
}

/// Adds the links to the other pages of the list.
fn linked<T>(request: &HttpRequest, page: &PageBody<T>, mut response: HttpResponse) -> HttpResponse {
    let public_url = request.app_data::<web::Data<Api>>().map_or("", |api| api.settings.public_url.as_str());
    let address = format!("{}{}", public_url.trim_end_matches('/'), request.path());
    if let Ok(links) = HeaderValue::from_str(&page.links(&address, request.query_string())) {
        response.headers_mut().insert(header::LINK, links);
    }
    response
}

fn conditional(
    request: &HttpRequest,
    body: &impl Serialize,
    is_anonymous: bool,
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
    if is_anonymous {
        builder.insert_header((header::CACHE_CONTROL, "public, max-age=5"));
    }
    if let Some(known) = known {
        let mut response = builder.insert_header((header::ETAG, known)).finish();
        response.extensions_mut().insert(Unsent(bytes.len()));
        return response;
    }
    builder.insert_header((header::ETAG, tag));
    builder.insert_header((header::CONTENT_TYPE, "application/json")).body(bytes)
}

impl<T> Apiv2Schema for Entity<T> {}
impl<T> Apiv2Schema for ListPage<T> {}
impl<T> Apiv2Schema for PrivatePage<T> {}

impl<T: JsonSchema> OperationModifier for PrivatePage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        carrier::add_page::<PageBody<T>, T>(op, &["Link"], page::example);
    }
}

impl<T: JsonSchema> OperationModifier for Entity<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        let headers = [headers::STRONG_ETAG, headers::CATALOG_CACHE];
        carrier::add_answer::<T>(op, 200, "Found.", &headers);
        carrier::add_empty_answer(op, 304, "The caller has it already.", &headers);
        carrier::add_if_none_match(op, "\"3-9f1c2a3b4c5d6e7f\"");
    }
}

impl<T: JsonSchema> OperationModifier for ListPage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        let headers = [headers::WEAK_ETAG, headers::CATALOG_CACHE, "Link"];
        carrier::add_page::<PageBody<T>, T>(op, &headers, page::example);
        carrier::add_empty_answer(op, 304, "The caller has it already.", &headers);
        carrier::add_if_none_match(op, "W/\"9f1c2a3b4c5d6e7f\"");
    }
}
