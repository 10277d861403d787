use std::{fmt, fs::File};

use async_trait::async_trait;

use crate::{
    media::{MediaKey, MediaType},
    store::StoreError,
};

/// Detects the type of a film from the beginning of its file; `None` when it is neither MP4 nor WebM, the formats that
/// browsers play.
#[must_use]
pub fn film_type(beginning: &[u8]) -> Option<MediaType> {
    /// The first bytes of a Matroska file (EBML).
    const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
    if beginning.get(4..8).is_some_and(|kind| kind == b"ftyp") {
        return Some(MediaType::Mp4);
    }
    let head = beginning.get(..beginning.len().min(64)).unwrap_or_default();
    let is_webm = head.starts_with(&EBML) && head.windows(4).any(|word| word == b"webm");
    is_webm.then_some(MediaType::Webm)
}

/// The purpose for which an address of the media store is issued. The address permits nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilmAccess {
    /// To read the film.
    Read,
    /// To read the length and type of the film.
    Head,
}

/// The location of a film.
pub enum FilmSource {
    /// In a file on this machine.
    Local(OpenedFilm),
    /// At an address of the media store, which is valid for the requested purpose and for one minute.
    Address(String),
}

/// A file on this machine that was opened for reading.
pub struct OpenedFilm {
    /// The file.
    pub file: File,
    /// The length of the file in bytes.
    pub length: u64,
}

impl fmt::Debug for FilmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(film) => f.debug_tuple("Local").field(&film.length).finish(),
            // Hidden, since anyone who has the address can read the film.
            Self::Address(_) => f.write_str("Address(…)"),
        }
    }
}

/// Stores films: the video files of movies, which are too large for memory. When the store cannot be reached or denies
/// access, every method MUST return [`StoreError::Unavailable`].
#[async_trait]
pub trait FilmStore: Send + Sync {
    /// Stores a file durably, part by part, and calls `progress` with the number of bytes stored since the last call.
    /// Readers MUST see either the complete file or none, and memory MUST be bounded. Returns the length in bytes.
    async fn put_film(
        &self,
        key: &MediaKey,
        file: File,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError>;
    /// The film, or `None` when there is none. A store that keeps films in a folder MUST NOT return `None` when this
    /// folder cannot be reached. A returned address may belong to a file that no longer exists.
    async fn open_film(&self, key: &MediaKey, access: FilmAccess) -> Result<Option<FilmSource>, StoreError>;
    /// Removes the film. MUST succeed when there is none.
    async fn remove_film(&self, key: &MediaKey) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_are_recognized_by_their_content() {
        assert_eq!(film_type(b"\0\0\0\x20ftypisom\0\0\x02\0"), Some(MediaType::Mp4));
        assert_eq!(film_type(b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webmB"), Some(MediaType::Webm));
        assert_eq!(film_type(b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska"), None);
        for other in [&b""[..], b"ftyp", b"RIFF....AVI ", b"<html>ftyp"] {
            assert_eq!(film_type(other), None);
        }
    }
}
