//! Orders: the ordered movies, their prices, and the state of the order.

mod number;
mod order;
mod ports;
mod revalidation;
mod selection;
mod state;
mod view;

pub use number::order_number;
pub use order::{Order, OrderItem, OrderTotalError};
pub use ports::{OrderQueries, OrderRepository, OrderStore, OrderUnit};
pub use revalidation::{ChangedPrice, PriceChange, Revalidation};
pub use selection::{Candidate, ExcludedMovie, OrderRefusal, Selection};
pub use state::{
    CancelReason, EXPIRY_AFTER_CHECKOUT, InvalidTransition, ORDER_LIFETIME, OrderEvent, OrderState,
    OrderStatus, RefundedPart,
};
pub use view::{Buyer, OrderFilter, OrderView, OrderedMovie};
