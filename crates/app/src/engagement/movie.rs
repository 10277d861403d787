use domain::{
    catalog::{MovieReaction, RatingSummary},
    engagement::{EngagementUnit, ReactionCounts, Score},
    id::{MovieId, UserId},
    store::{Attempt, StoreError, retried},
};

use super::Engagement;

impl Engagement {
    /// Sets the user's reaction to a movie, or removes it. `None` when the user cannot see such a movie.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn react(
        &self,
        user_id: UserId,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
    ) -> Result<Option<ReactionCounts>, StoreError> {
        retried(&*self.backoff, async |attempt| {
            let Some(mut unit) = self.unit_with_movie(attempt, user_id, movie_id).await? else {
                return Ok(None);
            };
            let counts = unit.set_reaction(user_id, movie_id, reaction, self.clock.now()).await?;
            unit.commit().await?;
            Ok(Some(counts))
        })
        .await
    }

    /// Sets the user's rating of a movie, or removes it. `None` when the user cannot see such a movie.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rate(
        &self,
        user_id: UserId,
        movie_id: MovieId,
        score: Option<Score>,
    ) -> Result<Option<RatingSummary>, StoreError> {
        retried(&*self.backoff, async |attempt| {
            let Some(mut unit) = self.unit_with_movie(attempt, user_id, movie_id).await? else {
                return Ok(None);
            };
            let summary = unit.set_rating(user_id, movie_id, score, self.clock.now()).await?;
            unit.commit().await?;
            Ok(Some(summary))
        })
        .await
    }

    /// Adds a movie to the user's favourites. `None` when the user cannot see such a movie.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_favorite(&self, user_id: UserId, movie_id: MovieId) -> Result<Option<()>, StoreError> {
        retried(&*self.backoff, async |attempt| {
            let Some(mut unit) = self.unit_with_movie(attempt, user_id, movie_id).await? else {
                return Ok(None);
            };
            unit.add_favorite(user_id, movie_id, self.clock.now()).await?;
            unit.commit().await?;
            Ok(Some(()))
        })
        .await
    }

    /// Removes a movie from the user's favourites, whether it is there or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_favorite(&self, user_id: UserId, movie_id: MovieId) -> Result<(), StoreError> {
        retried(&*self.backoff, async |attempt| {
            let mut unit = self.store.begin(attempt).await?;
            unit.remove_favorite(user_id, movie_id).await?;
            unit.commit().await
        })
        .await
    }

    /// Begins a unit with the movie locked; `None` when the user cannot see such a movie.
    pub(super) async fn unit_with_movie(
        &self,
        attempt: Attempt,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Option<Box<dyn EngagementUnit>>, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        Ok(unit.lock_visible_movie(movie_id, user_id).await?.then_some(unit))
    }
}
