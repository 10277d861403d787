//! The caller's cart.

mod bodies;

use app::cart::{AddToCartError, Carts};
use domain::{id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

pub(crate) use self::bodies::CartBody;
use self::bodies::{AddBody, MergeBody, MergedCartBody};
use crate::{
    extract::{Body, Caller, PathId, UseCases},
    problem::{Failure, OrNotFound},
    refusals,
    reply::{CreatedJson, NoContent, OkJson},
};

refusals! {
    AddToCartError {
        NotFound => NOT_FOUND,
        MovieUnavailable => MOVIE_UNAVAILABLE,
        AlreadyPurchased => ALREADY_PURCHASED,
        AlreadyInCart => ALREADY_IN_CART,
        CartFull => CART_FULL;
        via Store: StoreError,
    }
}

/// Show the caller's cart.
///
/// With the prices of now. What was withdrawn or bought meanwhile stands under `unavailable`, outside the total.
#[api_v2_operation(operation_id = "getCart", tags("cart"))]
pub(crate) async fn show(
    carts: UseCases<Carts>,
    Caller(actor, _): Caller,
) -> Result<OkJson<CartBody>, Failure<StoreError>> {
    let cart = carts.run(async move |carts| carts.view(actor.user_id).await).await?;
    Ok(OkJson(cart.into()))
}

/// Put a movie in the cart.
///
/// A movie that is there or was bought is refused, and a cart holds at most 100.
#[api_v2_operation(operation_id = "addCartItem", tags("cart"))]
pub(crate) async fn add(
    carts: UseCases<Carts>,
    Caller(actor, Body(body)): Caller<Body<AddBody>>,
) -> Result<CreatedJson<CartBody>, Failure<AddToCartError>> {
    let cart = carts.run(async move |carts| carts.add(actor.user_id, body.movie_id.0).await).await?;
    Ok(CreatedJson(cart.into()))
}

/// Take a movie out of the cart.
///
/// 404 when it is not there.
#[api_v2_operation(operation_id = "removeCartItem", tags("cart"))]
pub(crate) async fn remove(
    carts: UseCases<Carts>,
    Caller(actor, PathId(movie_id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<OrNotFound<StoreError>>> {
    carts.find(async move |carts| carts.remove(actor.user_id, movie_id).await).await?;
    Ok(NoContent)
}

/// Empty the cart.
///
/// An empty cart stays one.
#[api_v2_operation(operation_id = "clearCart", tags("cart"))]
pub(crate) async fn clear(
    carts: UseCases<Carts>,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<StoreError>> {
    carts.run(async move |carts| carts.clear(actor.user_id).await).await?;
    Ok(NoContent)
}

/// Let a visitor's cart join the caller's.
///
/// For after signing in. What cannot join is listed under `skipped`, and why.
#[api_v2_operation(operation_id = "mergeCart", tags("cart"))]
pub(crate) async fn merge(
    carts: UseCases<Carts>,
    Caller(actor, Body(body)): Caller<Body<MergeBody>>,
) -> Result<OkJson<MergedCartBody>, Failure<StoreError>> {
    let movies: Vec<MovieId> = body.movie_ids.into_iter().map(|id| id.0).collect();
    let merged = carts.run(async move |carts| carts.merge(actor.user_id, &movies).await).await?;
    Ok(OkJson(merged.into()))
}
