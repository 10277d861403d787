//! Creates avatars: square JPEG pictures of the centre of an upload.

use domain::media::{AVATAR_SIDE, PictureError};
use image::{DynamicImage, RgbImage, codecs::jpeg::JpegEncoder, imageops};

use super::{
    colours,
    decoded::{Upload, decoded, put_on_white},
};

/// The JPEG quality, on a scale from 1 to 100. With this quality, an avatar can hardly be distinguished from the
/// uncompressed picture, and its file has about 50 KB.
const QUALITY: u8 = 88;

/// Creates an avatar from an upload.
pub(super) fn made(upload: &[u8]) -> Result<Vec<u8>, PictureError> {
    let Upload { picture, orientation, profile } = decoded(upload)?;
    let mut square = square_of(picture);
    if let Some(profile) = profile {
        square = colours::as_srgb(square, &profile);
    }
    let mut upright = DynamicImage::ImageRgb8(square);
    upright.apply_orientation(orientation);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&upright)
        .map_err(|error| PictureError::Failed(error.into()))?;
    Ok(bytes)
}

/// The square centre of the picture, resized to an avatar. Transparent parts become white.
fn square_of(picture: DynamicImage) -> RgbImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    let left = width.saturating_sub(side).div_euclid(2);
    let top = height.saturating_sub(side).div_euclid(2);
    if picture.color().has_alpha() {
        let mut pixels = picture.into_rgba8();
        put_on_white(&mut pixels);
        let view = imageops::crop_imm(&pixels, left, top, side, side);
        DynamicImage::ImageRgba8(scaled(&*view, side)).into_rgb8()
    } else {
        let pixels = picture.into_rgb8();
        scaled(&*imageops::crop_imm(&pixels, left, top, side, side), side)
    }
}

/// Resizes a square of `side` pixels to an avatar. A large square is first reduced to twice the size of an avatar by
/// averaging pixels, which is fast and needs little memory, and then resized with a better filter.
fn scaled<V>(view: &V, side: u32) -> image::ImageBuffer<V::Pixel, Vec<u8>>
where
    V: image::GenericImageView,
    V::Pixel: image::Pixel<Subpixel = u8> + 'static,
{
    let twice = AVATAR_SIDE.saturating_mul(2);
    let filter = imageops::FilterType::CatmullRom;
    if side > twice {
        let smaller = imageops::thumbnail(view, twice, twice);
        imageops::resize(&smaller, AVATAR_SIDE, AVATAR_SIDE, filter)
    } else {
        imageops::resize(view, AVATAR_SIDE, AVATAR_SIDE, filter)
    }
}
