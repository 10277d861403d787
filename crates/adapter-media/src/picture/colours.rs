use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Converts a picture to sRGB, because the new picture has no colour profile. Phones take photos in wider colour
/// spaces, which the profile describes; without the conversion, the colours would look dull. A profile that cannot be
/// used is ignored.
pub(super) fn as_srgb(picture: RgbImage, profile: &[u8]) -> RgbImage {
    converted(&picture, profile).unwrap_or(picture)
}

fn converted(picture: &RgbImage, profile: &[u8]) -> Option<RgbImage> {
    let own = ColorProfile::new_from_slice(profile).ok()?;
    // Greyscale and CMYK pictures have already been converted to RGB, so their profiles do not match the pixels.
    if own.color_space != DataColorSpace::Rgb {
        return None;
    }
    let web = ColorProfile::new_srgb();
    let transform =
        own.create_transform_8bit(Layout::Rgb, &web, Layout::Rgb, TransformOptions::default()).ok()?;
    let mut pixels = vec![0; picture.as_raw().len()];
    transform.transform(picture.as_raw(), &mut pixels).ok()?;
    RgbImage::from_raw(picture.width(), picture.height(), pixels)
}
