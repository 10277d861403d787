#![expect(clippy::arithmetic_side_effects, reason = "the sizes of the test pictures cannot overflow")]

use std::io::{Cursor, Write};

use image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageBuffer, ImageDecoder, ImageEncoder, ImageFormat,
    ImageReader, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};
use moxcms::ColorProfile;

use super::*;

const RED: Rgb<u8> = Rgb([220, 30, 30]);
const GREEN: Rgb<u8> = Rgb([30, 160, 60]);
const BLUE: Rgb<u8> = Rgb([30, 60, 200]);

/// A picture of three squares side by side: red, green and blue.
fn stripes(height: u32) -> DynamicImage {
    let colour = |x: u32| match x.div_euclid(height) {
        0 => RED,
        1 => GREEN,
        _ => BLUE,
    };
    DynamicImage::ImageRgb8(RgbImage::from_fn(height * 3, height, |x, _| colour(x)))
}

/// A square picture whose upper half is red and whose lower half is blue.
fn halves(side: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(side, side, |_, y| if y < side / 2 { RED } else { BLUE }))
}

pub(super) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Creates and decodes an avatar. Checks that it is a complete JPEG of the right size, without EXIF data or a
/// colour profile.
#[track_caller]
fn avatar_of(upload: &[u8]) -> RgbImage {
    let bytes = avatar::made(upload).unwrap();
    assert_eq!(image::guess_format(&bytes).unwrap(), ImageFormat::Jpeg);
    let mut decoder =
        ImageReader::with_format(Cursor::new(&bytes), ImageFormat::Jpeg).into_decoder().unwrap();
    assert_eq!(decoder.exif_metadata().unwrap(), None);
    assert_eq!(decoder.icc_profile().unwrap(), None);
    assert!(jpeg::is_whole(&bytes) && bytes.ends_with(&[0xFF, 0xD9]));
    let picture = DynamicImage::from_decoder(decoder).unwrap();
    assert_eq!(picture.dimensions(), (512, 512));
    picture.into_rgb8()
}

/// Checks that a pixel has about the expected colour.
#[track_caller]
fn is_about(picture: &RgbImage, x: u32, y: u32, expected: Rgb<u8>) {
    let found = picture.get_pixel(x, y);
    let is_near = found.0.iter().zip(expected.0).all(|(one, other)| one.abs_diff(other) <= 6);
    assert!(is_near, "{found:?} is not {expected:?} at {x}, {y}");
}

#[track_caller]
fn refused(upload: &[u8]) -> PictureError {
    avatar::made(upload).map(|_| "an avatar").unwrap_err()
}

/// Inserts a segment after the start marker of a JPEG.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, content, &jpeg[2..]].concat()
}

/// EXIF data with only this orientation.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

/// A chunk of a WebP file.
pub(super) fn riff_chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    let padding: &[u8] = if content.len().is_multiple_of(2) { &[] } else { &[0] };
    [name, &length[..], content, padding].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

/// The header chunk of an extended WebP file, such as an animation.
fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| side.checked_sub(1).unwrap().to_le_bytes()[..3].to_vec();
    riff_chunk(b"VP8X", &[vec![flags, 0, 0, 0], side(width), side(height)].concat())
}

#[test]
fn the_centre_of_each_format_becomes_a_jpeg_of_512_pixels() {
    for (format, height) in
        [(ImageFormat::Jpeg, 100), (ImageFormat::Png, 700), (ImageFormat::WebP, 1_200), (ImageFormat::Png, 1)]
    {
        let avatar = avatar_of(&encoded(&stripes(height), format));
        for place in [20, 256, 490] {
            is_about(&avatar, place, 256, GREEN);
        }
    }
    // A portrait picture is cropped at the top and at the bottom.
    let avatar = avatar_of(&encoded(&stripes(300).rotate90(), ImageFormat::Png));
    is_about(&avatar, 256, 10, GREEN);
    is_about(&avatar, 256, 500, GREEN);
}

