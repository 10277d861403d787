//! What goes in and out of the cart.

use app::cart::{MergedCart, PricedCart};
use domain::{
    cart::{CartRefusal, CartView},
    id::MovieId,
    money::Money,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    catalog::bodies::{MovieBody, movie_example},
    extract::{Text, inputs},
    moment::Moment,
    money::MoneyBody,
};

/// A visitor's cart holds at most this many.
const MAX_MERGED: usize = 100;

/// What to put in the cart.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CartAddition", example = json!({"movie_id": "0190a1b2-0000-7000-8000-000000000000"}))]
pub(crate) struct AddBody {
    /// The movie.
    pub(crate) movie_id: Text<MovieId>,
}

/// A visitor's cart.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "VisitorCart", example = json!({"movie_ids": ["0190a1b2-0000-7000-8000-000000000000"]}))]
pub(crate) struct MergeBody {
    /// Its movies, the newest first.
    #[schemars(length(max = MAX_MERGED))]
    pub(crate) movie_ids: Vec<Text<MovieId>>,
}

inputs!(AddBody, MergeBody);

/// Why a movie cannot be in a cart, or be bought from it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CartRefusal")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReasonBody {
    /// It is there already.
    AlreadyInCart,
    /// The caller has bought it.
    AlreadyPurchased,
    /// It is not on sale any more.
    MovieUnavailable,
    /// The cart holds 100 movies already.
    CartFull,
    /// There is no such movie.
    NotFound,
}

impl From<CartRefusal> for ReasonBody {
    fn from(refusal: CartRefusal) -> Self {
        match refusal {
            CartRefusal::AlreadyInCart => Self::AlreadyInCart,
            CartRefusal::AlreadyPurchased => Self::AlreadyPurchased,
            CartRefusal::MovieUnavailable => Self::MovieUnavailable,
            CartRefusal::CartFull => Self::CartFull,
            CartRefusal::NotFound => Self::NotFound,
        }
    }
}

/// A movie in the cart.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CartItem")]
pub(crate) struct CartItemBody {
    /// With its price of now.
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

/// The caller's cart, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cart", example = cart_example())]
pub(crate) struct CartBody {
    items: Vec<CartItemBody>,
    /// What the items cost together, now.
    total: MoneyBody,
    /// What was withdrawn or bought meanwhile; it counts for nothing.
    unavailable: Vec<UnavailableBody>,
}

impl CartBody {
    fn of(cart: CartView, total: Money) -> Self {
        Self {
            items: cart
                .items
                .into_iter()
                .map(|line| CartItemBody { movie: line.movie.into(), added_at: Moment(line.added_at) })
                .collect(),
            total: total.into(),
            unavailable: cart
                .unavailable
                .into_iter()
                .map(|item| UnavailableBody { movie: item.movie.into(), reason: item.reason.into() })
                .collect(),
        }
    }
}

impl From<PricedCart> for CartBody {
    fn from(priced: PricedCart) -> Self {
        Self::of(priced.cart, priced.total)
    }
}

/// A movie of a visitor's cart that did not join.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SkippedMovie")]
pub(crate) struct SkippedBody {
    movie_id: Uuid,
    reason: ReasonBody,
}

/// The caller's cart after a visitor's joined it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MergedCart", example = merged_example())]
pub(crate) struct MergedCartBody {
    #[serde(flatten)]
    cart: CartBody,
    /// What did not join, and why.
    skipped: Vec<SkippedBody>,
}

impl From<MergedCart> for MergedCartBody {
    fn from(merged: MergedCart) -> Self {
        Self {
            cart: merged.cart.into(),
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
        "items": [{"movie": movie_example(), "added_at": "2026-11-22T10:00:00Z"}],
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
