use crate::{
    accounts::EmailAddress,
    id::{MovieId, OrderId, UserId},
    money::Money,
    orders::{ExcludedMovie, OrderState, OrderStatus},
    time::Instant,
};

/// A movie in an order as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedMovie {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    pub name: String,
    /// The year of its release.
    pub year: i32,
    /// What it costs in this order.
    pub price: Money,
}

/// Who ordered or paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The user.
    pub id: UserId,
    /// The user's address.
    pub email: EmailAddress,
}

/// An order as its buyer and moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// Its identifier.
    pub id: OrderId,
    /// What people call it.
    pub number: String,
    /// Who ordered; `None` once the account was deleted.
    pub buyer: Option<Buyer>,
    /// How far it got.
    pub state: OrderState,
    /// What was ordered.
    pub items: Vec<OrderedMovie>,
    /// The sum of the prices.
    pub total: Money,
    /// What was left out when it was made.
    pub excluded: Vec<ExcludedMovie>,
    /// When it was made.
    pub created_at: Instant,
}

/// Selects orders: those that meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Orders of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<OrderStatus>,
    /// Orders made at this moment or later.
    pub from: Option<Instant>,
    /// Orders made before this moment.
    pub to: Option<Instant>,
}
