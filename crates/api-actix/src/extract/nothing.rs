//! Extractor for operations without query parameters and body.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{body::unasked, faults::Faults, query_string};
use crate::{
    openapi::describe,
    problem::{Problem, kinds},
};

/// Extracts nothing. Refuses all query parameters, and all fields of a body, as unknown. The body of a safe method
/// (such as GET) is ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

impl FromRequest for Nothing {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut faults = Faults::default();
            query_string::unknown(request.query_string(), &mut faults);
            unasked(request, payload, &mut faults).await?;
            faults.finish(Some(Self))
        })
    }
}

impl Apiv2Schema for Nothing {}

impl OperationModifier for Nothing {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
