use domain::{
    id::{MovieId, UserId},
    store::StoreError,
};

use super::Carts;

impl Carts {
    /// Takes a movie out of the cart (R57); `false` when it is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        let mut unit = self.store.begin().await?;
        let is_removed = unit.carts().remove(user_id, movie_id).await?;
        unit.commit().await?;
        Ok(is_removed)
    }

    /// Takes everything out of the cart (R62).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clear(&self, user_id: UserId) -> Result<(), StoreError> {
        let mut unit = self.store.begin().await?;
        unit.carts().clear(user_id).await?;
        unit.commit().await
    }
}
