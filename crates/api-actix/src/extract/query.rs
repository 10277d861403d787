//! Reads and validates query parameters.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

pub(crate) use super::query_string::{name_of, read, refuse_any};
use super::{
    api_of,
    body::unasked,
    faults::Faults,
    input::{self, Input},
};
use crate::{
    openapi::describe,
    problem::{Problem, kinds},
};

/// Extracts the valid query parameters of an operation that takes no body. An empty value (`year_min=`, as HTML
/// forms send) counts as absent.
#[derive(Debug)]
pub(crate) struct Query<T: Input>(pub(crate) T::Checked);

impl<T: Input> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut faults = Faults::default();
            let value = read::<T>(request.query_string(), &api_of(&request)?.state.rules, &mut faults);
            unasked(request, payload, &mut faults).await?;
            faults.finish(value).map(Self)
        })
    }
}

impl<T: Input> Apiv2Schema for Query<T> {}

impl<T: Input> OperationModifier for Query<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        debug_assert!(input::is_checkable::<T>());
        describe::add_query::<T>(op);
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
