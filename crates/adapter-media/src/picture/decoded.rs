//! Decodes what was uploaded.

use std::io::Cursor;

use domain::media::{MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE, PictureError};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage,
    metadata::Orientation,
};

use super::{jpeg, webp};

/// What a decoder may take for itself, beside the pixels: for what is packed into a PNG's other chunks.
const DECODER_MEMORY: u64 = 32 * 1024 * 1024;

/// A picture that was uploaded, as it was stored in the file.
pub(super) struct Upload {
    pub(super) picture: DynamicImage,
    /// How it is put upright.
    pub(super) orientation: Orientation,
    /// The profile of its colours.
    pub(super) profile: Option<Vec<u8>>,
}

/// Decodes an upload, when it is a whole picture of an accepted format and size.
pub(super) fn decoded(upload: &[u8]) -> Result<Upload, PictureError> {
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
    Ok(Upload { picture, orientation, profile })
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

/// Neither avatars nor posters are transparent, and what lies under transparent pixels was never meant to be seen.
pub(super) fn put_on_white(pixels: &mut RgbaImage) {
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
