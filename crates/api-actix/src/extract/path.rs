//! The identifier in a path.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

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

/// The one identifier that a path names, on a call that takes no query parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let id = request.match_info().iter().next().and_then(|(_, text)| text.parse().ok());
        let id = id.map(Self).ok_or_else(|| {
            Problem::new(&kinds::MALFORMED_REQUEST).because("The identifier in the path is not a UUID.")
        });
        ready(id.and_then(|id| {
            let params = Params::open(request.query_string());
            params.finish(Some(id)).map_err(Problem::invalid)
        }))
    }
}

impl<T> Apiv2Schema for PathId<T> {}

impl<T> OperationModifier for PathId<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_path_id(op);
        carrier::add_problem(op, &kinds::MALFORMED_REQUEST);
        carrier::add_problem(op, &kinds::NOT_FOUND);
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
