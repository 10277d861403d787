use crate::{
    accounts::EmailAddress,
    id::{MovieId, OrderId, UserId},
    money::Money,
    orders::{ExcludedMovie, OrderState, OrderStatus},
    time::Instant,
};

/// A movie in an order for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedMovie {
    /// The movie.
    pub id: MovieId,
    /// The title of the movie.
    pub name: String,
    /// The year of release.
    pub year: i32,
    /// The price of the movie in this order.
    pub price: Money,
}

/// The user who placed the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The user.
    pub id: UserId,
    /// The user's email address.
    pub email: EmailAddress,
}

/// An order as its buyer and moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The identifier of the order.
    pub id: OrderId,
    /// The order's number, for human readers.
    pub number: String,
    /// The buyer; `None` if the account was deleted.
    pub buyer: Option<Buyer>,
    /// The state of the order, with the data of that state.
    pub state: OrderState,
    /// The ordered movies.
    pub items: Vec<OrderedMovie>,
    /// The sum of the prices.
    pub total: Money,
    /// The movies of the cart that were excluded when the order was created.
    pub excluded: Vec<ExcludedMovie>,
    /// When the order was created.
    pub created_at: Instant,
}

/// A filter of orders. A match must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Orders of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's email address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<OrderStatus>,
    /// Orders that were created at this moment or later.
    pub from: Option<Instant>,
    /// Orders that were created before this moment.
    pub to: Option<Instant>,
}
