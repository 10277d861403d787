//! Media files: their names, and the ports that store and convert them.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use uuid::Uuid;

use crate::store::StoreError;

/// The width and height of a stored avatar, in pixels.
pub const AVATAR_SIDE: u32 = 512;

/// The maximum size of an uploaded avatar, in bytes.
pub const MAX_AVATAR_UPLOAD: usize = 2 * 1024 * 1024;

/// The maximum size of an uploaded poster, in bytes.
pub const MAX_POSTER_UPLOAD: usize = 10 * 1024 * 1024;

/// The widths in which an uploaded poster is stored, in pixels, up to its own width.
pub const POSTER_WIDTHS: [u32; 4] = [185, 342, 500, 780];

/// The maximum ratio of height to width of an uploaded poster. It bounds the size of the stored files.
pub const MAX_POSTER_ASPECT: u32 = 4;

/// The maximum number of pixels of an uploaded picture. It bounds the memory for decoding.
pub const MAX_PICTURE_PIXELS: u64 = 25_000_000;

/// The maximum memory for the pixels of an uploaded picture while it is decoded, in bytes: 25 megapixels with four
/// channels of 8 bits.
pub const MAX_PICTURE_MEMORY: u64 = 100_000_000;

/// The maximum width and height of an uploaded picture, in pixels.
pub const MAX_PICTURE_SIDE: u32 = 16_384;

/// The type of a media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// A JPEG picture.
    Jpeg,
    /// A film in MP4.
    Mp4,
    /// A film in WebM.
    Webm,
    /// Subtitles in WebVTT.
    WebVtt,
    /// A WebP picture.
    WebP,
}

impl MediaType {
    /// The name of the media type (RFC 6838), such as `image/jpeg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::WebVtt => "text/vtt; charset=utf-8",
            Self::WebP => "image/webp",
        }
    }

    /// The extension of file names, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::WebVtt => "vtt",
            Self::WebP => "webp",
        }
    }
}

/// The name of one stored file, such as `avatars/0190a1b2-….jpg` or `posters/0190a1b2-…-w185.webp`: a folder, an
/// identifier, the width (only of posters), and an extension, so no key can refer to a file outside its folder. A new
/// file gets a new key, so the content that a key refers to never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaKey {
    text: String,
    media_type: MediaType,
}

/// The folder of avatars.
const AVATARS: &str = "avatars";
/// The folder of films.
const FILMS: &str = "films";
/// The folder of subtitles.
const SUBTITLES: &str = "subtitles";
/// The folder of posters.
const POSTERS: &str = "posters";

/// The text is not the key of a stored file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a stored file")]
pub struct InvalidMediaKey;

impl MediaKey {
    /// The key of the avatar with this identifier.
    #[must_use]
    pub fn avatar(id: Uuid) -> Self {
        let media_type = MediaType::Jpeg;
        Self { text: format!("{AVATARS}/{id}.{}", media_type.extension()), media_type }
    }

    /// The key of the avatar with this file name.
    ///
    /// # Errors
    /// When no avatar has such a name.
    pub fn avatar_named(file: &str) -> Result<Self, InvalidMediaKey> {
        let media_type = MediaType::Jpeg;
        let id = file.strip_suffix(media_type.extension()).and_then(|rest| rest.strip_suffix('.'));
        id.and_then(identifier).map(Self::avatar).ok_or(InvalidMediaKey)
    }

    /// The key of the poster with this identifier, in one of [`POSTER_WIDTHS`].
    #[must_use]
    pub fn poster(id: Uuid, width: u32) -> Self {
        let media_type = MediaType::WebP;
        Self { text: format!("{POSTERS}/{id}-w{width}.{}", media_type.extension()), media_type }
    }

    /// The key of the poster with this identifier, in the width given by the name, such as `w185.webp`.
    ///
    /// # Errors
    /// When no poster has such a name.
    pub fn poster_named(id: &str, name: &str) -> Result<Self, InvalidMediaKey> {
        let width = POSTER_WIDTHS.into_iter().find(|width| poster_file_name(*width) == name);
        identifier(id).zip(width).map(|(id, width)| Self::poster(id, width)).ok_or(InvalidMediaKey)
    }

    /// The key of a new film, which is in MP4 or WebM.
    #[must_use]
    pub fn film(id: Uuid, media_type: MediaType) -> Self {
        Self { text: format!("{FILMS}/{id}.{}", media_type.extension()), media_type }
    }

