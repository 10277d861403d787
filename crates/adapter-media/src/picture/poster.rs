//! Creates posters: WebP pictures in the widths that web pages use.

use domain::media::{MAX_POSTER_ASPECT, POSTER_WIDTHS, PictureError, PosterFile};
use image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageBuffer, Pixel, RgbImage,
    codecs::webp::WebPEncoder, imageops, metadata::Orientation,
};

use super::{
    colours,
    decoded::{Upload, decoded, put_on_white},
};

/// Creates a picture in each of [`POSTER_WIDTHS`] that is not larger than the width of the upload, smallest first.
/// Refuses an upload that is narrower than all of these widths, or too tall for its width.
pub(super) fn made(upload: &[u8]) -> Result<Vec<PosterFile>, PictureError> {
    let Upload { picture, orientation, profile } = decoded(upload)?;
    let is_turned = is_turned(orientation);
    let turned = |(one, other): (u32, u32)| if is_turned { (other, one) } else { (one, other) };
    let (width, height) = turned(picture.dimensions());
    let widths: Vec<u32> = POSTER_WIDTHS.into_iter().filter(|kept| *kept <= width).collect();
    let Some(largest) = widths.last().copied() else { return Err(PictureError::TooNarrow) };
    if height > width.saturating_mul(MAX_POSTER_ASPECT) {
        return Err(PictureError::TooTall);
    }
    let height_of = |kept: u32| scaled_height((width, height), kept);
    let mut pixels = opaque(picture, turned((largest, height_of(largest))));
    if let Some(profile) = profile {
        pixels = colours::as_srgb(pixels, &profile);
    }
    let mut upright = DynamicImage::ImageRgb8(pixels);
    upright.apply_orientation(orientation);
    let upright = upright.into_rgb8();
    widths
        .into_iter()
        .map(|kept| {
            let bytes = if kept == largest {
                encoded(&upright)?
            } else {
                encoded(&resized(&upright, (kept, height_of(kept))))?
            };
            Ok(PosterFile { width: kept, bytes })
        })
        .collect()
}

/// Whether rotating a picture upright swaps its width and height.
const fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// The height of a picture, rounded, when it is resized to the width `kept`.
fn scaled_height((width, height): (u32, u32), kept: u32) -> u32 {
    let (width, height, kept) = (u64::from(width), u64::from(height), u64::from(kept));
    let rounded = height.saturating_mul(kept).saturating_add(width.div_euclid(2)).checked_div(width);
    rounded.and_then(|height| u32::try_from(height).ok()).unwrap_or_default().max(1)
}

/// Resizes the picture. Transparent parts become white.
fn opaque(picture: DynamicImage, size: (u32, u32)) -> RgbImage {
    if picture.color().has_alpha() {
        let mut pixels = picture.into_rgba8();
        put_on_white(&mut pixels);
        DynamicImage::ImageRgba8(resized(&pixels, size)).into_rgb8()
    } else {
        resized(&picture.into_rgb8(), size)
    }
}

/// Resizes a picture. A large picture is first reduced to twice the new size by averaging pixels, which is fast and
/// needs little memory, and then resized with a better filter.
fn resized<V>(picture: &V, (width, height): (u32, u32)) -> ImageBuffer<V::Pixel, Vec<u8>>
where
    V: GenericImageView,
    V::Pixel: Pixel<Subpixel = u8> + 'static,
{
    let filter = imageops::FilterType::CatmullRom;
    let (twice_width, twice_height) = (width.saturating_mul(2), height.saturating_mul(2));
    if picture.width() > twice_width && picture.height() > twice_height {
        let smaller = imageops::thumbnail(picture, twice_width, twice_height);
        imageops::resize(&smaller, width, height, filter)
    } else {
        imageops::resize(picture, width, height, filter)
    }
}

