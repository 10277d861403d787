//! The types that handlers return as responses. Each type describes itself in the OpenAPI document.

mod catalog;

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

pub(crate) use self::catalog::{
    CatalogItem, CatalogPage, CatalogSearchPage, ChangedItem, CreatedEntry, CreatedItem, PUBLIC_FOR_SECONDS,
    VersionedItem,
};
use crate::{
    openapi::describe,
    page::{self, PageBody, SearchPageBody},
    problem::{Problem, kinds},
    state::Api,
};

/// Declares response types that consist of a status and a JSON body.
macro_rules! json_answers {
    ($($(#[$doc:meta])* $name:ident = $status:ident $description:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name<T>(pub(crate) T);

        impl<T: Serialize> Responder for $name<T> {
            type Body = BoxBody;

            fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
                json(StatusCode::$status, &self.0)
            }
        }

        impl<T> Apiv2Schema for $name<T> {}

        impl<T: JsonSchema> OperationModifier for $name<T> {
            fn update_response(op: &mut DefaultOperationRaw) {
                describe::add_answer::<T>(op, StatusCode::$status.as_u16(), $description, &[]);
            }
        }
    )*};
}

json_answers! {
    /// 200: the operation succeeded.
    OkJson = OK "Done.";
    /// 201: the object was created.
    CreatedJson = CREATED "Created.";
    /// 202: the operation will be done later.
    AcceptedJson = ACCEPTED "Accepted.";
}

/// A response that can be stored, for later requests with the same idempotency key.
pub(crate) trait Answer: Responder<Body = BoxBody> {
    /// Returns the status.
    fn status(&self) -> StatusCode;
    /// Returns the JSON body.
    fn json(&self) -> String;
}

impl<T: Serialize> Answer for CreatedJson<T> {
    fn status(&self) -> StatusCode {
        StatusCode::CREATED
    }

    fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

impl<T: Serialize> Answer for CreatedOrOk<T> {
    fn status(&self) -> StatusCode {
        if self.is_new { StatusCode::CREATED } else { StatusCode::OK }
    }

    fn json(&self) -> String {
        serde_json::to_string(&self.body).unwrap_or_default()
    }
}

/// 201 when the object was created, 200 when it already existed.
#[derive(Debug)]
pub(crate) struct CreatedOrOk<T> {
    pub(crate) is_new: bool,
    pub(crate) body: T,
}

impl<T: Serialize> Responder for CreatedOrOk<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        json(self.status(), &self.body)
    }
}

impl<T> Apiv2Schema for CreatedOrOk<T> {}

impl<T: JsonSchema> OperationModifier for CreatedOrOk<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<T>(op, 201, "Created.", &[]);
        describe::add_answer::<T>(op, 200, "The object already existed.", &[]);
    }
}

/// 204: the operation was done, and there is no content.
#[derive(Debug)]
pub(crate) struct NoContent;

/// A page of a list that is not public, with links to the other pages of the list.
#[derive(Debug)]
pub(crate) struct PrivatePage<T>(pub(crate) PageBody<T>);

/// Like [`PrivatePage`], for a list that can be searched.
#[derive(Debug)]
pub(crate) struct PrivateSearchPage<T>(pub(crate) SearchPageBody<T>);

/// Creates a response with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(body) {
        Ok(mut bytes) => {
            // The memory limit for responses counts the length of a body, but a vector occupies its capacity, which may
            // be greater.
            bytes.shrink_to_fit();
            HttpResponse::build(status)
                .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
                .body(bytes)
        }
        Err(error) => Problem::new(&kinds::INTERNAL).caused_by(&error).error_response(),
    }
}

/// Returns the absolute URL of the request, without its query.
fn address_of(request: &HttpRequest) -> String {
    let public_url = request.app_data::<web::Data<Api>>().map_or("", |api| api.settings.public_url.as_str());
    format!("{}{}", public_url.trim_end_matches('/'), request.path())
}

/// Adds the `Link` header, with links to the other pages of the list.
fn linked<T>(request: &HttpRequest, page: &PageBody<T>, mut response: HttpResponse) -> HttpResponse {
    if let Ok(links) = HeaderValue::from_str(&page.links(&address_of(request), request.query_string())) {
        response.headers_mut().insert(header::LINK, links);
    }
    response
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
        describe::add_empty_answer(op, 204, "Done.", &[]);
    }
}

impl<T: Serialize> Responder for PrivatePage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        linked(request, &self.0, json(StatusCode::OK, &self.0))
    }
}

impl<T> Apiv2Schema for PrivatePage<T> {}

impl<T: JsonSchema> OperationModifier for PrivatePage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_page::<PageBody<T>, T>(op, &["Link"], page::example);
    }
}

impl<T: Serialize> Responder for PrivateSearchPage<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        linked(request, &self.0.page, json(StatusCode::OK, &self.0))
    }
}

impl<T> Apiv2Schema for PrivateSearchPage<T> {}

impl<T: JsonSchema> OperationModifier for PrivateSearchPage<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_page::<SearchPageBody<T>, T>(op, &["Link"], page::search_example);
    }
}
