//! Accounts as administrators see them.

pub(crate) mod bodies;
mod query;

use app::{
    accounts::{ChangeUserError, Users},
    cart::Carts,
    paging::ListError,
};
use domain::{accounts::AccessError, id::UserId, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{UserBody, UserChangesBody},
    query::UserQuery,
};
use crate::{
    cart::CartBody,
    extract::{Admin, Origin, Patch, PathId, PublicUrl, Query, UseCases},
    page::PageBody,
    problem::{Failure, OrNotFound},
    refusals,
    reply::{OkJson, PrivatePage},
};

refusals! {
    ChangeUserError {
        NotFound => NOT_FOUND,
        LastAdmin(_) => LAST_ADMIN;
        via Access: AccessError, via Store: StoreError,
    }
}

/// List the users.
///
/// Users that match all filters, newest first unless sorted otherwise. Pages beyond item 10,000 can be read only with
/// `cursor`.
#[api_v2_operation(operation_id = "listUsers", tags("users"))]
pub(crate) async fn list(
    users: UseCases<Users>,
    public_url: PublicUrl,
    Admin(_, Query(wanted)): Admin<Query<UserQuery>>,
) -> Result<PrivatePage<UserBody>, Failure<ListError>> {
    let listing = users.run(async move |users| users.list(wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, |user| UserBody::new(user, &public_url))))
}

/// Show a user.
///
/// Includes the profile.
#[api_v2_operation(operation_id = "getUser", tags("users"))]
pub(crate) async fn show(
    users: UseCases<Users>,
    public_url: PublicUrl,
    Admin(_, PathId(id, _)): Admin<PathId<UserId>>,
) -> Result<OkJson<UserBody>, Failure<OrNotFound<StoreError>>> {
    let user = users.find(async move |users| users.show(id).await).await?;
    Ok(OkJson(UserBody::new(user, &public_url)))
}

/// Change a user's role, or whether the user may sign in.
///
/// A change takes effect within 5 seconds. A changed role does not end sessions; deactivating a user ends all sessions
/// of the user. The last active administrator cannot be demoted or deactivated.
#[api_v2_operation(operation_id = "changeUser", tags("users"))]
pub(crate) async fn change(
    users: UseCases<Users>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    Admin(actor, PathId(id, Patch(body))): Admin<PathId<UserId, Patch<UserChangesBody>>>,
) -> Result<OkJson<UserBody>, Failure<ChangeUserError>> {
    let changes = body.into();
    let user = users.run(async move |users| users.change(actor, id, changes, &origin).await).await?;
    Ok(OkJson(UserBody::new(user, &public_url)))
}

/// Show a user's cart.
///
/// Shows the cart as its owner sees it.
#[api_v2_operation(operation_id = "getUserCart", tags("users"))]
pub(crate) async fn show_cart(
    users: UseCases<Users>,
    carts: UseCases<Carts>,
    public_url: PublicUrl,
    Admin(_, PathId(id, _)): Admin<PathId<UserId>>,
) -> Result<OkJson<CartBody>, Failure<OrNotFound<StoreError>>> {
    let user = users.find(async move |users| users.show(id).await).await?;
    let cart = carts.run(async move |carts| carts.view(user.id).await).await?;
    Ok(OkJson(CartBody::new(cart, &public_url)))
}
