//! What the caller says of themselves (api.md, section 3).

mod bodies;

use actix_web::web;
use app::accounts::{ProfileError, SetAvatarError};
use domain::{media::PictureError, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::bodies::ProfileChangesBody;
use crate::{
    extract::{AvatarUpload, Caller, Patch},
    problem::Failure,
    refusals,
    reply::{NoContent, OkJson},
    state::Api,
    users::bodies::{ProfileBody, UserBody},
};

refusals! {
    ProfileError {
        AccountGone => ACCESS_TOKEN_INVALID;
        via Store: StoreError,
    }
    SetAvatarError {
        AccountGone => ACCESS_TOKEN_INVALID;
        via Picture: PictureError, via Store: StoreError,
    }
}

/// Show the caller's account.
///
/// With the profile; what was never said of it is `null`.
#[api_v2_operation(operation_id = "getMe", tags("me"))]
pub(crate) async fn show(
    api: web::Data<Api>,
    caller: Caller,
) -> Result<OkJson<UserBody>, Failure<ProfileError>> {
    let accounts = api.accounts();
    let user = api.run(async move { accounts.own_account(caller.actor.user_id).await }).await?;
    Ok(OkJson(UserBody::new(user, &api.settings.public_url)))
}

/// Change the caller's profile.
///
/// What is not named stays, `null` clears. A date of birth is in the past, and at least 13 years ago.
#[api_v2_operation(operation_id = "changeProfile", tags("me"))]
pub(crate) async fn change(
    api: web::Data<Api>,
    caller: Caller<Patch<ProfileChangesBody>>,
) -> Result<OkJson<ProfileBody>, Failure<ProfileError>> {
    let accounts = api.accounts();
    let Caller { actor, rest: Patch(changes) } = caller;
    let profile = api.run(async move { accounts.change_profile(actor.user_id, changes).await }).await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &api.settings.public_url)))
}

/// Set the caller's avatar.
///
/// A JPEG, PNG or WebP picture of at most 2 MiB and 25 megapixels. Its middle is kept, upright, as a JPEG of 512 by 512
/// pixels, without anything else that was in the file. It takes the place of an earlier one, under another address.
#[api_v2_operation(operation_id = "setAvatar", tags("me"))]
pub(crate) async fn set_avatar(
    api: web::Data<Api>,
    caller: Caller<AvatarUpload>,
) -> Result<OkJson<ProfileBody>, Failure<SetAvatarError>> {
    let accounts = api.accounts();
    let Caller { actor, rest: AvatarUpload { avatar, place } } = caller;
    let set = async move {
        let _place = place;
        accounts.set_avatar(actor.user_id, avatar).await
    };
    let profile = api.run(set).await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &api.settings.public_url)))
}

/// Remove the caller's avatar.
///
/// Whether or not there is one.
#[api_v2_operation(operation_id = "removeAvatar", tags("me"))]
pub(crate) async fn remove_avatar(
    api: web::Data<Api>,
    caller: Caller,
) -> Result<NoContent, Failure<ProfileError>> {
    let accounts = api.accounts();
    api.run(async move { accounts.remove_avatar(caller.actor.user_id).await }).await?;
    Ok(NoContent)
}