#[test]
fn grey_transparent_and_16_bit_pictures_are_supported() {
    let grey = ImageBuffer::from_pixel(600, 600, Luma([90_u8]));
    let see_through_grey = ImageBuffer::from_pixel(600, 600, LumaA([90_u8, 255]));
    let deep = ImageBuffer::from_pixel(600, 600, Rgb([90 * 257_u16, 90 * 257, 90 * 257]));
    let deep_see_through =
        ImageBuffer::from_pixel(600, 600, Rgba([90 * 257_u16, 90 * 257, 90 * 257, u16::MAX]));
    for picture in [
        DynamicImage::ImageLuma8(grey.clone()),
        DynamicImage::ImageLumaA8(see_through_grey),
        DynamicImage::ImageRgb16(deep),
        DynamicImage::ImageRgba16(deep_see_through),
    ] {
        is_about(&avatar_of(&encoded(&picture, ImageFormat::Png)), 256, 256, Rgb([90, 90, 90]));
    }
    let grey = encoded(&DynamicImage::ImageLuma8(grey), ImageFormat::Jpeg);
    is_about(&avatar_of(&grey), 256, 256, Rgb([90, 90, 90]));
}

#[test]
fn transparent_pixels_become_white_without_revealing_their_colours() {
    let hidden = RgbaImage::from_fn(800, 800, |x, _| match x {
        0..200 => Rgba([255, 0, 0, 0]),
        200..400 => Rgba([0, 0, 0, 128]),
        _ => Rgba([30, 60, 200, 255]),
    });
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let avatar = avatar_of(&encoded(&DynamicImage::ImageRgba8(hidden.clone()), format));
        is_about(&avatar, 50, 256, Rgb([255, 255, 255]));
        is_about(&avatar, 190, 256, Rgb([127, 127, 127]));
        is_about(&avatar, 400, 256, BLUE);
    }
}

#[test]
fn a_photo_with_any_exif_orientation_becomes_upright() {
    // For each EXIF orientation, the stored picture that has red at the top when it is shown upright.
    let upright = halves(600);
    let stored = [
        (1, upright.clone()),
        (2, upright.fliph()),
        (3, upright.rotate180()),
        (4, upright.flipv()),
        (5, upright.rotate270().flipv()),
        (6, upright.rotate270()),
        (7, upright.rotate90().flipv()),
        (8, upright.rotate90()),
    ];
    for (orientation, picture) in stored {
        let photo = with_segment(&encoded(&picture, ImageFormat::Jpeg), 0xE1, &exif(orientation));
        let avatar = avatar_of(&photo);
        is_about(&avatar, 256, 100, RED);
        is_about(&avatar, 256, 400, BLUE);
    }
}

