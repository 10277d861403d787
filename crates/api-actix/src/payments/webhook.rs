//! Extractor for the webhooks that payment providers send.

use std::{
    future::Future,
    pin::{Pin, pin},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::network::Network;
use futures_util::FutureExt;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use crate::{
    client_address::client_address,
    edge::in_flight::read_body,
    extract::{
        api_of,
        body::{check_packing_and_length, collect_within},
        query,
    },
    openapi::describe,
    problem::{Problem, Refusal, kinds},
    state::Api,
};

/// The maximum size of a webhook, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The maximum time until the body of a webhook has arrived. It is shorter than for other bodies, because the number of
/// webhooks that are received at the same time is limited.
const PATIENCE: Duration = Duration::from_secs(3);

/// Extracts a webhook as it was sent. Its signature has not been verified yet.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// The name of the payment provider, from the path.
    pub(crate) provider: String,
    /// The value of the header with the provider's signature, such as `Stripe-Signature`; `None` if the header is
    /// missing or contains characters other than visible ASCII.
    pub(crate) signature: Option<String>,
    /// The bytes that the provider signed.
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
            let api = api_of(&request)?;
            // If the provider or the header is invalid, the webhook is refused before its body is received.
            let checked = api.state.payments.check_webhook_header(&provider, signature.as_deref());
            checked.map_err(|refusal| refusal.problem())?;
            let body = read(&request, &api, payload).await?;
            Ok(Self { provider, signature, body })
        })
    }
}

/// Reads the body. The number of webhooks whose bodies the server waits for is limited, because their senders are not
/// verified yet.
async fn read(request: &HttpRequest, api: &Api, payload: Payload) -> Result<Vec<u8>, Problem> {
    let mut reading = pin!(collect_within(PATIENCE, payload, MAX_BODY));
    // Lets the connection deliver a body that arrived together with the request head: such a body needs no permit.
    tokio::task::yield_now().await;
    if let Some(read) = reading.as_mut().now_or_never() {
        return Ok(read?.to_vec());
    }
    let client = client_address(request, &api.settings.trusted_proxies).map(Network::of_client);
    let _permit = api.webhooks.acquire(client)?;
    Ok(read_body(request, reading).await?.to_vec())
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
