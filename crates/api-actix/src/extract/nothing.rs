//! A call that takes nothing at all.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{body::unasked, faults::Faults, query};
use crate::{
    openapi::carrier,
    problem::{Problem, kinds},
};

/// No parameters and no body: any that is sent is unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

/// Refuses what a request sends though its call takes nothing: parameters, and fields of a body.
pub(super) fn nothing_of(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<(), Problem>> + use<> {
    let (request, payload) = (request.clone(), payload.take());
    async move {
        let mut faults = Faults::default();
        query::unknown(request.query_string(), &mut faults);
        unasked(request, payload, &mut faults).await?;
        faults.finish(Some(()))
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
