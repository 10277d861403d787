//! A call that takes nothing at all.

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

/// No parameters and no body: any that is sent is unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

/// Finds what a request says that its call does not take: parameters, and fields of a body.
pub(super) fn nothing_of(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<(), Problem>> + use<> {
    let parameters = Params::open(request.query_string()).finish(Some(())).err();
    let fields = unasked(request.clone(), payload.take());
    async move {
        let mut faults = parameters.unwrap_or_default();
        faults.extend(fields.await?);
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}

impl FromRequest for Nothing {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let nothing = nothing_of(request, payload);
        Box::pin(async { nothing.await.map(|()| Self) })
    }
}

impl Apiv2Schema for Nothing {}

impl OperationModifier for Nothing {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
