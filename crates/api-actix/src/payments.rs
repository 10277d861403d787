//! Payments: the caller's own payments, the payments of all users for moderators, and the webhooks of the provider.

pub(crate) mod bodies;
pub(crate) mod disputes;
mod query;
pub(crate) mod refund_requests;
pub(crate) mod refunds;
pub(crate) mod sales;
pub(crate) mod sandbox;
mod webhook;
pub(crate) mod webhook_limit;

use std::sync::Arc;

use app::{
    paging::ListError,
    payments::{PayError, Payments, ReceiveEventError},
};
use domain::{
    accounts::AccessError,
    id::{OrderId, PaymentId},
    payments::WebhookError,
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use serde_json::{Value, json};

use self::{
    bodies::{AdminPaymentBody, PaymentBody, PaymentStartBody, ReceiptBody},
    query::{AdminPaymentQuery, PaymentQuery},
    webhook::Webhook,
};
use crate::{
    extract::{Caller, Doing, Idempotent, Kept, Moderator, OptionalBody, PathId, Query, UseCases, Visitor},
    money::MoneyBody,
    orders::{provider_failed, provider_too_slow},
    page::PageBody,
    problem::{Failure, Kind, OrNotFound, Problem, Refusal, kinds},
    refusals,
    reply::{CreatedOrOk, OkJson, PrivatePage},
};

impl Refusal for PayError {
    fn problem(&self) -> Problem {
        match self {
            Self::OrderNotPending => Problem::new(&kinds::ORDER_NOT_PENDING),
            Self::Processing => Problem::new(&kinds::PAYMENT_PROCESSING),
            Self::AmountTooSmall { minimum } => {
                Problem::new(&kinds::AMOUNT_TOO_SMALL).with_member("minimum", &MoneyBody::from(*minimum))
            }
            Self::AmountUnsupported => Problem::new(&kinds::AMOUNT_UNSUPPORTED),
            Self::PriceChanged(change) => {
                let items: Vec<Value> = change
                    .items
                    .iter()
                    .map(|item| {
                        json!({
                            "movie_id": item.movie_id.as_uuid(),
                            "old_price": MoneyBody::from(item.old),
                            "new_price": MoneyBody::from(item.new),
                        })
                    })
                    .collect();
                Problem::new(&kinds::PRICE_CHANGED)
                    .with_member("old_total", &MoneyBody::from(change.old_total))
                    .with_member("new_total", &MoneyBody::from(change.new_total))
                    .with_member("items", &items)
            }
            Self::MovieUnavailable => Problem::new(&kinds::MOVIE_UNAVAILABLE),
            Self::Provider(error) => provider_failed(error.as_ref()),
            Self::KeyTaken => Problem::new(&kinds::REQUEST_IN_PROGRESS),
            Self::Access(error) => error.problem(),
            Self::Store(error) => error.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([
            &kinds::ORDER_NOT_PENDING,
            &kinds::PAYMENT_PROCESSING,
            &kinds::AMOUNT_TOO_SMALL,
            &kinds::AMOUNT_UNSUPPORTED,
            &kinds::PRICE_CHANGED,
            &kinds::MOVIE_UNAVAILABLE,
            &kinds::PAYMENT_PROVIDER_FAILED,
            &kinds::REQUEST_IN_PROGRESS,
        ]);
        AccessError::kinds(into);
        StoreError::kinds(into);
    }
}

refusals! {
    ReceiveEventError {
        UnknownProvider => NOT_FOUND;
        via Webhook: WebhookError, via Store: StoreError,
    }
    WebhookError {
        Signature => SIGNATURE_INVALID,
        Malformed => MALFORMED_REQUEST,
    }
}

/// Start paying an order.
///
/// Opens a checkout at the payment provider; the buyer pays at the `checkout_url` of the payment. While the checkout is
/// open, another request returns the same payment (200). An order with a total of 0 is paid immediately. If a price has
/// changed since the order was created, the new total must be accepted with `accept_total`.
#[api_v2_operation(operation_id = "startPayment", tags("payments"))]
pub(crate) async fn start(
    payments: UseCases<Payments>,
    Caller(actor, PathId(order_id, idempotent)): Caller<
        PathId<OrderId, Idempotent<OptionalBody<PaymentStartBody>>>,
    >,
) -> Result<Kept<CreatedOrOk<PaymentBody>>, Failure<OrNotFound<PayError>>> {
    let payments = payments.on_timeout(provider_too_slow);
    let start = async move |doing| -> Result<CreatedOrOk<PaymentBody>, Failure<OrNotFound<PayError>>> {
        let (OptionalBody(accepted), request, made) = match doing {
            Doing::Now(body, request) => (body, request, None),
            Doing::Made(body, id) => (body, None, Some(id)),
        };
        let start = async move |payments: Arc<Payments>| match made {
            Some(id) => payments.resume_start(actor, order_id, id, accepted).await,
            None => payments.start(actor, order_id, accepted, request.as_ref()).await,
        };
        let started = payments.find(start).await?;
        Ok(CreatedOrOk { is_new: started.is_new, body: started.payment.into() })
    };
    idempotent.answer(start).await
}

/// List the caller's payments.
///
/// Payments that match all filters, newest first. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "listPayments", tags("payments"))]
pub(crate) async fn list(
    payments: UseCases<Payments>,
    Caller(actor, Query(wanted)): Caller<Query<PaymentQuery>>,
) -> Result<PrivatePage<PaymentBody>, Failure<ListError>> {
    let listing = payments.run(async move |payments| payments.list_own(actor, wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, PaymentBody::from)))
}

/// Show a payment of the caller.
///
/// The response is 404 when the caller has no such payment.
#[api_v2_operation(operation_id = "getPayment", tags("payments"))]
pub(crate) async fn show(
    payments: UseCases<Payments>,
    Caller(actor, PathId(id, _)): Caller<PathId<PaymentId>>,
) -> Result<OkJson<PaymentBody>, Failure<OrNotFound<StoreError>>> {
    let payment = payments.find(async move |payments| payments.show_own(actor, id).await).await?;
    Ok(OkJson(payment.into()))
}

/// List the payments of all users.
///
/// Payments that match all filters, newest first. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "listAllPayments", tags("payments"))]
pub(crate) async fn list_all(
    payments: UseCases<Payments>,
    Moderator(moderator, Query(wanted)): Moderator<Query<AdminPaymentQuery>>,
) -> Result<PrivatePage<AdminPaymentBody>, Failure<ListError>> {
    let listing = payments.run(async move |payments| payments.list_all(moderator, wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, AdminPaymentBody::from)))
}

/// Receive a webhook of the payment provider.
///
/// The signature is verified over the raw body. A verified event is stored before the response is sent, and is
/// processed once, shortly afterwards.
#[api_v2_operation(operation_id = "receivePaymentWebhook", tags("payments"))]
pub(crate) async fn receive(
    payments: UseCases<Payments>,
    Visitor(_, webhook): Visitor<Webhook>,
) -> Result<OkJson<ReceiptBody>, Failure<ReceiveEventError>> {
    let receive = async move |payments: Arc<Payments>| {
        payments.receive_event(&webhook.provider, webhook.signature.as_deref(), &webhook.body).await
    };
    payments.run(receive).await?;
    Ok(OkJson(ReceiptBody { received: true }))
}
