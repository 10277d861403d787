//! The cart in requests and responses, as JSON.

use app::cart::MergedCart;
use domain::{
    cart::{CartRefusal, CartView},
    id::MovieId,
    purchases::PurchaseRefusal,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    catalog::bodies::{MovieBody, movie_example_in_cart},
    extract::{Text, inputs},
    moment::Moment,
    money::MoneyBody,
};

/// The maximum number of movies that can be merged in one request.
const MAX_MERGED: usize = 100;

/// The movie to put in the cart.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CartAddition", example = json!({"movie_id": "0190a1b2-0000-7000-8000-000000000000"}))]
pub(crate) struct AddBody {
    /// The movie.
    pub(crate) movie_id: Text<MovieId>,
}

/// The cart that a client kept for a visitor who was not signed in.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "VisitorCart", example = json!({"movie_ids": ["0190a1b2-0000-7000-8000-000000000000"]}))]
pub(crate) struct MergeBody {
    /// The movies of the cart. The movie that was added last is first.
    #[schemars(length(max = MAX_MERGED))]
    pub(crate) movie_ids: Vec<Text<MovieId>>,
}

inputs!(AddBody, MergeBody);

/// Why a movie cannot be added to a cart, or be bought from it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CartRefusal")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReasonBody {
    /// The movie is already in the cart.
    AlreadyInCart,
    /// The owner of the cart has already bought the movie.
    AlreadyPurchased,
    /// The movie is not on sale.
    MovieUnavailable,
    /// The cart is full.
    CartFull,
    /// The movie does not exist.
    NotFound,
}

impl From<CartRefusal> for ReasonBody {
    fn from(refusal: CartRefusal) -> Self {
        match refusal {
            CartRefusal::AlreadyInCart => Self::AlreadyInCart,
            CartRefusal::CannotBuy(refusal) => refusal.into(),
            CartRefusal::CartFull => Self::CartFull,
            CartRefusal::NotFound => Self::NotFound,
        }
    }
}

impl From<PurchaseRefusal> for ReasonBody {
    fn from(refusal: PurchaseRefusal) -> Self {
        match refusal {
            PurchaseRefusal::AlreadyPurchased => Self::AlreadyPurchased,
            PurchaseRefusal::MovieUnavailable => Self::MovieUnavailable,
        }
    }
}

/// A movie in the cart.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CartItem")]
pub(crate) struct CartItemBody {
    /// The movie, with its current price.
    movie: MovieBody,
    added_at: Moment,
}

/// A movie in the cart that cannot be bought any more.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnavailableItem")]
pub(crate) struct UnavailableBody {
    movie: MovieBody,
    reason: ReasonBody,
}

/// A user's cart. The movie that was added last is first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cart", example = cart_example())]
pub(crate) struct CartBody {
    items: Vec<CartItemBody>,
    /// The sum of the current prices of the items.
    total: MoneyBody,
    /// Movies that were withdrawn from sale or bought after they were added; they are not part of the total.
    unavailable: Vec<UnavailableBody>,
}

impl CartBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(cart: CartView, public_url: &str) -> Self {
        let movie = |movie| MovieBody::new(movie, public_url);
        Self {
            items: cart
                .items
                .into_iter()
                .map(|line| CartItemBody { movie: movie(line.movie), added_at: Moment(line.added_at) })
                .collect(),
            total: cart.total.into(),
            unavailable: cart
                .unavailable
                .into_iter()
                .map(|item| UnavailableBody { movie: movie(item.movie), reason: item.reason.into() })
                .collect(),
        }
    }
}

/// A movie of a visitor's cart that was not added.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SkippedMovie")]
pub(crate) struct SkippedBody {
    movie_id: Uuid,
    reason: ReasonBody,
}

/// The caller's cart after a visitor's cart was merged into it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MergedCart", example = merged_example())]
pub(crate) struct MergedCartBody {
    #[serde(flatten)]
    cart: CartBody,
    /// The movies that were not added, with the reason.
    skipped: Vec<SkippedBody>,
}

impl MergedCartBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(merged: MergedCart, public_url: &str) -> Self {
        Self {
            cart: CartBody::new(merged.cart, public_url),
            skipped: merged
                .skipped
                .into_iter()
                .map(|skipped| SkippedBody {
                    movie_id: skipped.movie_id.as_uuid(),
                    reason: skipped.reason.into(),
                })
                .collect(),
        }
    }
}

fn cart_example() -> Value {
    json!({
        "items": [{"movie": movie_example_in_cart(true), "added_at": "2026-11-22T10:00:00Z"}],
        "total": {"amount": "9.99", "currency": "USD"},
        "unavailable": [],
    })
}

fn merged_example() -> Value {
    let mut merged = cart_example();
    if let Some(fields) = merged.as_object_mut() {
        fields.insert(
            "skipped".into(),
            json!([{"movie_id": "0190a1b2-0000-7000-8000-000000000009", "reason": "already_in_cart"}]),
        );
    }
    merged
}
