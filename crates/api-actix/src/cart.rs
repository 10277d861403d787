//! What the caller means to buy (api.md, section 7).

mod bodies;

use actix_web::web;
use app::cart::AddToCartError;
use domain::{id::MovieId, store::StoreError};
use paperclip::actix::api_v2_operation;

pub(crate) use self::bodies::CartBody;
use self::bodies::{AddBody, MergeBody, MergedCartBody};
use crate::{
    extract::{Body, Caller, PathId, Text},
    problem::Failure,
    refusals,
    reply::{CreatedJson, NoContent, OkJson},
    state::Api,
};

/// A movie cannot be taken out.
#[derive(Debug)]
pub(crate) enum RemoveError {
    NotFound,
    Store(StoreError),
}

refusals! {
    AddToCartError {
        NotFound => NOT_FOUND,
        MovieUnavailable => MOVIE_UNAVAILABLE,
        AlreadyPurchased => ALREADY_PURCHASED,
        AlreadyInCart => ALREADY_IN_CART,
        CartFull => CART_FULL;
        via Store: StoreError,
    }
    RemoveError {
        NotFound => NOT_FOUND;
        via Store: StoreError,
    }
}

/// Show the caller's cart.
///
/// With the prices of now. What was withdrawn or bought meanwhile stands under `unavailable`, outside the total.
#[api_v2_operation(operation_id = "getCart", tags("cart"))]
pub(crate) async fn show(
    api: web::Data<Api>,
    caller: Caller,
) -> Result<OkJson<CartBody>, Failure<StoreError>> {
    let carts = api.carts();
    let cart = api.run(async move { carts.view(caller.actor.user_id).await }).await?;
    Ok(OkJson(cart.into()))
}

/// Put a movie in the cart.
///
/// A movie that is there or was bought is refused, and a cart holds at most 100.
#[api_v2_operation(operation_id = "addCartItem", tags("cart"))]
pub(crate) async fn add(
    api: web::Data<Api>,
    caller: Caller<Body<AddBody>>,
) -> Result<CreatedJson<CartBody>, Failure<AddToCartError>> {
    let carts = api.carts();
    let Caller { actor, rest: Body(AddBody { movie_id: Text(movie_id) }) } = caller;
    let cart = api.run(async move { carts.add(actor.user_id, movie_id).await }).await?;
    Ok(CreatedJson(cart.into()))
}

/// Take a movie out of the cart.
///
/// 404 when it is not there.
#[api_v2_operation(operation_id = "removeCartItem", tags("cart"))]
pub(crate) async fn remove(
    api: web::Data<Api>,
    caller: Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<RemoveError>> {
    let carts = api.carts();
    let Caller { actor, rest: PathId(movie_id) } = caller;
    api.run(async move {
        let is_removed = carts.remove(actor.user_id, movie_id).await.map_err(RemoveError::Store)?;
        if is_removed { Ok(()) } else { Err(RemoveError::NotFound) }
    })
    .await?;
    Ok(NoContent)
}

/// Empty the cart.
///
/// An empty cart stays one.
#[api_v2_operation(operation_id = "clearCart", tags("cart"))]
pub(crate) async fn clear(api: web::Data<Api>, caller: Caller) -> Result<NoContent, Failure<StoreError>> {
    let carts = api.carts();
    api.run(async move { carts.clear(caller.actor.user_id).await }).await?;
    Ok(NoContent)
}

/// Let a visitor's cart join the caller's.
///
/// For after signing in. What cannot join is listed under `skipped`, and why.
#[api_v2_operation(operation_id = "mergeCart", tags("cart"))]
pub(crate) async fn merge(
    api: web::Data<Api>,
    caller: Caller<Body<MergeBody>>,
) -> Result<OkJson<MergedCartBody>, Failure<StoreError>> {
    let carts = api.carts();
    let Caller { actor, rest: Body(body) } = caller;
    let movie_ids: Vec<MovieId> = body.movie_ids.into_iter().map(|id| id.0).collect();
    let merged = api.run(async move { carts.merge(actor.user_id, &movie_ids).await }).await?;
    Ok(OkJson(merged.into()))
}
