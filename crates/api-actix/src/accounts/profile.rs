//! The caller's own account and profile.

mod bodies;

use app::accounts::{Accounts, ProfileError, SetAvatarError};
use domain::{media::PictureError, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::bodies::ProfileChangesBody;
use crate::{
    extract::{AvatarUpload, Caller, Patch, PublicUrl, UseCases},
    problem::Failure,
    refusals,
    reply::{NoContent, OkJson},
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
    accounts: UseCases<Accounts>,
    public_url: PublicUrl,
    Caller(actor, _): Caller,
) -> Result<OkJson<UserBody>, Failure<ProfileError>> {
    let user = accounts.run(async move |accounts| accounts.own_account(actor.user_id).await).await?;
    Ok(OkJson(UserBody::new(user, &public_url)))
}

/// Change the caller's profile.
///
/// What is not named stays, `null` clears. A date of birth is in the past, and at least 13 years ago.
#[api_v2_operation(operation_id = "changeProfile", tags("me"))]
pub(crate) async fn change(
    accounts: UseCases<Accounts>,
    public_url: PublicUrl,
    Caller(actor, Patch(changes)): Caller<Patch<ProfileChangesBody>>,
) -> Result<OkJson<ProfileBody>, Failure<ProfileError>> {
    let profile =
        accounts.run(async move |accounts| accounts.change_profile(actor.user_id, changes).await).await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &public_url)))
}

/// Set the caller's avatar.
///
/// A JPEG, PNG or WebP picture of at most 2 MiB and 25 megapixels. Its middle is kept, upright, as a JPEG of 512 by 512
/// pixels, without anything else that was in the file. It takes the place of an earlier one, under another address.
#[api_v2_operation(operation_id = "setAvatar", tags("me"))]
pub(crate) async fn set_avatar(
    accounts: UseCases<Accounts>,
    public_url: PublicUrl,
    Caller(actor, upload): Caller<AvatarUpload>,
) -> Result<OkJson<ProfileBody>, Failure<SetAvatarError>> {
    let AvatarUpload { avatar, permit } = upload;
    let profile = accounts
        .run(async move |accounts| {
            let _permit = permit;
            accounts.set_avatar(actor.user_id, avatar).await
        })
        .await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &public_url)))
}

/// Remove the caller's avatar.
///
/// Whether or not there is one.
#[api_v2_operation(operation_id = "removeAvatar", tags("me"))]
pub(crate) async fn remove_avatar(
    accounts: UseCases<Accounts>,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<ProfileError>> {
    accounts.run(async move |accounts| accounts.remove_avatar(actor.user_id).await).await?;
    Ok(NoContent)
}
