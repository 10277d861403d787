//! Orders: what a buyer asked for, at which prices, and how far it got.

mod order;
mod state;

pub use order::{ExcludedMovie, Order, OrderItem, OrderTotalError};
pub use state::{
    CancelReason, EXPIRY_AFTER_CHECKOUT, InvalidTransition, ORDER_LIFETIME, OrderEvent, OrderState,
    OrderStatus, RefundedPart,
};
