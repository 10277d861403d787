//! The order data in responses, as JSON.

use domain::{
    accounts::MAX_EMAIL_LENGTH,
    orders::{Buyer, CancelReason, ExcludedMovie, OrderState, OrderStatus, OrderView, OrderedMovie},
    purchases::PurchaseRefusal,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{moment::Moment, money::MoneyBody};

/// The status of an order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderStatusBody {
    /// The order has not been paid yet.
    Pending,
    /// The order was paid.
    Paid,
    /// The order was canceled, or expired, before it was paid.
    Canceled,
    /// The order was paid and partially refunded.
    PartiallyRefunded,
    /// The order was paid and fully refunded.
    Refunded,
}

impl From<OrderStatus> for OrderStatusBody {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Pending => Self::Pending,
            OrderStatus::Paid => Self::Paid,
            OrderStatus::Canceled => Self::Canceled,
            OrderStatus::PartiallyRefunded => Self::PartiallyRefunded,
            OrderStatus::Refunded => Self::Refunded,
        }
    }
}

impl From<OrderStatusBody> for OrderStatus {
    fn from(status: OrderStatusBody) -> Self {
        match status {
            OrderStatusBody::Pending => Self::Pending,
            OrderStatusBody::Paid => Self::Paid,
            OrderStatusBody::Canceled => Self::Canceled,
            OrderStatusBody::PartiallyRefunded => Self::PartiallyRefunded,
            OrderStatusBody::Refunded => Self::Refunded,
        }
    }
}

/// Why an order was canceled.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CancelReason")]
#[serde(rename_all = "snake_case")]
pub(crate) enum CancelReasonBody {
    /// The buyer canceled the order.
    ByUser,
    /// The order was not paid in time.
    Expired,
}

/// Why a movie of the cart was excluded from the order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExclusionReason")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExclusionReasonBody {
    /// The buyer had already bought the movie.
    AlreadyPurchased,
    /// The movie was no longer on sale.
    MovieUnavailable,
}

/// The movie of an order's item.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OrderedMovie")]
pub(crate) struct OrderedMovieBody {
    id: Uuid,
    name: String,
    year: i32,
}

/// A movie in an order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OrderItem")]
pub(crate) struct OrderItemBody {
    movie: OrderedMovieBody,
    /// The price in this order, which may differ from the current price.
    price: MoneyBody,
}

impl From<OrderedMovie> for OrderItemBody {
    fn from(movie: OrderedMovie) -> Self {
        Self {
            movie: OrderedMovieBody { id: movie.id.as_uuid(), name: movie.name, year: movie.year },
            price: movie.price.into(),
        }
    }
}

/// A movie of the cart that was excluded from the order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExcludedMovie")]
pub(crate) struct ExcludedBody {
    movie_id: Uuid,
    reason: ExclusionReasonBody,
}

impl From<ExcludedMovie> for ExcludedBody {
    fn from(excluded: ExcludedMovie) -> Self {
        let reason = match excluded.reason {
            PurchaseRefusal::AlreadyPurchased => ExclusionReasonBody::AlreadyPurchased,
            PurchaseRefusal::MovieUnavailable => ExclusionReasonBody::MovieUnavailable,
        };
        Self { movie_id: excluded.movie_id.as_uuid(), reason }
    }
}

/// An order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Order", example = order_example())]
pub(crate) struct OrderBody {
    id: Uuid,
    /// A short number for human readers.
    number: String,
    status: OrderStatusBody,
    items: Vec<OrderItemBody>,
    total: MoneyBody,
    created_at: Moment,
    paid_at: Option<Moment>,
    canceled_at: Option<Moment>,
    cancel_reason: Option<CancelReasonBody>,
    /// When the order expires unless it is paid; `null` when it cannot expire, for example while a payment is being
    /// processed.
    expires_at: Option<Moment>,
    /// The movies of the cart that were excluded when the order was created.
    excluded: Vec<ExcludedBody>,
}

impl From<OrderView> for OrderBody {
    fn from(order: OrderView) -> Self {
        let (canceled_at, cancel_reason) = match order.state {
            OrderState::Canceled { canceled_at, reason } => (Some(canceled_at), Some(reason)),
            _ => (None, None),
        };
        Self {
            id: order.id.as_uuid(),
            number: order.number,
            status: order.state.status().into(),
            items: order.items.into_iter().map(OrderItemBody::from).collect(),
            total: order.total.into(),
            created_at: Moment(order.created_at),
            paid_at: order.state.paid_at().map(Moment),
            canceled_at: canceled_at.map(Moment),
            cancel_reason: cancel_reason.map(|reason| match reason {
                CancelReason::ByUser => CancelReasonBody::ByUser,
                CancelReason::Expired => CancelReasonBody::Expired,
            }),
            expires_at: order.state.expires_at().map(Moment),
            excluded: order.excluded.into_iter().map(ExcludedBody::from).collect(),
        }
    }
}

/// The user who placed the order.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Buyer")]
pub(crate) struct BuyerBody {
    id: Uuid,
    #[schemars(email, length(max = MAX_EMAIL_LENGTH))]
    email: String,
}

impl From<Buyer> for BuyerBody {
    fn from(buyer: Buyer) -> Self {
        Self { id: buyer.id.as_uuid(), email: buyer.email.as_str().to_owned() }
    }
}

/// An order with its buyer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdminOrder", example = admin_order_example())]
pub(crate) struct AdminOrderBody {
    #[serde(flatten)]
    order: OrderBody,
    /// The buyer; `null` if the account was deleted.
    user: Option<BuyerBody>,
}

impl From<OrderView> for AdminOrderBody {
    fn from(order: OrderView) -> Self {
        let user = order.buyer.clone().map(BuyerBody::from);
        Self { order: order.into(), user }
    }
}

fn order_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000020",
        "number": "7K3QX-9MP2B",
        "status": "pending",
        "items": [{
            "movie": {"id": "0190a1b2-0000-7000-8000-000000000000", "name": "Alien", "year": 1979},
            "price": {"amount": "9.99", "currency": "USD"},
        }],
        "total": {"amount": "9.99", "currency": "USD"},
        "created_at": "2026-11-22T10:00:00Z",
        "paid_at": null,
        "canceled_at": null,
        "cancel_reason": null,
        "expires_at": "2026-11-22T10:30:00Z",
        "excluded": [],
    })
}

fn admin_order_example() -> Value {
    let mut order = order_example();
    if let Some(fields) = order.as_object_mut() {
        let user = json!({"id": "0190a1b2-0000-7000-8000-000000000001", "email": "ann@example.com"});
        fields.insert("user".into(), user);
    }
    order
}
