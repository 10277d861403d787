//! A call that takes nothing at all.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::query::Params;
use crate::{
    openapi::carrier,
    problem::{Problem, kinds},
};

/// No parameters: any that is sent is unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

impl FromRequest for Nothing {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Params::open(request.query_string()).finish(Some(Self)).map_err(Problem::invalid))
    }
}

impl Apiv2Schema for Nothing {}

impl OperationModifier for Nothing {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
