use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject},
    catalog::{
        CatalogStore, ModerationStore, ModerationUnit, Movie, MovieDetail, MovieQueries, Poster,
        UploadedPoster,
    },
    id::{IdGenerator, MovieId},
    media::{MediaKey, MediaStore, PictureError, PosterImages},
    outbox::OutboxRepository,
    store::{Attempt, StoreError, retried},
    time::{Backoff, Clock, Instant},
};

use super::audit::{Cause, differences};
use crate::{outbox::Message, record::Recorder};

/// How long after the announcement of a poster (see [`Posters::set_poster`]) the outbox checks whether its movie uses
/// the poster.
const LOOKED_AT_AFTER: TimeDelta = TimeDelta::hours(1);

/// How long the pictures of a poster are kept after the poster was removed from its movie, since pages that were loaded
/// or cached before the removal still show the poster.
const KEPT_AFTER_LEAVING: TimeDelta = TimeDelta::minutes(1);

/// How long after its announcement a picture may become a poster. This is much shorter than [`LOOKED_AT_AFTER`], so
/// that clock differences between nodes do not matter.
const TAKEN_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// The use cases of uploaded posters.
pub struct Posters {
    /// Stores changes by moderators.
    pub moderation: Arc<dyn ModerationStore>,
    /// Stores movies.
    pub store: Arc<dyn CatalogStore>,
    /// Reads movies.
    pub queries: Arc<dyn MovieQueries>,
    /// Stores pictures.
    pub media: Arc<dyn MediaStore>,
    /// Converts uploads into posters.
    pub images: Arc<dyn PosterImages>,
    /// Writes messages for the outbox.
    pub recorder: Recorder,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
}

/// Why a poster was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPosterError {
    /// There is no such movie.
    #[error("no such movie")]
    NotFound,
    /// The upload cannot be converted into a poster.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database or the media store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a poster was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovePosterError {
    /// There is no such movie.
    #[error("no such movie")]
    NotFound,
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Posters {
    /// Sets the upload as the movie's poster and replaces the previous poster. A poster is stored as pictures of one
    /// or more widths.
    ///
    /// No transaction spans both the database and the media store. A message about the pictures (their announcement) is
    /// therefore written to the outbox before the pictures are stored. An hour later, the outbox processes this message
    /// and removes the pictures if the movie does not use them. So pictures that a failure left unused are removed,
    /// too.
    ///
    /// # Errors
    /// See [`SetPosterError`].
    pub async fn set_poster(
        &self,
        moderator: Actor,
        id: MovieId,
        upload: Vec<u8>,
        origin: &Origin,
    ) -> Result<MovieDetail, SetPosterError> {
        let viewer = Some(moderator.user_id);
        if self.queries.movie_detail(id, viewer).await?.is_none() {
            return Err(SetPosterError::NotFound);
        }
        let files = self.images.make_poster(upload).await?;
        let width = files.last().map(|file| file.width).ok_or(PictureError::TooNarrow)?;
        let poster = UploadedPoster { id: self.ids.next(), width };
        let announced_at = self.clock.now();
        retried(&*self.backoff, |attempt| self.announce(attempt, moderator, id, poster, announced_at))
            .await?;
        for file in files {
            self.media.put(&poster.key(file.width), file.bytes).await?;
        }
        retried(&*self.backoff, |attempt| {
            self.take_poster(attempt, moderator, id, poster, announced_at, origin)
        })
        .await?;
        self.queries.movie_detail(id, viewer).await?.ok_or(SetPosterError::NotFound)
    }

    async fn announce(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: MovieId,
        poster: UploadedPoster,
        now: Instant,
    ) -> Result<(), AccessError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let due = now.checked_add_signed(LOOKED_AT_AFTER).unwrap_or(now);
        self.recorder.unused_poster(&mut *unit, id, poster, "stored", now, due).await?;
        unit.commit().await?;
        Ok(())
    }

    async fn take_poster(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: MovieId,
        poster: UploadedPoster,
        announced_at: Instant,
        origin: &Origin,
    ) -> Result<(), SetPosterError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let movie = unit.find_movie_for_update(id).await?.ok_or(SetPosterError::NotFound)?;
        if self.clock.now().signed_duration_since(announced_at) > TAKEN_WITHIN {
            return Err(StoreError::unavailable("storing the poster took too long").into());
        }
        self.show_poster(&mut *unit, &moderator, movie, Some(Poster::Uploaded(poster)), origin).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Removes the movie's poster, if there is one.
    ///
    /// # Errors
    /// See [`RemovePosterError`].
    pub async fn remove_poster(
        &self,
        moderator: Actor,
        id: MovieId,
        origin: &Origin,
    ) -> Result<(), RemovePosterError> {
        retried(&*self.backoff, |attempt| self.try_remove_poster(attempt, moderator, id, origin)).await
    }

    async fn try_remove_poster(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: MovieId,
        origin: &Origin,
    ) -> Result<(), RemovePosterError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let movie = unit.find_movie_for_update(id).await?.ok_or(RemovePosterError::NotFound)?;
        self.show_poster(&mut *unit, &moderator, movie, None, origin).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Writes the movie with this poster (with none for `None`), an entry of the audit log, and, if the previous
    /// poster was uploaded, the message that removes it. Does nothing if the movie already has this poster.
    async fn show_poster(
        &self,
        unit: &mut dyn ModerationUnit,
        moderator: &Actor,
        before: Movie,
        poster: Option<Poster>,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut movie = before.clone();
        if !movie.set_poster(poster, now) {
            return Ok(());
        }
        unit.update_movie(&movie).await?;
        self.recorder.replaced_poster(unit, &before, Some(&movie), now).await?;
        let [old, new] = differences(unit, Some(&before), Some(&movie)).await?;
        let cause = Cause::request(&*self.ids, moderator, origin, now);
        let object = AuditObject::Movie(movie.id);
        unit.append_audit_entry(&cause.entry(AuditAction::MovieChanged, object, Some(old), Some(new))).await
    }

    /// Removes the stored pictures unless the movie uses them. Unused pictures cannot become the poster after this
    /// check: new pictures are checked an hour after their announcement, and can become the poster only within 10
    /// minutes after it; replaced pictures never become the poster again.
    ///
    /// # Errors
    /// When the database or the media store fails. The call can be repeated safely.
    pub async fn remove_unused_poster(
        &self,
        movie_id: MovieId,
        poster: UploadedPoster,
    ) -> Result<(), StoreError> {
        if retried(&*self.backoff, |attempt| self.shown_poster(attempt, movie_id)).await? == Some(poster) {
            return Ok(());
        }
        for key in poster.keys() {
            self.media.delete(&key).await?;
        }
        Ok(())
    }

    async fn shown_poster(
        &self,
        attempt: Attempt,
        movie_id: MovieId,
    ) -> Result<Option<UploadedPoster>, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        // Locking the movie waits until concurrent changes of the movie have ended.
        let movie = unit.find_movie_for_update(movie_id).await?;
        Ok(movie.as_ref().and_then(Movie::uploaded_poster))
    }

    /// Returns the stored picture with this key, or `None` when there is no such picture.
    ///
    /// # Errors
    /// When the media store fails.
    pub async fn poster(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.media.get(key).await
    }
}