#[test]
fn wide_colours_of_phones_are_converted_to_srgb() {
    // The expected colour was computed from the primaries of the two colour spaces, Display P3 and sRGB.
    let picture = RgbImage::from_pixel(600, 600, Rgb([110, 200, 110]));
    let mut photo = Vec::new();
    let mut encoder = PngEncoder::new(&mut photo);
    encoder.set_icc_profile(ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    encoder.write_image(picture.as_raw(), 600, 600, ExtendedColorType::Rgb8).unwrap();
    is_about(&avatar_of(&photo), 256, 256, Rgb([70, 203, 98]));
    // An invalid profile is ignored.
    let mut photo = Vec::new();
    let mut encoder = PngEncoder::new(&mut photo);
    encoder.set_icc_profile(b"no profile".repeat(20)).unwrap();
    encoder.write_image(picture.as_raw(), 600, 600, ExtendedColorType::Rgb8).unwrap();
    is_about(&avatar_of(&photo), 256, 256, Rgb([110, 200, 110]));
}

#[test]
fn only_pixels_are_kept() {
    let photo = encoded(&halves(600), ImageFormat::Jpeg);
    let script = b"<script>alert(document.domain)</script>";
    let secret = b"GPS 52.5200 N 13.4050 E, serial 00112233";
    let polyglot = [
        &with_segment(&with_segment(&photo, 0xFE, script), 0xE1, secret)[..],
        b"PK\x03\x04 and an archive",
        script,
    ]
    .concat();
    let bytes = avatar::made(&polyglot).unwrap();
    for part in [&script[..], b"GPS", b"serial", b"PK\x03\x04", b"alert"] {
        assert!(!bytes.windows(part.len()).any(|window| window == part), "{part:?}");
    }
    // The result is the same as for the plain photo, byte for byte.
    assert_eq!(bytes, avatar::made(&photo).unwrap());
}

#[test]
fn the_first_frame_of_an_animation_is_used() {
    let frame = |colour: Rgb<u8>| {
        let mut still = Vec::new();
        let pixels = RgbImage::from_pixel(64, 64, colour);
        WebPEncoder::new_lossless(&mut still)
            .encode(pixels.as_raw(), 64, 64, ExtendedColorType::Rgb8)
            .unwrap();
        // The frame header: no offset, 64 by 64 pixels, 0.1 s, no blending.
        let head = [0, 0, 0, 0, 0, 0, 63, 0, 0, 63, 0, 0, 100, 0, 0, 2];
        riff_chunk(b"ANMF", &[&head[..], &still[12..]].concat())
    };
    let animation = [canvas(0b10, 64, 64), riff_chunk(b"ANIM", &[0; 6]), frame(RED), frame(BLUE)];
    is_about(&avatar_of(&webp(&animation)), 256, 256, RED);
}

#[test]
fn other_content_is_refused_as_unsupported() {
    for upload in [
        &b""[..],
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"BM\x1e\0\0\0\0\0",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!DOCTYPE html><html>",
        b"II*\0\x08\0\0\0",
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x20ftypavif",
        b"avatar.png",
    ] {
        assert!(matches!(refused(upload), PictureError::Unsupported), "{upload:?}");
    }
}

#[test]
fn a_truncated_or_altered_picture_is_refused() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = encoded(&stripes(200), format);
        for part in [2, 4, 8] {
            let kept = whole.len() - whole.len() / part;
            assert!(matches!(refused(&whole[..kept]), PictureError::Broken), "{format:?} {part}");
        }
    }
    for beginning in [&b"\xFF\xD8\xFF\xE0"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 "] {
        assert!(matches!(refused(beginning), PictureError::Broken));
    }
    // The start of a PNG, followed by a JPEG.
    let mixed = [&b"\x89PNG\r\n\x1a\n"[..], &encoded(&stripes(20), ImageFormat::Jpeg)].concat();
    assert!(matches!(refused(&mixed), PictureError::Broken));
}

#[test]
fn an_altered_byte_never_causes_a_panic() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = encoded(&stripes(8), format);
        for at in (0..whole.len()).step_by(31) {
            let mut altered = whole.clone();
            altered[at] = !altered[at];
            // The result does not matter: some altered bytes only change the pixels.
            drop(avatar::made(&altered));
        }
    }
}

/// A black PNG of this size. Its file is very small, because it is compressed.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let zeros = vec![0; usize::try_from(width * height).unwrap()];
    PngEncoder::new(&mut bytes).write_image(&zeros, width, height, ExtendedColorType::L8).unwrap();
    bytes
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_decoded() {
    let bomb_of_25_million = bomb(5_000, 5_000);
    assert!(bomb_of_25_million.len() < 200_000, "{}", bomb_of_25_million.len());
    is_about(&avatar_of(&bomb_of_25_million), 256, 256, Rgb([0, 0, 0]));
    for (width, height) in [(5_001, 5_000), (16_385, 1), (1, 16_385)] {
        assert!(matches!(refused(&bomb(width, height)), PictureError::TooManyPixels), "{width}x{height}");
    }
    // A small JPEG whose header claims the largest size is refused too.
    let mut photo = Vec::new();
    JpegEncoder::new(&mut photo).encode(&[0; 3 * 64], 8, 8, ExtendedColorType::Rgb8).unwrap();
    let frame = photo.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    photo[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(refused(&photo), PictureError::TooManyPixels));
}

