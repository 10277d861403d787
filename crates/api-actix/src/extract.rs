//! What handlers take from a request: bodies, query parameters, identifiers in paths, tokens.
//!
//! Every extractor fails with a [`Problem`](crate::problem::Problem), and finds every fault of its part at once.

pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod client_address;
pub(crate) mod faults;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod nothing;
pub(crate) mod origin;
pub(crate) mod path;
pub(crate) mod query;
mod shape;
pub(crate) mod upload;
pub(crate) mod values;

use actix_web::{HttpRequest, web};

pub(crate) use self::{
    body::{Body, Patch},
    caller::{Admin, Caller, Visitor, authenticated},
    client_address::ClientAddress,
    faults::{Fault, Faults},
    form::Form,
    input::{Input, inputs},
    nothing::Nothing,
    origin::origin_of,
    path::{At, PathId},
    query::Query,
    upload::{AvatarUpload, UploadPlaces},
    values::{Amount, Changed, NewPassword, Sorts, Text, Token, TypedPassword, amount},
};
use crate::{
    problem::{Problem, kinds},
    state::Api,
};

/// What extractors work with.
pub(crate) fn api_of(request: &HttpRequest) -> Result<web::Data<Api>, Problem> {
    request.app_data::<web::Data<Api>>().cloned().ok_or_else(|| Problem {
        cause: Some("no Api in the app's data".into()),
        ..Problem::new(&kinds::INTERNAL)
    })
}

/// The rules of a shop in which it is 22 November 2026.
#[cfg(test)]
pub(crate) fn test_rules() -> crate::rules::Rules {
    struct Noon;

    impl domain::time::Clock for Noon {
        fn now(&self) -> domain::time::Instant {
            "2026-11-22T12:00:00Z".parse().unwrap()
        }
    }

    crate::rules::Rules {
        passwords: domain::accounts::PasswordPolicy::Standard,
        currency: "USD".parse().unwrap(),
        clock: std::sync::Arc::new(Noon),
    }
}
