//! A call without parameters and body.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{body::unasked, query::Params};
use crate::{
    openapi::carrier,
    problem::{Problem, kinds},
};

/// No query parameters and no body: whatever is sent is refused as unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

impl FromRequest for Nothing {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parameters = Params::open(request.query_string()).finish(Some(())).err();
        let fields = unasked(request.clone(), payload.take());
        Box::pin(async move {
            let mut faults = parameters.unwrap_or_default();
            faults.extend(fields.await?);
            if faults.is_empty() { Ok(Self) } else { Err(Problem::invalid(faults)) }
        })
    }
}

impl Apiv2Schema for Nothing {}

impl OperationModifier for Nothing {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