    /// The key of new subtitles.
    #[must_use]
    pub fn subtitles(id: Uuid) -> Self {
        let media_type = MediaType::WebVtt;
        Self { text: format!("{SUBTITLES}/{id}.{}", media_type.extension()), media_type }
    }

    /// The key of the file with this name in this folder, if it has one of these types.
    fn named(folder: &str, file: &str, types: &[MediaType]) -> Result<Self, InvalidMediaKey> {
        let (id, extension) = file.split_once('.').ok_or(InvalidMediaKey)?;
        let media_type = types.iter().copied().find(|known| known.extension() == extension);
        let (Some(media_type), Some(id)) = (media_type, identifier(id)) else { return Err(InvalidMediaKey) };
        Ok(Self { text: format!("{folder}/{id}.{extension}"), media_type })
    }

    /// The complete key, for storage or for an address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part after the folder.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The type of the file.
    #[must_use]
    pub const fn media_type(&self) -> MediaType {
        self.media_type
    }
}

/// The last part of the URL path of a poster in this width.
#[must_use]
pub fn poster_file_name(width: u32) -> String {
    format!("w{width}.{}", MediaType::WebP.extension())
}

/// Parses the identifier in a key. Only one spelling of an identifier is accepted: hyphenated and in lower case.
fn identifier(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.to_string() == text).then_some(id)
}

impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for MediaKey {
    type Err = InvalidMediaKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((AVATARS, file)) => Self::avatar_named(file),
            Some((FILMS, file)) => Self::named(FILMS, file, &[MediaType::Mp4, MediaType::Webm]),
            Some((SUBTITLES, file)) => Self::named(SUBTITLES, file, &[MediaType::WebVtt]),
            Some((POSTERS, file)) => {
                let parts =
                    file.split_at_checked(36).and_then(|(id, rest)| Some((id, rest.strip_prefix('-')?)));
                parts.ok_or(InvalidMediaKey).and_then(|(id, name)| Self::poster_named(id, name))
            }
            _ => Err(InvalidMediaKey),
        }
    }
}

/// Stores files, in a folder or an object store. The store does not know who owns a file. When the store cannot be
/// reached or denies access, every method MUST return [`StoreError::Unavailable`].
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Stores the file durably. Readers MUST see either the complete file or none. Storing a file again MUST replace
    /// it.
    async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError>;
    /// The file, or `None` when there is none. MUST NOT return `None` when the store cannot be reached.
    async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError>;
    /// Removes the file. MUST succeed when there is none.
    async fn delete(&self, key: &MediaKey) -> Result<(), StoreError>;
}

/// Why an upload cannot become an avatar or a poster.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The content of the upload is in none of the accepted formats.
    #[error("is neither a JPEG nor a PNG nor a WebP picture")]
    Unsupported,
    /// The content begins like a picture but cannot be decoded.
    #[error("is a picture that is broken or cut off")]
    Broken,
    /// The picture has too many pixels, a side that is too long, or needs too much memory when decoded.
    #[error(
        "has more than 25 megapixels, a side of more than 16,384 pixels, or needs more than 100 MB when decoded"
    )]
    TooManyPixels,
    /// The picture is narrower than the smallest poster.
    #[error("is less than 185 pixels wide")]
    TooNarrow,
    /// The picture is too high for its width to be a poster.
    #[error("is more than four times as high as wide")]
    TooTall,
    /// Too many pictures are being converted; a later attempt may succeed.
    #[error("too many pictures are being converted")]
    Busy,
    /// The conversion failed for a reason other than the upload.
    #[error("the picture could not be converted")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Converts uploads into avatars.
#[async_trait]
pub trait AvatarImages: Send + Sync {
    /// Creates an upright JPEG of [`AVATAR_SIDE`] × [`AVATAR_SIDE`] pixels from the centre of the picture. The format
    /// MUST be detected from the content only. [`MAX_PICTURE_PIXELS`], [`MAX_PICTURE_SIDE`] and [`MAX_PICTURE_MEMORY`]
    /// MUST be checked before decoding. The result MUST contain only pixels and no metadata. Memory MUST be bounded for
    /// any number of concurrent calls.
    async fn make(&self, upload: Vec<u8>) -> Result<Vec<u8>, PictureError>;
}

/// A poster in one of [`POSTER_WIDTHS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterFile {
    /// The width of the picture, in pixels.
    pub width: u32,
    /// The WebP picture.
    pub bytes: Vec<u8>,
}

