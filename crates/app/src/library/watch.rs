use domain::{
    id::PurchaseId,
    library::{FilmAccess, FilmSource, Language, PlayableMovie},
    media::MediaKey,
    store::StoreError,
    time::Instant,
};

use super::{Library, address::Address};

/// The maximum number of attempts to open a file. Another file may replace the file after its key was read; the next
/// attempt then reads the new key.
const OPENINGS: u32 = 2;

/// An opened film.
#[derive(Debug)]
pub struct WatchedFilm {
    /// The purchase that allows watching the film.
    pub purchase_id: PurchaseId,
    /// When the address (URL) of the film expires.
    pub expires_at: Instant,
    /// The name of the stored file. The content of a stored file never changes.
    pub key: MediaKey,
    /// The location of the film's bytes.
    pub source: FilmSource,
}

/// Opened subtitles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedSubtitles {
    /// The name of the stored file. The content of a stored file never changes.
    pub key: MediaKey,
    /// The text.
    pub text: Vec<u8>,
}

/// Why the address (URL) of a film or of subtitles cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The address has expired, was altered or belongs to the other kind of file (films, subtitles), or its purchase
    /// has ended or is suspended.
    #[error("the address is not valid or has expired")]
    Denied,
    /// The file no longer exists.
    #[error("there is no such file")]
    NotFound,
    /// The database or the media store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Library {
    /// Opens the film of an address. If the media store serves films itself, the returned source is another address, at
    /// the media store, which permits only the kind of access in `access`.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub async fn open_film(&self, address: &str, access: FilmAccess) -> Result<WatchedFilm, WatchError> {
        for _ in 0..OPENINGS {
            let (address, movie) = self.playable(address, |language| language.is_none()).await?;
            let key = movie.file.ok_or(WatchError::NotFound)?;
            if let Some(source) = self.films.open_film(&key, access).await? {
                let Address { purchase_id, expires_at, .. } = address;
                return Ok(WatchedFilm { purchase_id, expires_at, key, source });
            }
        }
        Err(WatchError::NotFound)
    }

    /// Reads the subtitles of an address.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub async fn open_subtitles(&self, address: &str) -> Result<WatchedSubtitles, WatchError> {
        for _ in 0..OPENINGS {
            let (address, movie) = self.playable(address, |language| language.is_some()).await?;
            let is_wanted = |language: &Language| Some(language) == address.language.as_ref();
            let found = movie.subtitles.into_iter().find(|(language, _)| is_wanted(language));
            let (_, key) = found.ok_or(WatchError::NotFound)?;
            if let Some(text) = self.media.get(&key).await? {
                return Ok(WatchedSubtitles { key, text });
            }
        }
        Err(WatchError::NotFound)
    }

    /// Returns the purchases among `purchases` whose movies may still be watched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn still_playable(&self, purchases: &[PurchaseId]) -> Result<Vec<PurchaseId>, StoreError> {
        self.queries.playable_among(purchases).await
    }

    /// Returns whether an address with this expiry time has expired.
    #[must_use]
    pub fn has_expired(&self, expires_at: Instant) -> bool {
        self.clock.now() >= expires_at
    }

    async fn playable(
        &self,
        address: &str,
        is_kind: impl Fn(Option<&Language>) -> bool,
    ) -> Result<(Address, PlayableMovie), WatchError> {
        let address = Address::read(address, &*self.signer)
            .filter(|address| is_kind(address.language.as_ref()) && !self.has_expired(address.expires_at))
            .ok_or(WatchError::Denied)?;
        let movie = self.queries.playable_movie(address.purchase_id).await?.ok_or(WatchError::Denied)?;
        Ok((address, movie))
    }
}
