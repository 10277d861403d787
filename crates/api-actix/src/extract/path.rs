//! The identifier in a path.

use std::{future::Future, pin::Pin, str::FromStr};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::nothing::nothing_of;
use crate::{
    openapi::carrier,
    problem::{Problem, kinds},
};

/// The one identifier that a path names, on a call that takes neither query parameters nor a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

/// The one identifier that a path names, and the rest of the request.
#[derive(Debug)]
pub(crate) struct At<T, R> {
    pub(crate) id: T,
    pub(crate) rest: R,
}

fn id_of<T: FromStr>(request: &HttpRequest) -> Result<T, Problem> {
    let id = request.match_info().iter().next().and_then(|(_, text)| text.parse().ok());
    id.ok_or_else(|| {
        Problem::new(&kinds::MALFORMED_REQUEST).because("The identifier in the path is not a UUID.")
    })
}

impl<T: FromStr + 'static> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (id, nothing) = (id_of(request), nothing_of(request, payload));
        Box::pin(async {
            let id = id?;
            nothing.await.map(|()| Self(id))
        })
    }
}

impl<T: FromStr + 'static, R: FromRequest<Error = Problem> + 'static> FromRequest for At<T, R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let id = id_of(request);
        let rest = R::from_request(request, payload);
        Box::pin(async move { Ok(Self { id: id?, rest: rest.await? }) })
    }
}

impl<T, R> Apiv2Schema for At<T, R> {}

impl<T, R: OperationModifier> OperationModifier for At<T, R> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_path_id(op);
        carrier::add_problem(op, &kinds::MALFORMED_REQUEST);
        carrier::add_problem(op, &kinds::NOT_FOUND);
        R::update_parameter(op);
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