/// Converts uploads into posters.
#[async_trait]
pub trait PosterImages: Send + Sync {
    /// Creates upright WebP pictures in each of [`POSTER_WIDTHS`] up to the width of the upload, the smallest first; at
    /// least one. An upload that is narrower than the smallest width MUST be refused with [`PictureError::TooNarrow`],
    /// one that is too high for [`MAX_POSTER_ASPECT`] with [`PictureError::TooTall`]. The requirements of
    /// [`AvatarImages::make`] for formats, sizes and memory apply here as well.
    async fn make_poster(&self, upload: Vec<u8>) -> Result<Vec<PosterFile>, PictureError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "0190a1b2-0000-7000-8000-00000000000a.jpg";

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let key = MediaKey::avatar(Uuid::from_u128(0x0190_a1b2_0000_7000_8000_0000_0000_000a));
        assert_eq!(key.as_str(), format!("avatars/{FILE}"));
        assert_eq!(key.file_name(), FILE);
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        assert_eq!(MediaKey::avatar_named(FILE), Ok(key));
    }

    #[test]
    fn films_and_subtitles_have_separate_folders() {
        let id = Uuid::from_u128(0x0190_a1b2_0000_7000_8000_0000_0000_000a);
        for (key, text) in [
            (MediaKey::film(id, MediaType::Mp4), "films/0190a1b2-0000-7000-8000-00000000000a.mp4"),
            (MediaKey::film(id, MediaType::Webm), "films/0190a1b2-0000-7000-8000-00000000000a.webm"),
            (MediaKey::subtitles(id), "subtitles/0190a1b2-0000-7000-8000-00000000000a.vtt"),
        ] {
            assert_eq!(key.as_str(), text);
            assert_eq!(text.parse(), Ok(key));
        }
        for bad in [
            "films/0190a1b2-0000-7000-8000-00000000000a.jpg",
            "subtitles/0190a1b2-0000-7000-8000-00000000000a.mp4",
        ] {
            assert_eq!(bad.parse::<MediaKey>(), Err(InvalidMediaKey), "{bad}");
        }
    }

    #[test]
    fn the_key_of_a_poster_reads_back_from_the_end_of_its_address() {
        const ID: &str = "0190a1b2-0000-7000-8000-00000000000a";
        for width in POSTER_WIDTHS {
            let key = MediaKey::poster(ID.parse().unwrap(), width);
            assert_eq!(key.as_str(), format!("posters/{ID}-w{width}.webp"));
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            assert_eq!(MediaKey::poster_named(ID, &poster_file_name(width)), Ok(key));
        }
    }

    #[test]
    fn other_texts_are_not_keys() {
        for bad in [
            "",
            "avatars",
            "avatars/",
            "avatars/.jpg",
            "avatars/../avatars/0190a1b2-0000-7000-8000-00000000000a.jpg",
            "avatars/../../etc/passwd",
            "avatars/0190a1b2-0000-7000-8000-00000000000a",
            "avatars/0190a1b2-0000-7000-8000-00000000000a.png",
            "avatars/0190a1b2-0000-7000-8000-00000000000ajpg",
            "avatars/0190A1B2-0000-7000-8000-00000000000A.jpg",
            "avatars/0190a1b200007000800000000000000a.jpg",
            "avatars/0190a1b2-0000-7000-8000-00000000000a.jpg\0",
            "avatars//0190a1b2-0000-7000-8000-00000000000a.jpg",
            "/avatars/0190a1b2-0000-7000-8000-00000000000a.jpg",
            "posters/0190a1b2-0000-7000-8000-00000000000a.jpg",
            "posters/0190a1b2-0000-7000-8000-00000000000a.webp",
            "posters/0190a1b2-0000-7000-8000-00000000000a-w186.webp",
            "posters/0190A1B2-0000-7000-8000-00000000000A-w185.webp",
            "posters/0190a1b2-0000-7000-8000-00000000000a-w185.jpg",
            "posters/0190a1b2-0000-7000-8000-00000000000a/w185.webp",
            "posters/0190a1b2-0000-7000-8000-0000000000é-w185.webp",
            "avatars/0190a1b2-0000-7000-8000-00000000000a-w185.webp",
        ] {
            assert_eq!(bad.parse::<MediaKey>(), Err(InvalidMediaKey), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_never_refers_to_another_folder(text in "((avatars|posters|films|subtitles)/)?[./a-f0-9%\\\\-]{0,48}(\\.(jpg|mp4|vtt)|-w185\\.webp)?") {
            if let Ok(key) = text.parse::<MediaKey>() {
                prop_assert_eq!(key.as_str(), &text);
                prop_assert!(!text.contains("..") && text.matches('/').count() == 1);
            }
        }
    }
}
