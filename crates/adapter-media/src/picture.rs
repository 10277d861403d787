//! Converts uploads to new pictures, which contain only pixels and no other data of the upload.

mod avatar;
mod colours;
mod decoded;
mod jpeg;
mod poster;
mod webp;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::media::{AvatarImages, PictureError, PosterFile, PosterImages};
use tokio::sync::Semaphore;

/// The number of uploads that are converted at once. Each conversion may need up to
/// [`domain::media::MAX_PICTURE_MEMORY`] bytes.
const AT_ONCE: usize = 1;

/// How long an upload waits for the conversions of earlier uploads.
const PATIENCE: Duration = Duration::from_secs(4);

/// Converts uploads to avatars and posters on blocking threads, one upload at a time.
#[derive(Debug)]
pub struct PictureStudio {
    turns: Arc<Semaphore>,
}

impl Default for PictureStudio {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

#[async_trait]
impl AvatarImages for PictureStudio {
    async fn make(&self, upload: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        self.in_turn(move || avatar::made(&upload)).await
    }
}

#[async_trait]
impl PosterImages for PictureStudio {
    async fn make_poster(&self, upload: Vec<u8>) -> Result<Vec<PosterFile>, PictureError> {
        self.in_turn(move || poster::made(&upload)).await
    }
}

impl PictureStudio {
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PictureError> + Send + 'static,
    ) -> Result<T, PictureError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| PictureError::Busy)?
            .map_err(|closed| PictureError::Failed(closed.into()))?;
        let work = tokio::task::spawn_blocking(move || {
            // Holds the permit until the work is done, even if the caller is cancelled before that.
            let _turn = turn;
            work()
        });
        match work.await {
            Ok(made) => made,
            // A panic means that this upload triggers a bug, usually in a decoder. The upload is reported as broken.
            Err(error) if error.is_panic() => {
                tracing::warn!("the conversion of an uploaded picture panicked");
                Err(PictureError::Broken)
            }
            Err(error) => Err(PictureError::Failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests;