/// The PNG with this size in its header instead of its real size, and a matching checksum.
fn claiming(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut altered = png.to_vec();
    altered[16..20].copy_from_slice(&width.to_be_bytes());
    altered[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&altered[12..29]);
    altered[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    altered
}

#[test]
fn a_picture_that_needs_too_much_memory_is_refused_before_it_is_decoded() {
    let deep = encoded(&DynamicImage::new_rgba16(8, 8), ImageFormat::Png);
    let plain = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Png);
    assert!(matches!(refused(&claiming(&deep, 5_000, 5_000)), PictureError::TooManyPixels));
    assert!(matches!(refused(&claiming(&deep, 3_000, 3_000)), PictureError::TooManyPixels));
    // The claimed size is allowed, but the pixels are missing.
    assert!(matches!(refused(&claiming(&deep, 1_000, 1_000)), PictureError::Broken));
    assert!(matches!(refused(&claiming(&plain, 5_000, 5_000)), PictureError::Broken));
}

#[test]
fn a_large_colour_profile_is_ignored() {
    let picture = RgbImage::from_pixel(8, 8, RED);
    let profile_of = |bytes| {
        let mut upload = Vec::new();
        let mut encoder = PngEncoder::new(&mut upload);
        encoder.set_icc_profile(vec![0; bytes]).unwrap();
        encoder.write_image(picture.as_raw(), 8, 8, ExtendedColorType::Rgb8).unwrap();
        decoded::decoded(&upload).unwrap().profile
    };
    assert_eq!(profile_of(1_000).map(|profile| profile.len()), Some(1_000));
    // The first profile is larger than `MAX_PROFILE`, the second one also exceeds the memory limit of the decoder.
    for bytes in [1024 * 1024 + 1, 8 * 1024 * 1024] {
        assert_eq!(profile_of(bytes), None, "{bytes}");
    }
}

#[test]
fn a_frame_that_is_larger_than_its_picture_is_refused_before_it_is_decoded() {
    let mut frame = vec![0x10, 0, 0, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F];
    frame.resize(4_000, 0);
    let frame = riff_chunk(b"VP8 ", &frame);
    let still = webp(&[canvas(0, 10, 10), frame.clone()]);
    assert!(matches!(refused(&still), PictureError::TooManyPixels));
    let head = [0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0, 100, 0, 0, 2];
    let moving = riff_chunk(b"ANMF", &[&head[..], &frame].concat());
    let animation = webp(&[canvas(0b10, 10, 10), riff_chunk(b"ANIM", &[0; 6]), moving]);
    assert!(matches!(refused(&animation), PictureError::TooManyPixels));
}

#[test]
fn a_colour_profile_that_decompresses_to_256_mib_is_not_kept() {
    // The picture has a compressed colour profile of 256 MiB. Either the profile is ignored, or the picture is refused.
    let mut packed = Vec::new();
    let mut zlib = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::best());
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..256 {
        zlib.write_all(&zeros).unwrap();
    }
    zlib.finish().unwrap();
    assert!(packed.len() < 400_000, "{}", packed.len());
    let plain = encoded(&stripes(20), ImageFormat::Png);
    let content = [&b"iCCPp\0\0"[..], &packed].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    let length = u32::try_from(content.len() - 4).unwrap().to_be_bytes();
    let bomb = [&plain[..33], &length, &content, &sum.sum().to_be_bytes(), &plain[33..]].concat();
    if let Err(error) = avatar::made(&bomb) {
        assert!(matches!(error, PictureError::TooManyPixels | PictureError::Broken), "{error:?}");
    }
}

#[tokio::test]
async fn pictures_are_converted_one_after_the_other() {
    let studio = PictureStudio::default();
    let upload = encoded(&stripes(100), ImageFormat::Png);
    let turn = Arc::clone(&studio.turns).acquire_owned().await.unwrap();
    let waiting = studio.make(upload.clone());
    tokio::pin!(waiting);
    assert!(
        std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending()))
            .await
    );
    drop(turn);
    assert_eq!(waiting.await.unwrap(), studio.make(upload).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn waiting_too_long_for_a_permit_is_reported() {
    let studio = PictureStudio::default();
    let _turn = Arc::clone(&studio.turns).acquire_owned().await.unwrap();
    assert!(matches!(studio.make(Vec::new()).await, Err(PictureError::Busy)));
}