impl Recorder {
    /// Writes an outbox message that removes the uploaded poster of `before`, if `after` no longer uses it: the poster
    /// was replaced or removed, or the movie is deleted (`None`). The message is due [`KEPT_AFTER_LEAVING`] after
    /// `now`.
    pub(super) async fn replaced_poster<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        before: &Movie,
        after: Option<&Movie>,
        now: Instant,
    ) -> Result<(), StoreError> {
        let Some(old) = before.uploaded_poster() else { return Ok(()) };
        if after.and_then(Movie::uploaded_poster) == Some(old) {
            return Ok(());
        }
        let due = now.checked_add_signed(KEPT_AFTER_LEAVING).unwrap_or(now);
        self.unused_poster(unit, before.id, old, "left", now, due).await
    }

    async fn unused_poster<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        movie_id: MovieId,
        poster: UploadedPoster,
        cause: &str,
        now: Instant,
        due: Instant,
    ) -> Result<(), StoreError> {
        let UploadedPoster { id: poster_id, width } = poster;
        let message = Message::UnusedPoster { movie_id, poster_id, width };
        self.message_for_later(unit, format!("unused_poster:{poster_id}:{cause}"), &message, now, due).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use domain::accounts::{Device, Role};

    use super::*;
    use crate::{
        accounts::doubles::MemoryMedia,
        catalog::doubles::{MockQueries, detail_of, posters, summary},
        doubles::{
            MovableClock,
            fixtures::{movie, price, user},
            storage::TestStorage,
        },
    };

    const MO: Actor = Actor { role: Role::Moderator, ..user(0xC) };

    fn origin() -> Origin {
        Origin { device: Device::default(), request_id: None }
    }

    struct World {
        posters: Posters,
        store: Arc<TestStorage>,
        media: Arc<MemoryMedia>,
        clock: Arc<MovableClock>,
    }

    impl World {
        /// Creates movie 1, which has no poster, and a moderator.
        async fn new() -> Self {
            let store = TestStorage::new().await;
            store.add_user(MO).await;
            store.add_movies(1).await;
            let media = Arc::new(MemoryMedia::beside(&store));
            let clock = Arc::new(MovableClock::default());
            let mut queries = MockQueries::new();
            queries
                .expect_movie_detail()
                .returning(|id, _| Ok((id == movie(1)).then(|| detail_of(summary(id, price("9.99")), true))));
            let posters = posters(&store, &media, &clock, queries);
            Self { posters, store, media, clock }
        }

        async fn set(&self, upload: &[u8]) -> Result<MovieDetail, SetPosterError> {
            self.posters.set_poster(MO, movie(1), upload.to_vec(), &origin()).await
        }

        async fn shown(&self) -> Option<UploadedPoster> {
            self.store.rows().await.movies[0].uploaded_poster()
        }

        /// Processes all messages about unused posters twice, as can happen after a crash, even if they are not due
        /// yet.
        async fn clean(&self) {
            let messages = self.store.messages();
            for message in messages.iter().chain(&messages) {
                if let Message::UnusedPoster { movie_id, poster_id, width } = message {
                    let poster = UploadedPoster { id: *poster_id, width: *width };
                    self.posters.remove_unused_poster(*movie_id, poster).await.unwrap();
                }
            }
        }
    }

    #[tokio::test]
    async fn an_upload_becomes_the_poster_and_survives_repeated_checks() {
        let world = World::new().await;
        world.set(b"one").await.unwrap();
        let poster = world.shown().await.unwrap();
        world.clean().await;
        assert_eq!(world.media.keys(), poster.keys().collect::<Vec<_>>());
        let first = world.posters.poster(&poster.key(185)).await.unwrap().unwrap();
        assert_eq!(first, b"one in 185");
    }

    #[tokio::test]
    async fn a_replaced_and_a_removed_poster_are_removed_from_the_media_store() {
        let world = World::new().await;
        world.set(b"one").await.unwrap();
        let first = world.shown().await.unwrap();
        world.set(b"two").await.unwrap();
        let second = world.shown().await.unwrap();
        assert_ne!(first.id, second.id);
        world.clean().await;
        assert_eq!(world.media.keys(), second.keys().collect::<Vec<_>>());
        for _ in 0..2 {
            world.posters.remove_poster(MO, movie(1), &origin()).await.unwrap();
        }
        assert_eq!(world.shown().await, None);
        world.clean().await;
        assert!(world.media.keys().is_empty());
        assert_eq!(world.store.rows().await.audit.len(), 3);
    }

    #[tokio::test]
    async fn a_refused_call_stores_nothing() {
        let world = World::new().await;
        let before = world.store.rows().await;
        let refused = world.set(b"").await;
        assert!(matches!(refused, Err(SetPosterError::Picture(PictureError::Unsupported))));
        let unknown = world.posters.set_poster(MO, movie(2), b"one".to_vec(), &origin()).await;
        assert!(matches!(unknown, Err(SetPosterError::NotFound)));
        let unknown = world.posters.remove_poster(MO, movie(2), &origin()).await;
        assert!(matches!(unknown, Err(RemovePosterError::NotFound)));
        assert_eq!(world.store.rows().await, before);
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn pictures_whose_commit_failed_are_removed_and_the_previous_poster_stays() {
        let world = World::new().await;
        world.set(b"one").await.unwrap();
        let shown = world.shown().await.unwrap();
        world.media.then_fail_commits(&world.store);
        assert!(matches!(world.set(b"two").await, Err(SetPosterError::Store(StoreError::Failed(_)))));
        world.store.let_commits_succeed();
        world.clean().await;
        assert_eq!(world.media.keys(), shown.keys().collect::<Vec<_>>());
        world.media.is_away.store(true, Ordering::Relaxed);
        assert!(matches!(world.set(b"two").await, Err(SetPosterError::Store(StoreError::Unavailable(_)))));
        assert_eq!(world.shown().await, Some(shown));
    }

    #[tokio::test]
    async fn pictures_that_took_too_long_to_store_are_never_used() {
        let world = World::new().await;
        world.media.takes_seconds(&world.clock, 601);
        assert!(matches!(world.set(b"one").await, Err(SetPosterError::Store(StoreError::Unavailable(_)))));
        assert_eq!(world.shown().await, None);
        world.clean().await;
        assert!(world.media.keys().is_empty());
    }
}
