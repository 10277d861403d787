//! Files that people see: how they are named, and the ports that keep and make them.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use uuid::Uuid;

use crate::store::StoreError;

/// The width and height of a stored avatar, in pixels.
pub const AVATAR_SIDE: u32 = 512;

/// The most bytes that an uploaded avatar may have.
pub const MAX_AVATAR_UPLOAD: usize = 2 * 1024 * 1024;

/// The most pixels that an uploaded picture may have, whatever its size in bytes: what a decoder has to unpack.
pub const MAX_PICTURE_PIXELS: u64 = 25_000_000;

/// The longest side that an uploaded picture may have.
pub const MAX_PICTURE_SIDE: u32 = 16_384;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// A JPEG picture.
    Jpeg,
}

impl MediaType {
    /// As HTTP calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
        }
    }

    /// The end of the file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
        }
    }
}

/// Names one stored file: `avatars/0190a1b2-….jpg`. It holds a folder, an identifier and an ending and nothing else, so that no
/// key leads out of its folder; another file gets another key, so that what a key names never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaKey {
    text: String,
    media_type: MediaType,
}

/// The folder of avatars.
const AVATARS: &str = "avatars";

/// The text is no key of a stored file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a stored file")]
pub struct InvalidMediaKey;

impl MediaKey {
    /// The key of a new avatar.
    #[must_use]
    pub fn avatar(id: Uuid) -> Self {
        let media_type = MediaType::Jpeg;
        Self { text: format!("{AVATARS}/{id}.{}", media_type.extension()), media_type }
    }

    /// The avatar with this file name.
    ///
    /// # Errors
    /// When no avatar has such a name.
    pub fn avatar_named(file: &str) -> Result<Self, InvalidMediaKey> {
        let media_type = MediaType::Jpeg;
        let id = file.strip_suffix(media_type.extension()).and_then(|rest| rest.strip_suffix('.'));
        let id = id.filter(|id| id.len() == 36).and_then(|id| Uuid::try_parse(id).ok());
        // Written in one way alone: upper case is another text.
        id.map(Self::avatar).filter(|key| key.file_name() == file).ok_or(InvalidMediaKey)
    }

    /// The whole key, to store and to put into addresses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part behind the folder.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// What kind of file it names.
    #[must_use]
    pub const fn media_type(&self) -> MediaType {
        self.media_type
    }
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
            _ => Err(InvalidMediaKey),
        }
    }
}

/// Keeps files: a folder, or an object store. It knows nothing of who a file belongs to. A store that is away, or that lets
/// nobody in, MUST answer [`StoreError::Unavailable`] whatever it is asked.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Keeps the file, durably when it returns. Readers MUST see all of it or nothing. Putting it again MUST succeed.
    async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError>;
    /// The file, or `None`, which a store that is away MUST never answer.
    async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError>;
    /// Removes the file. MUST be harmless when it is not there.
    async fn delete(&self, key: &MediaKey) -> Result<(), StoreError>;
}

/// Why no avatar can be made of an upload.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// By its content it is none of the formats that are taken.
    #[error("is neither a JPEG nor a PNG nor a WebP picture")]
    Unsupported,
    /// It has the right beginning, and cannot be read to its end.
    #[error("is a picture that is broken or cut off")]
    Broken,
    /// It would unpack to too much.
    #[error("has more than 25 megapixels, or a side of more than 16,384 pixels")]
    TooManyPixels,
    /// Too many pictures are being made; the same upload may succeed in a moment.
    #[error("too many pictures are being made")]
    Busy,
    /// It could not be made for a reason of ours.
    #[error("the picture could not be made")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Makes avatars of what people upload.
#[async_trait]
pub trait AvatarImages: Send + Sync {
    /// Makes a JPEG of [`AVATAR_SIDE`] pixels each way from the middle of the picture, upright. The format MUST be told by content
    /// alone; [`MAX_PICTURE_PIXELS`] and [`MAX_PICTURE_SIDE`] MUST be checked before anything is unpacked; nothing but pixels MUST
    /// come through. Memory MUST be bounded, however many ask at once.
    async fn make(&self, upload: Vec<u8>) -> Result<Vec<u8>, PictureError>;
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
    fn nothing_else_is_a_key() {
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
        ] {
            assert_eq!(bad.parse::<MediaKey>(), Err(InvalidMediaKey), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_never_leads_anywhere_else(text in "(avatars/)?[./a-f0-9%\\\\-]{0,48}(\\.jpg)?") {
            if let Ok(key) = text.parse::<MediaKey>() {
                prop_assert_eq!(key.as_str(), &text);
                prop_assert!(!text.contains("..") && text.matches('/').count() == 1);
            }
        }
    }
}
