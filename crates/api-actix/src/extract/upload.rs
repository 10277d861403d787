//! Extractors that read a picture from a multipart form.

mod pace;

use std::{cell::Cell, future::Future, pin::Pin, rc::Rc};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header::HeaderMap, web};
use domain::media::{MAX_AVATAR_UPLOAD, MAX_POSTER_UPLOAD};
use futures_util::StreamExt;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use schemars::JsonSchema;
use serde_json::json;

use self::pace::{Trouble, paced};
use super::{
    api_of, body,
    faults::{Fault, Faults},
    limited::user_of,
    query_string,
};
use crate::{
    edge::in_flight::read_body,
    openapi::describe,
    problem::{FieldCode, Problem, kinds},
    state::Api,
    uploads::UploadPermit,
};

/// The rules of a form with one picture.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// The name of the form field that contains the picture.
    field: &'static str,
    /// The maximum size of the picture, in bytes.
    most: usize,
}

const AVATAR: Form = Form { field: "avatar", most: MAX_AVATAR_UPLOAD };
const POSTER: Form = Form { field: "poster", most: MAX_POSTER_UPLOAD };

impl Form {
    /// The maximum size of the form, in bytes: the picture, and 64 KiB for boundaries, headers and other parts.
    const fn size(self) -> usize {
        self.most.saturating_add(64 * 1024)
    }
}

/// The maximum number of parts of a form that are read. Parts other than the picture are read only to report them as
/// unknown or repeated.
const MAX_PARTS: usize = 8;

/// A form with an avatar.
// This extractor is for operations without query parameters. Before it reads the form, it counts the upload against the
// rate limit of the signed-in user, and takes one of the permits that limit the number of simultaneous uploads.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "AvatarForm", deny_unknown_fields, example = json!({"avatar": "(the bytes of a picture)"}))]
pub(crate) struct AvatarUpload {
    /// A JPEG, PNG or WebP picture of at most 2 MiB and 25 megapixels. The type is detected from its content.
    #[schemars(with = "String", extend("format" = "binary"))]
    pub(crate) avatar: Vec<u8>,
    /// The permit for the upload, which must be held while the picture is in memory.
    #[schemars(skip)]
    pub(crate) permit: UploadPermit,
}

impl FromRequest for AvatarUpload {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_head(&request, AVATAR)?;
            let permit = avatar_permit(&request, &api_of(&request)?).await?;
            let avatar = picture(&request, payload, AVATAR).await?;
            Ok(Self { avatar, permit })
        })
    }
}

/// A form with a poster.
// This extractor is for operations without query parameters. Before it reads the form, it takes one of the permits that
// limit the number of simultaneous uploads.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "PosterForm", deny_unknown_fields, example = json!({"poster": "(the bytes of a picture)"}))]
pub(crate) struct PosterUpload {
    /// A JPEG, PNG or WebP picture of at most 10 MiB and 25 megapixels, at least 185 pixels wide, and at most four
    /// times as high as wide. The type is detected from its content.
    #[schemars(with = "String", extend("format" = "binary"))]
    pub(crate) poster: Vec<u8>,
    /// The permit for the upload, which must be held while the picture is in memory.
    #[schemars(skip)]
    pub(crate) permit: UploadPermit,
}

impl FromRequest for PosterUpload {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_head(&request, POSTER)?;
            let of_user = api_of(&request)?.poster_uploads.of_user(&user_of(&request)?)?;
            let permit = of_user.acquire()?;
            let poster = picture(&request, payload, POSTER).await?;
            Ok(Self { poster, permit })
        })
    }
}

/// Reads the picture of a form, and refuses query parameters.
async fn picture(request: &HttpRequest, payload: Payload, form: Form) -> Result<Vec<u8>, Problem> {
    let mut faults = Faults::default();
    query_string::unknown(request.query_string(), &mut faults);
    let picture = read_body(request, read(request.headers(), payload, form, &mut faults)).await?;
    faults.finish(picture)
}

fn check_head(request: &HttpRequest, form: Form) -> Result<(), Problem> {
    let unsupported = || Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE);
    let kind = request.mime_type().map_err(|_| unsupported())?.ok_or_else(unsupported)?;
    if kind.essence_str() != "multipart/form-data" {
        return Err(unsupported());
    }
    body::check_packing_and_length(request, form.size())
}

/// Counts the upload against the caller's rate limit and takes a permit for it.
///
/// # Errors
/// 429 when the caller's quota is used up or the caller has too many simultaneous uploads, 503 when all users together
/// have too many.
async fn avatar_permit(request: &HttpRequest, api: &web::Data<Api>) -> Result<UploadPermit, Problem> {
    let user = user_of(request)?;
    let of_user = api.uploads.of_user(&user)?;
    api.limits.count(request, |limits| &limits.fixed.set_avatar, &user).await?;
    of_user.acquire()
}

/// Reads the form; `None` if it has no picture or too many parts.
async fn read(
    headers: &HeaderMap,
    payload: Payload,
    expected: Form,
    faults: &mut Faults,
) -> Result<Option<Vec<u8>>, Problem> {
    let trouble = Rc::new(Cell::new(None));
    let refused = |_: MultipartError| match trouble.get() {
        Some(Trouble::TooLarge) => Problem::new(&kinds::TOO_LARGE),
        Some(Trouble::TooSlow) => {
            Problem::new(&kinds::MALFORMED_REQUEST).because("The body did not arrive in time.")
        }
        None => {
            Problem::new(&kinds::MALFORMED_REQUEST).because("The body is not a form, or ended too early.")
        }
    };
    let mut form = Multipart::new(headers, paced(payload, expected.size(), Rc::clone(&trouble)));
    let mut picture = None;
    let mut parts = 0_usize;
    while let Some(part) = form.next().await {
        let mut part = part.map_err(refused)?;
        parts = parts.saturating_add(1);
        if parts > MAX_PARTS {
            return Ok(None);
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == expected.field && picture.is_none() {
            picture = Some(collect(&mut part, expected.most, refused).await?);
            continue;
        }
        let fault = if name == expected.field {
            Fault::new(FieldCode::Repeated, "was sent more than once")
        } else {
            Fault::new(FieldCode::Unknown, "is not a field of this form")
        };
        faults.add(&name, fault);
        while let Some(chunk) = part.next().await {
            chunk.map_err(refused)?;
        }
    }
    // A browser sends an empty part when no file is chosen.
    if picture.as_ref().is_none_or(Vec::is_empty) {
        faults.add(expected.field, Fault::new(FieldCode::Required, "is required"));
    }
    Ok(picture)
}

async fn collect(
    part: &mut Field,
    most: usize,
    refused: impl Fn(MultipartError) -> Problem,
) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.next().await {
        let chunk = chunk.map_err(&refused)?;
        if bytes.len().saturating_add(chunk.len()) > most {
            return Err(Problem::new(&kinds::TOO_LARGE));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Apiv2Schema for AvatarUpload {}

impl OperationModifier for AvatarUpload {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe_form::<Self>(op, AVATAR);
    }
}

impl Apiv2Schema for PosterUpload {}

impl OperationModifier for PosterUpload {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe_form::<Self>(op, POSTER);
    }
}

fn describe_form<T: JsonSchema>(op: &mut DefaultOperationRaw, form: Form) {
    describe::add_form::<T>(op, form.field, "image/jpeg, image/png, image/webp");
    body::add_problems(op);
    describe::add_problem(op, &kinds::RATE_LIMITED);
    describe::add_problem(op, &kinds::UNAVAILABLE);
}
