//! Extractor of the versions in `If-Match`, for operations that change a resource.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use app::catalog::ExpectedVersion;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use crate::{etag, openapi::describe, problem::kinds};

/// Extracts the versions in `If-Match`. The use case refuses the change if the current version of the resource is none
/// of them. Without the header, or with `*`, any version is accepted.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) ExpectedVersion);

impl FromRequest for IfMatch {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let expected = etag::expected_versions(request.headers());
        ready(Ok(Self(expected.map_or(ExpectedVersion::Any, ExpectedVersion::OneOf))))
    }
}

impl Apiv2Schema for IfMatch {}

impl OperationModifier for IfMatch {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_if_match(op, "\"3-9f1c2a3b4c5d6e7f\"");
        describe::add_problem(op, &kinds::PRECONDITION_FAILED);
    }
}
