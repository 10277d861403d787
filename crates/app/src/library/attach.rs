use std::{
    fs::File,
    io::{self, Read, Seek},
};

use domain::{
    id::MovieId,
    library::{InvalidSubtitles, Language, MovieFile, MovieSubtitles, check_subtitles, film_type},
    media::{MediaKey, MediaType},
    store::{Attempt, StoreError, retried},
};

use super::Library;

/// How many bytes of a file are read to detect its type.
const BEGINNING: u64 = 64;

/// The maximum size of a file of subtitles in bytes, far larger than the subtitles of any film.
const LARGEST_SUBTITLES: usize = 4 * 1024 * 1024;

/// Why a file was not attached to a movie.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no such movie.
    #[error("there is no such movie")]
    NoMovie,
    /// The file does not have a format that browsers can play.
    #[error("is neither MP4 nor WebM, so browsers cannot play it")]
    NoFilm,
    /// The subtitles are not in the format that browsers support.
    #[error(transparent)]
    Subtitles(#[from] InvalidSubtitles),
    /// The subtitles are not UTF-8.
    #[error("is not in UTF-8")]
    NotUtf8,
    /// The file is too large for subtitles.
    #[error("is too large for subtitles")]
    TooLarge,
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    File(#[from] io::Error),
    /// The database or the media store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Library {
    /// Stores the file as the film of the movie. The file replaces the previous film. While the file is being stored,
    /// the film store calls `progress` with the number of bytes that were stored since the previous call. Returns the
    /// length of the film in bytes.
    ///
    /// # Errors
    /// See [`AttachError`].
    pub async fn attach_film(
        &self,
        movie_id: MovieId,
        mut file: File,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, AttachError> {
        let media_type = type_of(&mut file)?;
        self.check_movie(movie_id).await?;
        let key = MediaKey::film(self.ids.uuid(), media_type);
        let length = self.films.put_film(&key, file, progress).await?;
        let attached = MovieFile {
            movie_id,
            key: key.clone(),
            length: i64::try_from(length).map_err(StoreError::failed)?,
            attached_at: self.clock.now(),
        };
        match retried(&*self.backoff, |attempt| self.try_attach_film(attempt, &attached)).await {
            Ok(before) => self.forget_film(before.as_ref()).await,
            Err(error @ AttachError::NoMovie) => {
                self.forget_film(Some(&key)).await;
                return Err(error);
            }
            Err(error) => {
                warn_of_unknown(&key);
                return Err(error);
            }
        }
        Ok(length)
    }

    async fn try_attach_film(
        &self,
        attempt: Attempt,
        file: &MovieFile,
    ) -> Result<Option<MediaKey>, AttachError> {
        let mut unit = self.store.begin_as_operator(attempt).await?;
        if !unit.lock_movie_media(file.movie_id).await? {
            return Err(AttachError::NoMovie);
        }
        let before = unit.put_movie_file(file).await?;
        unit.commit().await?;
        Ok(before)
    }

    /// Stores the text as the subtitles of the movie in the language. The text replaces the previous subtitles in this
    /// language.
    ///
    /// # Errors
    /// See [`AttachError`].
    pub async fn attach_subtitles(
        &self,
        movie_id: MovieId,
        language: Language,
        text: Vec<u8>,
    ) -> Result<(), AttachError> {
        check_text(&text)?;
        self.check_movie(movie_id).await?;
        let key = MediaKey::subtitles(self.ids.uuid());
        self.media.put(&key, text).await?;
        let attached = MovieSubtitles { movie_id, language, key: key.clone(), attached_at: self.clock.now() };
        let outcome = retried(&*self.backoff, |attempt| self.try_attach_subtitles(attempt, &attached)).await;
        let unused = match &outcome {
            Ok(before) => before.as_ref(),
            Err(AttachError::NoMovie) => Some(&key),
            Err(_) => {
                warn_of_unknown(&key);
                None
            }
        };
        if let Some(unused) = unused
            && let Err(error) = self.media.delete(unused).await
        {
            tracing::warn!(%error, key = %unused, "unused subtitles were not removed");
        }
        outcome.map(drop)
    }

    async fn try_attach_subtitles(
        &self,
        attempt: Attempt,
        subtitles: &MovieSubtitles,
    ) -> Result<Option<MediaKey>, AttachError> {
        let mut unit = self.store.begin_as_operator(attempt).await?;
        if !unit.lock_movie_media(subtitles.movie_id).await? {
            return Err(AttachError::NoMovie);
        }
        let before = unit.put_movie_subtitles(subtitles).await?;
        unit.commit().await?;
        Ok(before)
    }

    /// Checks a file of subtitles before anything is stored.
    ///
    /// # Errors
    /// See [`AttachError`].
    pub fn check_subtitles(&self, text: &[u8]) -> Result<(), AttachError> {
        check_text(text)
    }

    /// Checks that the movie exists, before a file is stored for it.
    async fn check_movie(&self, movie_id: MovieId) -> Result<(), AttachError> {
        let is_there = retried(&*self.backoff, |attempt| self.is_movie(attempt, movie_id)).await?;
        if is_there { Ok(()) } else { Err(AttachError::NoMovie) }
    }

    async fn is_movie(&self, attempt: Attempt, movie_id: MovieId) -> Result<bool, StoreError> {
        self.store.begin_as_operator(attempt).await?.lock_movie_media(movie_id).await
    }

    /// Removes the file of a film that no movie uses. A failure is only logged, because an unused file only
    /// occupies space.
    async fn forget_film(&self, key: Option<&MediaKey>) {
        if let Some(key) = key
            && let Err(error) = self.films.remove_film(key).await
        {
            tracing::warn!(%error, %key, "an unused film was not removed");
        }
    }
}

/// Logs that a stored file is kept, because it is not known whether the transaction that attaches the file was
/// committed.
fn warn_of_unknown(key: &MediaKey) {
    tracing::warn!(%key, "the stored file is kept: it is unknown whether the movie uses it");
}

fn type_of(file: &mut File) -> Result<MediaType, AttachError> {
    let mut beginning = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
    file.rewind()?;
    film_type(&beginning).ok_or(AttachError::NoFilm)
}

fn check_text(text: &[u8]) -> Result<(), AttachError> {
    if text.len() > LARGEST_SUBTITLES {
        return Err(AttachError::TooLarge);
    }
    let text = std::str::from_utf8(text).map_err(|_| AttachError::NotUtf8)?;
    Ok(check_subtitles(text)?)
}
