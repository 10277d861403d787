use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// The same picture in the colours of the web. Phones take photos in wider ones and say so in a profile; without it the
/// numbers mean other, duller colours. A profile that cannot be used is left aside.
pub(super) fn as_srgb(picture: RgbImage, profile: &[u8]) -> RgbImage {
    converted(&picture, profile).unwrap_or(picture)
}

fn converted(picture: &RgbImage, profile: &[u8]) -> Option<RgbImage> {
    let own = ColorProfile::new_from_slice(profile).ok()?;
    // Of grey pictures and those for print, the decoder has made red, green and blue already.
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
