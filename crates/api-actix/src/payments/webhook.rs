//! Webhooks of payment providers.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use tokio::sync::Semaphore;

use crate::{
    edge::in_flight::read_body,
    extract::{
        body::{check_packing_and_length, collect},
        query,
    },
    openapi::describe,
    problem::{Problem, kinds},
};

/// The maximum size of a webhook, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// Limits how many webhooks are read at the same time, to 64 MiB in total.
static READING: Semaphore = Semaphore::const_new(256);

/// A webhook as it was sent.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// The provider in the path.
    pub(crate) provider: String,
    /// The header of the provider's signature, such as `Stripe-Signature`.
    pub(crate) signature: Option<String>,
    /// The signed bytes.
    pub(crate) body: Vec<u8>,
}

impl FromRequest for Webhook {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            query::refuse_any(&request)?;
            check_packing_and_length(&request, MAX_BODY)?;
            let provider = request.match_info().iter().next().map(|(_, name)| name).unwrap_or_default();
            let header = format!("{provider}-signature");
            let signature = request.headers().get(&*header).and_then(|value| value.to_str().ok());
            let (provider, signature) = (provider.to_owned(), signature.map(str::to_owned));
            // Without a signature the webhook is refused, so its body is not read.
            let body = if signature.is_some() { read(&request, payload).await? } else { Vec::new() };
            Ok(Self { provider, signature, body })
        })
    }
}

/// Reads a body. The number of simultaneous reads is limited, since the senders are not verified yet.
async fn read(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Problem> {
    let permit = READING.try_acquire();
    let _permit = permit.map_err(|_| Problem::unavailable().because("Too many webhooks are being read."))?;
    Ok(read_body(request, collect(payload, MAX_BODY)).await?.to_vec())
}

impl Apiv2Schema for Webhook {}

impl OperationModifier for Webhook {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let providers = ["sandbox", "stripe"].map(str::to_owned);
        describe::add_path_name(op, "The payment provider.", &providers);
        describe::add_any_body(op, "An event of the provider, signed over these bytes; at most 256 KiB.");
        for kind in [
            &kinds::MALFORMED_REQUEST,
            &kinds::TOO_LARGE,
            &kinds::UNSUPPORTED_MEDIA_TYPE,
            &kinds::VALIDATION_FAILED,
        ] {
            describe::add_problem(op, kind);
        }
    }
}
