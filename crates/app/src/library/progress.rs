use domain::{
    accounts::{AccessError, Actor},
    id::MovieId,
    library::{Progress, RunningTime, StartedMovie},
    store::{Attempt, retried},
    time::Instant,
};

use super::Library;
use crate::paging::{ListError, Listing, PageSelection};

/// Computes the new progress from the stored progress, the current time, and the running time of the movie.
type Change = dyn Fn(Option<Progress>, Instant, RunningTime) -> Option<Progress> + Sync;

/// The stored progress of a bought movie after a change.
struct Kept(Option<Progress>);

impl Library {
    /// Stores the position that the player had at the time `at`. If `at` is `None` or in the future, the current time
    /// is used instead. A report that is older than the stored progress changes nothing. Returns the stored progress;
    /// `None` when the actor has not bought the movie.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn report_progress(
        &self,
        actor: Actor,
        movie_id: MovieId,
        position_seconds: i64,
        at: Option<Instant>,
    ) -> Result<Option<Progress>, AccessError> {
        let change = move |kept, now: Instant, movie| {
            Some(Progress::reported(kept, position_seconds, at.map_or(now, |at| at.min(now)), movie))
        };
        Ok(self.change_progress(actor, movie_id, &change).await?.and_then(|kept| kept.0))
    }

    /// Stores whether the actor has watched the movie. Returns the stored progress; `None` when the actor has not
    /// bought the movie.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn mark_watched(
        &self,
        actor: Actor,
        movie_id: MovieId,
        is_watched: bool,
    ) -> Result<Option<Progress>, AccessError> {
        let change = move |kept, now, movie| Some(Progress::marked(kept, is_watched, now, movie));
        Ok(self.change_progress(actor, movie_id, &change).await?.and_then(|kept| kept.0))
    }

    /// Removes the movie from the list of movies being watched; `false` when the actor has not bought it.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn take_off_progress(&self, actor: Actor, movie_id: MovieId) -> Result<bool, AccessError> {
        let change = |kept, now, _| Some(Progress::taken_off(kept, now));
        Ok(self.change_progress(actor, movie_id, &change).await?.is_some())
    }

    /// Changes the stored progress; `None` when the actor has not bought the movie.
    async fn change_progress(
        &self,
        actor: Actor,
        movie_id: MovieId,
        change: &Change,
    ) -> Result<Option<Kept>, AccessError> {
        retried(&*self.backoff, |attempt| self.try_change_progress(attempt, actor, movie_id, change)).await
    }

    async fn try_change_progress(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
        change: &Change,
    ) -> Result<Option<Kept>, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let Some(movie) = unit.bought_running_time(actor.user_id, movie_id).await? else { return Ok(None) };
        let kept = unit.find_progress(actor.user_id, movie_id).await?;
        let changed = change(kept, self.clock.now(), movie);
        if let Some(progress) = changed.filter(|_| changed != kept) {
            unit.put_progress(actor.user_id, movie_id, &progress).await?;
            unit.commit().await?;
        }
        Ok(Some(Kept(changed)))
    }

    /// Returns a page of the movies that the actor is watching ([`Progress::is_in_progress`]), the most recently
    /// watched first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_started(
        &self,
        actor: Actor,
        page: PageSelection,
    ) -> Result<Listing<StartedMovie>, ListError> {
        let context = format!("started movies of {}", actor.user_id);
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.started_page(actor.user_id, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }
}
