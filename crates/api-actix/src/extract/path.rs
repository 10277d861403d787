//! Extractor of the identifier in a path.

use std::{future::Future, pin::Pin, str::FromStr};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::nothing::Nothing;
use crate::{
    openapi::describe,
    problem::{Problem, kinds},
};

/// Extracts the only identifier in a path, and `R` from the rest of the request.
#[derive(Debug)]
pub(crate) struct PathId<T, R = Nothing>(pub(crate) T, pub(crate) R);

fn id_of<T: FromStr>(request: &HttpRequest) -> Result<T, Problem> {
    let id = request.match_info().iter().next().and_then(|(_, text)| text.parse().ok());
    id.ok_or_else(|| {
        Problem::new(&kinds::MALFORMED_REQUEST).because("The identifier in the path is not a UUID.")
    })
}

impl<T: FromStr + 'static, R: FromRequest<Error = Problem> + 'static> FromRequest for PathId<T, R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let id = id_of(request);
        let rest = R::from_request(request, payload);
        Box::pin(async move { Ok(Self(id?, rest.await?)) })
    }
}

impl<T, R> Apiv2Schema for PathId<T, R> {}

impl<T, R: OperationModifier> OperationModifier for PathId<T, R> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_path_id(op);
        describe::add_problem(op, &kinds::MALFORMED_REQUEST);
        R::update_parameter(op);
    }
}
