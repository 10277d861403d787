//! Makes avatars: whatever was uploaded, what comes out is a JPEG of our own making.

mod colours;
mod jpeg;
mod webp;

use std::{io::Cursor, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::media::{AVATAR_SIDE, AvatarImages, MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE, PictureError};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage,
    codecs::jpeg::JpegEncoder, imageops, metadata::Orientation,
};
use tokio::sync::Semaphore;

/// How many pictures are made at once. One may need 300 MB: 25 megapixels of 16 bits a channel, and the same in 8.
const AT_ONCE: usize = 1;

/// How long somebody waits for a turn.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a decoder may take for itself, beside the pixels: for what is packed into a PNG's other chunks.
const DECODER_MEMORY: u64 = 32 * 1024 * 1024;

/// Hardly to be told from the original at this size, and about 50 KB.
const QUALITY: u8 = 88;

/// Makes avatars on threads of their own, one after the other.
#[derive(Debug)]
pub struct AvatarStudio {
    turns: Arc<Semaphore>,
}

impl Default for AvatarStudio {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

#[async_trait]
impl AvatarImages for AvatarStudio {
    async fn make(&self, upload: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| PictureError::Busy)?
            .map_err(|closed| PictureError::Failed(closed.into()))?;
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even when nobody waits for it any more.
            let _turn = turn;
            made(&upload)
        });
        match work.await {
            Ok(made) => made,
            // A decoder that stumbles over a file says something about the file.
            Err(error) if error.is_panic() => {
                tracing::warn!("a decoder panicked over an uploaded picture");
                Err(PictureError::Broken)
            }
            Err(error) => Err(PictureError::Failed(error.into())),
        }
    }
}

fn made(upload: &[u8]) -> Result<Vec<u8>, PictureError> {
    let format = format_of(upload)?;
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_PICTURE_SIDE);
    limits.max_image_height = Some(MAX_PICTURE_SIDE);
    limits.max_alloc = Some(DECODER_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| fault(&error))?;
    check_size(decoder.dimensions())?;
    if format == ImageFormat::WebP {
        webp::frame_sizes(upload).into_iter().try_for_each(check_size)?;
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| fault(&error))?;
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

/// The format by the first bytes; what a file is called, or said to be, counts for nothing.
fn format_of(upload: &[u8]) -> Result<ImageFormat, PictureError> {
    match image::guess_format(upload) {
        Ok(ImageFormat::Jpeg) if !jpeg::is_whole(upload) => Err(PictureError::Broken),
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Ok(format),
        _ => Err(PictureError::Unsupported),
    }
}

fn check_size((width, height): (u32, u32)) -> Result<(), PictureError> {
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if pixels == 0 {
        return Err(PictureError::Broken);
    }
    let is_too_long = width > MAX_PICTURE_SIDE || height > MAX_PICTURE_SIDE;
    if is_too_long || pixels > MAX_PICTURE_PIXELS { Err(PictureError::TooManyPixels) } else { Ok(()) }
}

fn fault(error: &ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooManyPixels,
        _ => PictureError::Broken,
    }
}

/// The middle of the picture on white, in the size of an avatar.
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

/// Large pictures are averaged to twice the size first, which is quick and takes no memory; the rest is done with care.
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

/// A JPEG cannot be seen through, and what lies under transparent pixels was never meant to be seen.
fn put_on_white(pixels: &mut RgbaImage) {
    for pixel in pixels.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        pixel.0 = [over_white(red, alpha), over_white(green, alpha), over_white(blue, alpha), u8::MAX];
    }
}

fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u16::from(channel), u16::from(alpha));
    let white = 255_u16.saturating_mul(255_u16.saturating_sub(alpha));
    let mixed = channel.saturating_mul(alpha).saturating_add(white).saturating_add(127).div_euclid(255);
    u8::try_from(mixed).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
