//! Sends avatars and posters. A request needs no token: anyone who has the URL may see the picture.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use app::{accounts::Profiles, catalog::Posters};
use domain::{media::MediaKey, store::StoreError};
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use crate::{
    edge::headers::CROSS_ORIGIN_RESOURCE_POLICY,
    etag,
    extract::{UseCases, Visitor, query},
    openapi::{describe, headers},
    problem::{Failure, OrNotFound, Problem, kinds},
};

/// The `Cache-Control` of pictures. The picture of a key never changes, because a new picture gets a new key.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Show an avatar.
///
/// Other responses contain the URL of the avatar as `avatar_url`. The picture at a URL never changes, so it can be
/// cached forever.
#[api_v2_operation(operation_id = "getAvatar", tags("media"))]
pub(crate) async fn avatar(
    profiles: UseCases<Profiles>,
    Visitor(_, AvatarFile(key)): Visitor<AvatarFile>,
) -> Result<Picture, Failure<OrNotFound<StoreError>>> {
    let name = key.clone();
    let bytes = profiles.find(async move |profiles| profiles.avatar(&name).await).await?;
    Ok(Picture { key, bytes })
}

/// Extracts the key of the avatar from the path, and refuses query parameters.
#[derive(Debug)]
pub(crate) struct AvatarFile(MediaKey);

impl FromRequest for AvatarFile {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let name = request.match_info().iter().next().map(|(_, name)| name).unwrap_or_default();
        // A malformed name leads to a 404 response, like a name that does not exist.
        let key = MediaKey::avatar_named(name).map_err(|_| Problem::new(&kinds::NOT_FOUND));
        ready(key.and_then(|key| query::refuse_any(request).map(|()| Self(key))))
    }
}

impl Apiv2Schema for AvatarFile {}

impl OperationModifier for AvatarFile {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_path_file(op, "0190a1b2-0000-7000-8000-000000000000.jpg");
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}

/// Show a poster.
///
/// Other responses contain the URLs of the poster as `poster_url` and `poster_srcset`. The picture at a URL never
/// changes, so it can be cached forever.
#[api_v2_operation(operation_id = "getPoster", tags("media"))]
pub(crate) async fn poster(
    posters: UseCases<Posters>,
    Visitor(_, PosterPath(key)): Visitor<PosterPath>,
) -> Result<WebPicture, Failure<OrNotFound<StoreError>>> {
    let name = key.clone();
    let bytes = posters.find(async move |posters| posters.poster(&name).await).await?;
    Ok(WebPicture(Picture { key, bytes }))
}

/// Extracts the key of the poster from the path, which contains the identifier and the width, and refuses query
/// parameters.
#[derive(Debug)]
pub(crate) struct PosterPath(MediaKey);

impl FromRequest for PosterPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let part = |name| request.match_info().get(name).unwrap_or_default();
        // A malformed name leads to a 404 response, like a name that does not exist.
        let key =
            MediaKey::poster_named(part("id"), part("file")).map_err(|_| Problem::new(&kinds::NOT_FOUND));
        ready(key.and_then(|key| query::refuse_any(request).map(|()| Self(key))))
    }
}

impl Apiv2Schema for PosterPath {}

impl OperationModifier for PosterPath {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_path_file(op, "0190a1b2-0000-7000-8000-000000000000");
        describe::add_path_file(op, "w780.webp");
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}

/// A stored picture as a response, which caches may store forever and pages of other origins may embed.
#[derive(Debug)]
pub(crate) struct Picture {
    key: MediaKey,
    bytes: Vec<u8>,
}

impl Responder for Picture {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Self { key, bytes } = self;
        let file = key.file_name();
        let tag = format!("\"{file}\"");
        let is_known = etag::known(request.headers(), &tag).is_some();
        let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut builder = HttpResponse::build(status);
        builder
            .insert_header((header::ETAG, tag))
            .insert_header((header::CACHE_CONTROL, FOR_EVER))
            // Pages of other origins may embed the picture.
            .insert_header((CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")));
        if is_known {
            return builder.finish();
        }
        builder
            .insert_header((header::CONTENT_TYPE, key.media_type().as_str()))
            .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{file}\"")))
            .body(bytes)
    }
}

impl Apiv2Schema for Picture {}

impl OperationModifier for Picture {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe_picture(op, "image/jpeg", "\"0190a1b2-0000-7000-8000-000000000000.jpg\"");
    }
}

fn describe_picture(op: &mut DefaultOperationRaw, media_type: &str, tag: &str) {
    let headers = [headers::STRONG_ETAG, headers::PUBLIC_CACHE, "Content-Disposition"];
    describe::add_file_answer(op, "The picture.", media_type, &headers);
    describe::add_empty_answer(op, 304, "The caller already has this version.", &headers[..2]);
    describe::add_if_none_match(op, tag);
}

/// A stored picture in WebP.
#[derive(Debug)]
pub(crate) struct WebPicture(Picture);

impl Responder for WebPicture {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        self.0.respond_to(request)
    }
}

impl Apiv2Schema for WebPicture {}

impl OperationModifier for WebPicture {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe_picture(op, "image/webp", "\"0190a1b2-0000-7000-8000-000000000000-w780.webp\"");
    }
}
