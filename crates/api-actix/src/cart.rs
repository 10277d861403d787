//! The caller's cart.

mod bodies;

use app::cart::{AddToCartError, Carts};
use domain::{
    accounts::AccessError, cart::CartRefusal, id::MovieId, purchases::PurchaseRefusal, store::StoreError,
};
use paperclip::actix::api_v2_operation;

pub(crate) use self::bodies::CartBody;
use self::bodies::{AddBody, MergeBody, MergedCartBody};
use crate::{
    extract::{Body, Caller, PathId, PublicUrl, UseCases},
    problem::{Failure, OrNotFound},
    refusals,
    reply::{CreatedJson, NoContent, OkJson},
};

refusals! {
    AddToCartError {
        ;
        via Refused: CartRefusal, via Access: AccessError, via Store: StoreError,
    }
    CartRefusal {
        NotFound => NOT_FOUND,
        AlreadyInCart => ALREADY_IN_CART,
        CartFull => CART_FULL;
        via CannotBuy: PurchaseRefusal,
    }
    PurchaseRefusal {
        AlreadyPurchased => ALREADY_PURCHASED,
        MovieUnavailable => MOVIE_UNAVAILABLE,
    }
}

/// Show the caller's cart.
///
/// The cart has current prices. Movies that were withdrawn from sale or bought after they were added are listed in
/// `unavailable` and are not part of the total.
#[api_v2_operation(operation_id = "getCart", tags("cart"))]
pub(crate) async fn show(
    carts: UseCases<Carts>,
    public_url: PublicUrl,
    Caller(actor, _): Caller,
) -> Result<OkJson<CartBody>, Failure<StoreError>> {
    let cart = carts.run(async move |carts| carts.view(actor.user_id).await).await?;
    Ok(OkJson(CartBody::new(cart, &public_url)))
}

/// Put a movie in the cart.
///
/// A cart holds at most 100 movies. A movie that is already in the cart, was bought, or is not on sale is refused.
#[api_v2_operation(operation_id = "addCartItem", tags("cart"))]
pub(crate) async fn add(
    carts: UseCases<Carts>,
    public_url: PublicUrl,
    Caller(actor, Body(body)): Caller<Body<AddBody>>,
) -> Result<CreatedJson<CartBody>, Failure<AddToCartError>> {
    let cart = carts.run(async move |carts| carts.add(actor, body.movie_id.0).await).await?;
    Ok(CreatedJson(CartBody::new(cart, &public_url)))
}

/// Remove a movie from the cart.
///
/// The response is 404 when the movie is not in the cart.
#[api_v2_operation(operation_id = "removeCartItem", tags("cart"))]
pub(crate) async fn remove(
    carts: UseCases<Carts>,
    Caller(actor, PathId(movie_id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<OrNotFound<AccessError>>> {
    carts.find(async move |carts| carts.remove(actor, movie_id).await).await?;
    Ok(NoContent)
}

/// Empty the cart.
///
/// Also succeeds when the cart is already empty.
#[api_v2_operation(operation_id = "clearCart", tags("cart"))]
pub(crate) async fn clear(
    carts: UseCases<Carts>,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<AccessError>> {
    carts.run(async move |carts| carts.clear(actor).await).await?;
    Ok(NoContent)
}

/// Merge a visitor's cart into the caller's cart.
///
/// For a client that kept a cart for a visitor who has now signed in. Movies that cannot be added are listed in
/// `skipped` with the reason.
#[api_v2_operation(operation_id = "mergeCart", tags("cart"))]
pub(crate) async fn merge(
    carts: UseCases<Carts>,
    public_url: PublicUrl,
    Caller(actor, Body(body)): Caller<Body<MergeBody>>,
) -> Result<OkJson<MergedCartBody>, Failure<AccessError>> {
    let movies: Vec<MovieId> = body.movie_ids.into_iter().map(|id| id.0).collect();
    let merged = carts.run(async move |carts| carts.merge(actor, &movies).await).await?;
    Ok(OkJson(MergedCartBody::new(merged, &public_url)))
}
