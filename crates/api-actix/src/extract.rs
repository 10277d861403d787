//! What handlers take from a request: bodies, query parameters, identifiers in paths, tokens.
//!
//! Every extractor fails with a [`Problem`](crate::problem::Problem), and finds every fault of its part at once.

pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod client_address;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod nothing;
pub(crate) mod origin;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod upload;
pub(crate) mod values;

use actix_web::{HttpRequest, web};

pub(crate) use self::{
    body::{Body, FromBody, Patch},
    caller::{Admin, Caller, Visitor, authenticated},
    client_address::ClientAddress,
    fields::Fields,
    form::{Form, FromForm},
    nothing::Nothing,
    origin::origin_of,
    path::{At, PathId},
    query::{FromQuery, Params, Query},
    upload::{AvatarUpload, UploadPlaces},
};
use crate::{
    problem::{Problem, kinds},
    state::Api,
};

/// What readers of values may ask: the shop's currency, the rule for passwords.
pub(crate) fn api_of(request: &HttpRequest) -> Result<web::Data<Api>, Problem> {
    request.app_data::<web::Data<Api>>().cloned().ok_or_else(|| Problem {
        cause: Some("no Api in the app's data".into()),
        ..Problem::new(&kinds::INTERNAL)
    })
}