fn encoded(picture: &RgbImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|error| PictureError::Failed(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb};

    use super::*;
    use crate::picture::tests::{encoded as file_of, exif, with_segment};

    const RED: Rgb<u8> = Rgb([220, 30, 30]);
    const BLUE: Rgb<u8> = Rgb([30, 60, 200]);

    /// A picture whose upper half is red and whose lower half is blue.
    fn halves(width: u32, height: u32) -> DynamicImage {
        let middle = height.div_euclid(2);
        let colour = |y| if y < middle { RED } else { BLUE };
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |_, y| colour(y)))
    }

    fn pictures_of(upload: &[u8]) -> Vec<RgbImage> {
        let files = made(upload).unwrap();
        files
            .into_iter()
            .map(|file| {
                assert_eq!(image::guess_format(&file.bytes).unwrap(), ImageFormat::WebP);
                let picture = image::load_from_memory(&file.bytes).unwrap().into_rgb8();
                assert_eq!(picture.width(), file.width);
                picture
            })
            .collect()
    }

    fn sizes_of(upload: &[u8]) -> Vec<(u32, u32)> {
        pictures_of(upload).iter().map(RgbImage::dimensions).collect()
    }

    #[test]
    fn a_poster_is_created_in_each_width_up_to_that_of_the_upload() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let upload = file_of(&halves(500, 750), format);
            assert_eq!(sizes_of(&upload), [(185, 278), (342, 513), (500, 750)]);
        }
        assert_eq!(sizes_of(&file_of(&halves(185, 20), ImageFormat::Png)), [(185, 20)]);
        assert_eq!(
            sizes_of(&file_of(&halves(2_000, 3_000), ImageFormat::Jpeg)),
            [(185, 278), (342, 513), (500, 750), (780, 1_170)]
        );
    }

    #[test]
    fn a_picture_that_is_too_narrow_or_too_tall_is_refused() {
        for (width, height) in [(184, 400), (1, 1)] {
            let refused = made(&file_of(&halves(width, height), ImageFormat::Png)).unwrap_err();
            assert!(matches!(refused, PictureError::TooNarrow), "{refused:?}");
        }
        assert_eq!(sizes_of(&file_of(&halves(200, 800), ImageFormat::Png)).len(), 1);
        let refused = made(&file_of(&halves(200, 801), ImageFormat::Png)).unwrap_err();
        assert!(matches!(refused, PictureError::TooTall), "{refused:?}");
    }

    #[test]
    fn a_rotated_picture_is_turned_upright_before_it_is_measured() {
        // Orientation 6 means that the picture must be rotated clockwise by 90°.
        let lying = file_of(&halves(400, 200), ImageFormat::Jpeg);
        let turned = with_segment(&lying, 0xE1, &exif(6));
        let pictures = pictures_of(&turned);
        assert_eq!(pictures.iter().map(RgbImage::dimensions).collect::<Vec<_>>(), [(185, 370)]);
        let is_red = |x, y| pictures[0].get_pixel(x, y).0[0] > 150;
        assert!(is_red(150, 185) && !is_red(30, 185), "the top edge is now the right edge");
        let narrow = with_segment(&file_of(&halves(400, 180), ImageFormat::Jpeg), 0xE1, &exif(6));
        assert!(matches!(made(&narrow), Err(PictureError::TooNarrow)));
    }

    #[test]
    fn only_pixels_are_kept() {
        let photo = file_of(&halves(200, 300), ImageFormat::Jpeg);
        let canary = b"<script>canary</script>";
        let polyglot = [&with_segment(&photo, 0xFE, canary)[..], canary].concat();
        let (plain, mixed) = (made(&photo).unwrap(), made(&polyglot).unwrap());
        assert_eq!(plain, mixed);
    }

    #[test]
    fn transparent_pixels_become_white() {
        let glass = image::RgbaImage::from_pixel(200, 300, image::Rgba([9, 9, 9, 0]));
        let pictures = pictures_of(&file_of(&DynamicImage::ImageRgba8(glass), ImageFormat::Png));
        assert_eq!(pictures[0].get_pixel(90, 90).0, [255, 255, 255]);
    }
}
