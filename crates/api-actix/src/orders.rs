//! Orders: the caller's own orders, and the orders of all users for moderators.

pub(crate) mod bodies;
pub(crate) mod pages;
mod query;

use app::{
    orders::{CancelOrderError, Orders, PlaceOrderError},
    paging::ListError,
};
use domain::{
    accounts::AccessError, id::OrderId, orders::OrderRefusal, payments::GatewayError, store::StoreError,
};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{AdminOrderBody, OrderBody},
    query::{AdminOrderQuery, OrderQuery},
};
use crate::{
    extract::{Caller, Doing, Idempotent, Kept, Moderator, PathId, Query, UseCases},
    page::PageBody,
    problem::{Failure, Kind, OrNotFound, Problem, Refusal, kinds},
    refusals,
    reply::{CreatedJson, OkJson, PrivatePage},
};

refusals! {
    PlaceOrderError {
        KeyTaken => REQUEST_IN_PROGRESS;
        via Refused: OrderRefusal, via Access: AccessError, via Store: StoreError,
    }
    OrderRefusal {
        CartEmpty => CART_EMPTY,
        NothingToOrder => NOTHING_TO_ORDER,
        OrderPending => ORDER_PENDING,
    }
}

impl Refusal for CancelOrderError {
    fn problem(&self) -> Problem {
        match self {
            Self::Paid => Problem::new(&kinds::ORDER_PAID),
            Self::Processing => Problem::new(&kinds::PAYMENT_PROCESSING),
            Self::Provider(error) => provider_failed(error.as_ref()),
            Self::Access(error) => error.problem(),
            Self::Store(error) => error.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::ORDER_PAID, &kinds::PAYMENT_PROCESSING, &kinds::PAYMENT_PROVIDER_FAILED]);
        AccessError::kinds(into);
        StoreError::kinds(into);
    }
}

/// The number of seconds that a client should wait before it retries a request after a failure of the payment
/// provider.
const RETRY_AFTER_SECONDS: u16 = 5;

/// Returns the problem for a payment provider that did not respond in time. The operation continues in the background.
/// The client can retry the request to get the outcome.
pub(crate) fn provider_too_slow() -> Problem {
    provider_failed(None)
}

/// Returns the problem for a payment provider that failed, or whose response is not known (`None`).
pub(crate) fn provider_failed(error: Option<&GatewayError>) -> Problem {
    let problem = Problem::new(&kinds::PAYMENT_PROVIDER_FAILED).retry_after(RETRY_AFTER_SECONDS);
    match error {
        Some(error) => problem.caused_by(error),
        None => problem,
    }
}

/// Create an order from the cart.
///
/// Creates a pending order with current prices and empties the cart. Movies that were bought or withdrawn from sale
/// after they were added to the cart are listed in `excluded` and are not part of the order. The order expires unless
/// it is paid.
#[api_v2_operation(operation_id = "placeOrder", tags("orders"))]
pub(crate) async fn place(
    orders: UseCases<Orders>,
    Caller(actor, idempotent): Caller<Idempotent>,
) -> Result<Kept<CreatedJson<OrderBody>>, Failure<PlaceOrderError>> {
    let place = async move |doing| -> Result<CreatedJson<OrderBody>, Failure<PlaceOrderError>> {
        let order = match doing {
            Doing::Now(_, request) => {
                orders.run(async move |orders| orders.place(actor, request.as_ref()).await).await?
            }
            Doing::Made(_, id) => {
                orders.run(async move |orders| orders.show_created(actor, id).await).await?
            }
        };
        Ok(CreatedJson(order.into()))
    };
    idempotent.answer(place).await
}

/// List the caller's orders.
///
/// Orders that match all filters, newest first. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "listOrders", tags("orders"))]
pub(crate) async fn list(
    orders: UseCases<Orders>,
    Caller(actor, Query(wanted)): Caller<Query<OrderQuery>>,
) -> Result<PrivatePage<OrderBody>, Failure<ListError>> {
    let listing = orders.run(async move |orders| orders.list_own(actor, wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, OrderBody::from)))
}

/// Show an order of the caller.
///
/// The response is 404 when the caller has no such order.
#[api_v2_operation(operation_id = "getOrder", tags("orders"))]
pub(crate) async fn show(
    orders: UseCases<Orders>,
    Caller(actor, PathId(id, _)): Caller<PathId<OrderId>>,
) -> Result<OkJson<OrderBody>, Failure<OrNotFound<StoreError>>> {
    let order = orders.find(async move |orders| orders.show_own(actor, id).await).await?;
    Ok(OkJson(order.into()))
}

/// Cancel a pending order.
///
/// Movies of the order that the caller has not bought in another way are put back into the cart, as far as the cart has
/// room. An order that is already canceled is returned unchanged; a paid order needs a refund instead.
#[api_v2_operation(operation_id = "cancelOrder", tags("orders"))]
pub(crate) async fn cancel(
    orders: UseCases<Orders>,
    Caller(actor, PathId(id, _)): Caller<PathId<OrderId>>,
) -> Result<OkJson<OrderBody>, Failure<OrNotFound<CancelOrderError>>> {
    let orders = orders.on_timeout(provider_too_slow);
    let order = orders.find(async move |orders| orders.cancel(actor, id).await).await?;
    Ok(OkJson(order.into()))
}

/// List the orders of all users.
///
/// Orders that match all filters, newest first. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "listAllOrders", tags("orders"))]
pub(crate) async fn list_all(
    orders: UseCases<Orders>,
    Moderator(moderator, Query(wanted)): Moderator<Query<AdminOrderQuery>>,
) -> Result<PrivatePage<AdminOrderBody>, Failure<ListError>> {
    let listing = orders.run(async move |orders| orders.list_all(moderator, wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, AdminOrderBody::from)))
}
