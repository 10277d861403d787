//! The caller's own account and profile.

mod bodies;

use app::accounts::{Profiles, SetAvatarError};
use domain::{accounts::AccessError, media::PictureError, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::bodies::ProfileChangesBody;
use super::users::bodies::{ProfileBody, UserBody};
use crate::{
    extract::{AvatarUpload, Caller, Patch, PublicUrl, UseCases},
    problem::Failure,
    refusals,
    reply::{NoContent, OkJson},
};

refusals! {
    SetAvatarError {
        ;
        via Picture: PictureError, via Access: AccessError, via Store: StoreError,
    }
}

/// Show the caller's account.
///
/// Includes the profile, whose fields are `null` until they are set.
#[api_v2_operation(operation_id = "getMe", tags("me"))]
pub(crate) async fn show(
    profiles: UseCases<Profiles>,
    public_url: PublicUrl,
    Caller(actor, _): Caller,
) -> Result<OkJson<UserBody>, Failure<AccessError>> {
    let user = profiles.run(async move |profiles| profiles.show(actor).await).await?;
    Ok(OkJson(UserBody::new(user, &public_url)))
}

/// Change the caller's profile.
///
/// Omitted fields keep their values; `null` clears a field. The date of birth must be at least 13 years ago.
#[api_v2_operation(operation_id = "changeProfile", tags("me"))]
pub(crate) async fn change(
    profiles: UseCases<Profiles>,
    public_url: PublicUrl,
    Caller(actor, Patch(changes)): Caller<Patch<ProfileChangesBody>>,
) -> Result<OkJson<ProfileBody>, Failure<AccessError>> {
    let profile = profiles.run(async move |profiles| profiles.change(actor, changes).await).await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &public_url)))
}

/// Set the caller's avatar.
///
/// A JPEG, PNG or WebP picture of at most 2 MiB and 25 megapixels. The picture is rotated upright, cropped to its
/// centre and stored as a JPEG of 512 × 512 pixels without metadata. It replaces the previous avatar, and has a new
/// URL.
#[api_v2_operation(operation_id = "setAvatar", tags("me"))]
pub(crate) async fn set_avatar(
    profiles: UseCases<Profiles>,
    public_url: PublicUrl,
    Caller(actor, upload): Caller<AvatarUpload>,
) -> Result<OkJson<ProfileBody>, Failure<SetAvatarError>> {
    let AvatarUpload { avatar, permit } = upload;
    let profile = profiles
        .run(async move |profiles| {
            let _permit = permit;
            profiles.set_avatar(actor, avatar).await
        })
        .await?;
    Ok(OkJson(ProfileBody::new(Some(profile), &public_url)))
}

/// Remove the caller's avatar.
///
/// Has no effect when the caller has no avatar.
#[api_v2_operation(operation_id = "removeAvatar", tags("me"))]
pub(crate) async fn remove_avatar(
    profiles: UseCases<Profiles>,
    Caller(actor, _): Caller,
) -> Result<NoContent, Failure<AccessError>> {
    profiles.run(async move |profiles| profiles.remove_avatar(actor).await).await?;
    Ok(NoContent)
}
