//! Extractors of permits for responses that need much memory while they are built.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{api_of, nothing::Nothing};
use crate::{large_answers::SendingPermit, problem::Problem};

/// Waits for a permit to build a page of long texts.
///
/// The permit is stored in the extensions of the request. It is released when the request is dropped, which is after
/// the response was compressed.
#[derive(Debug)]
pub(crate) struct LongPage;

/// Takes the permits to build and to send an export, for an operation without query parameters and body. The
/// request is refused while too many exports are being built or sent.
///
/// The permit to build the export is stored in the extensions of the request. The field is the permit to send it.
#[derive(Debug)]
pub(crate) struct LargeExport(pub(crate) SendingPermit);

impl FromRequest for LongPage {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let building = api_of(&request)?.large_answers.page().await?;
            request.extensions_mut().insert(building);
            Ok(Self)
        })
    }
}

impl FromRequest for LargeExport {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, rest) = (request.clone(), Nothing::from_request(request, payload));
        Box::pin(async move {
            rest.await?;
            let (building, sending) = api_of(&request)?.large_answers.export()?;
            request.extensions_mut().insert(building);
            Ok(Self(sending))
        })
    }
}

impl Apiv2Schema for LongPage {}
impl OperationModifier for LongPage {}
impl Apiv2Schema for LargeExport {}

impl OperationModifier for LargeExport {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        Nothing::update_parameter(op);
    }
}
