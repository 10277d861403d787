//! Extractor of the public URL of the server.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};

use super::api_of;
use crate::{problem::Problem, state::Api};

/// Extracts the setting `PUBLIC_URL`. The absolute URLs of this server in responses begin with it.
pub(crate) struct PublicUrl(web::Data<Api>);

impl Deref for PublicUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.settings.public_url
    }
}

impl FromRequest for PublicUrl {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(api_of(request).map(Self))
    }
}

impl Apiv2Schema for PublicUrl {}
impl OperationModifier for PublicUrl {}
