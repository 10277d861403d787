//! Accounts as administrators see them (api.md, section 4).

pub(crate) mod bodies;
mod query;

use actix_web::{HttpRequest, web};
use app::{accounts::ChangeUserError, paging::ListError};
use domain::{id::UserId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{UserBody, UserChangesBody},
    query::UserQuery,
};
use crate::{
    cart::CartBody,
    extract::{Admin, At, Patch, PathId, Query, origin_of},
    page::PageBody,
    problem::Failure,
    refusals,
    reply::{OkJson, PrivatePage},
    state::Api,
};

/// A user, or what is theirs, cannot be shown.
#[derive(Debug)]
pub(crate) enum ShowUserError {
    NotFound,
    Store(StoreError),
}

refusals! {
    ShowUserError {
        NotFound => NOT_FOUND;
        via Store: StoreError,
    }
    ChangeUserError {
        NotFound => NOT_FOUND,
        LastAdmin => LAST_ADMIN;
        via Store: StoreError,
    }
}

/// List the users.
///
/// Filters must all be met. The newest come first when no sort is asked for; deep pages are read by `cursor`.
#[api_v2_operation(operation_id = "listUsers", tags("users"))]
pub(crate) async fn list(
    api: web::Data<Api>,
    admin: Admin<Query<UserQuery>>,
) -> Result<PrivatePage<UserBody>, Failure<ListError>> {
    let Query(wanted) = admin.rest;
    let accounts = api.accounts();
    let listing = api.run(async move { accounts.list_users(wanted).await }).await?;
    let public_url = &api.settings.public_url;
    Ok(PrivatePage(PageBody::of(listing, |user| UserBody::new(user, public_url))))
}

/// Show a user.
///
/// With the profile.
#[api_v2_operation(operation_id = "getUser", tags("users"))]
pub(crate) async fn show(
    api: web::Data<Api>,
    admin: Admin<PathId<UserId>>,
) -> Result<OkJson<UserBody>, Failure<ShowUserError>> {
    let PathId(id) = admin.rest;
    let accounts = api.accounts();
    let user = api
        .run(async move {
            let user = accounts.show_user(id).await.map_err(ShowUserError::Store)?;
            user.ok_or(ShowUserError::NotFound)
        })
        .await?;
    Ok(OkJson(UserBody::new(user, &api.settings.public_url)))
}

/// Change a user's role, or whether the user may sign in.
///
/// A changed role ends no session: it counts within 5 seconds. Deactivating ends every session of the user at once. The
/// last active administrator can be neither demoted nor deactivated.
#[api_v2_operation(operation_id = "changeUser", tags("users"))]
pub(crate) async fn change(
    request: HttpRequest,
    api: web::Data<Api>,
    admin: Admin<At<UserId, Patch<UserChangesBody>>>,
) -> Result<OkJson<UserBody>, Failure<ChangeUserError>> {
    let Admin { actor, rest: At { id, rest: Patch(changes) } } = admin;
    let origin = origin_of(&request);
    let accounts = api.accounts();
    let user = api
        .run(async move { accounts.change_user(actor.user_id, id, changes.into(), &origin).await })
        .await?;
    Ok(OkJson(UserBody::new(user, &api.settings.public_url)))
}

/// Show a user's cart.
///
/// As its owner sees it, to find out what went wrong.
#[api_v2_operation(operation_id = "getUserCart", tags("users"))]
pub(crate) async fn show_cart(
    api: web::Data<Api>,
    admin: Admin<PathId<UserId>>,
) -> Result<OkJson<CartBody>, Failure<ShowUserError>> {
    let PathId(id) = admin.rest;
    let (accounts, carts) = (api.accounts(), api.carts());
    let cart = api
        .run(async move {
            let user = accounts.show_user(id).await.map_err(ShowUserError::Store)?;
            let user = user.ok_or(ShowUserError::NotFound)?;
            carts.view(user.id).await.map_err(ShowUserError::Store)
        })
        .await?;
    Ok(OkJson(cart.into()))
}
