use domain::{
    accounts::{AccessError, Actor},
    catalog::{MovieReaction, RatingSummary},
    engagement::{ReactionCounts, Score},
    id::MovieId,
    store::{Attempt, retried},
};

use super::Engagement;

impl Engagement {
    /// Sets or removes the user's reaction to a movie; `None` when the movie does not exist or the user cannot see it.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn react(
        &self,
        actor: Actor,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
    ) -> Result<Option<ReactionCounts>, AccessError> {
        retried(&*self.backoff, |attempt| self.try_react(attempt, actor, movie_id, reaction)).await
    }

    async fn try_react(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
    ) -> Result<Option<ReactionCounts>, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        if !unit.lock_movie(movie_id, actor.user_id).await? {
            return Ok(None);
        }
        let counts = unit.set_reaction(actor.user_id, movie_id, reaction, self.clock.now()).await?;
        unit.commit().await?;
        Ok(Some(counts))
    }

    /// Sets or removes the user's rating of a movie; `None` when the movie does not exist or the user cannot see it.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn rate(
        &self,
        actor: Actor,
        movie_id: MovieId,
        score: Option<Score>,
    ) -> Result<Option<RatingSummary>, AccessError> {
        retried(&*self.backoff, |attempt| self.try_rate(attempt, actor, movie_id, score)).await
    }

    async fn try_rate(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
        score: Option<Score>,
    ) -> Result<Option<RatingSummary>, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        if !unit.lock_movie(movie_id, actor.user_id).await? {
            return Ok(None);
        }
        let summary = unit.set_rating(actor.user_id, movie_id, score, self.clock.now()).await?;
        unit.commit().await?;
        Ok(Some(summary))
    }

    /// Adds a movie to the user's favourites; `false` when the movie does not exist or the user cannot see it.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn add_favorite(&self, actor: Actor, movie_id: MovieId) -> Result<bool, AccessError> {
        retried(&*self.backoff, |attempt| self.try_add_favorite(attempt, actor, movie_id)).await
    }

    async fn try_add_favorite(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
    ) -> Result<bool, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        if !unit.lock_movie(movie_id, actor.user_id).await? {
            return Ok(false);
        }
        unit.add_favorite(actor.user_id, movie_id, self.clock.now()).await?;
        unit.commit().await?;
        Ok(true)
    }

    /// Removes a movie from the user's favourites. Also succeeds when the movie is not a favourite.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn remove_favorite(&self, actor: Actor, movie_id: MovieId) -> Result<(), AccessError> {
        retried(&*self.backoff, |attempt| self.try_remove_favorite(attempt, actor, movie_id)).await
    }

    async fn try_remove_favorite(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
    ) -> Result<(), AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        unit.remove_favorite(actor.user_id, movie_id).await?;
        unit.commit().await?;
        Ok(())
    }
}
