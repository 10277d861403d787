//! Makes pictures of whatever was uploaded: nothing but its pixels comes through.

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

/// How many pictures are made at once. One may need 300 MB: 25 megapixels of 16 bits a channel, and the same in 8.
const AT_ONCE: usize = 1;

/// How long a request waits for a turn.
const PATIENCE: Duration = Duration::from_secs(4);

/// Makes avatars and posters on threads of their own, one after the other.
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
            // Held until the work is done, even when nobody waits for it any more.
            let _turn = turn;
            work()
        });
        match work.await {
            Ok(made) => made,
            // A decoder that panics over a file says something about the file.
            Err(error) if error.is_panic() => {
                tracing::warn!("a decoder panicked over an uploaded picture");
                Err(PictureError::Broken)
            }
            Err(error) => Err(PictureError::Failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests;
