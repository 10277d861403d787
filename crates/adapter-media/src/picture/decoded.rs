//! Decodes uploads, with limits for size and memory.

use std::io::Cursor;

use domain::media::{MAX_PICTURE_MEMORY, MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE, PictureError};
use image::{
    ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage,
    metadata::Orientation,
};

use super::{jpeg, webp};

/// The memory in bytes that a decoder may use in addition to the pixels, for example for the colour profile of a PNG. A
/// compressed colour profile that needs more is ignored.
const DECODER_MEMORY: u64 = 4 * 1024 * 1024;

/// The maximum size of a colour profile in bytes. A larger profile is ignored.
const MAX_PROFILE: usize = 1024 * 1024;

/// The bytes that the decoder of a progressive JPEG keeps for each pixel until the end of the file: three channels of
/// two bytes each.
const PROGRESSIVE_BYTES: u64 = 6;

/// A decoded upload: the pixels as they were stored, and what is needed to show them correctly.
pub(super) struct Upload {
    pub(super) picture: DynamicImage,
    /// How the picture must be rotated or mirrored to be upright.
    pub(super) orientation: Orientation,
    /// The colour profile (ICC), if there is one.
    pub(super) profile: Option<Vec<u8>>,
}

/// Decodes an upload. Fails unless it is a complete picture of an accepted format and size.
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
    let is_progressive = format == ImageFormat::Jpeg && jpeg::is_progressive(upload);
    check_memory(&decoder, is_progressive)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.len() <= MAX_PROFILE);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| fault(&error))?;
    Ok(Upload { picture, orientation, profile })
}

/// Detects the format by the first bytes of the upload. The file name and the declared content type are not used.
/// Refuses an unsupported format, and an incomplete JPEG.
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

/// Refuses a picture whose pixels need too much memory. All copies that exist at the same time count: the decoded
/// pixels, the pixels converted to 8 bits per channel, and the data that the decoder of a progressive JPEG keeps.
fn check_memory(decoder: &impl ImageDecoder, is_progressive: bool) -> Result<(), PictureError> {
    let (width, height) = decoder.dimensions();
    let colours = decoder.color_type();
    let converted = match colours {
        ColorType::Rgb8 | ColorType::Rgba8 => 0,
        colours if colours.has_alpha() => 4,
        _ => 3,
    };
    let kept = if is_progressive { PROGRESSIVE_BYTES } else { 0 };
    let pixel = u64::from(colours.bytes_per_pixel()).saturating_add(converted).saturating_add(kept);
    let bytes = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(pixel);
    if bytes > MAX_PICTURE_MEMORY { Err(PictureError::TooManyPixels) } else { Ok(()) }
}

fn fault(error: &ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooManyPixels,
        _ => PictureError::Broken,
    }
}

/// Blends the pixels with a white background. Avatars and posters are not transparent, and the hidden colours of
/// transparent pixels must not become visible.
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
