use chrono::TimeDelta;
use domain::{
    cart::CartRefusal,
    id::{MovieId, UserId},
    store::StoreError,
};

use super::{Carts, PricedCart};

/// A movie of a visitor's cart that did not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedMovie {
    /// The movie.
    pub movie_id: MovieId,
    /// Why.
    pub reason: CartRefusal,
}

/// A cart after a visitor's joined it.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedCart {
    /// The cart of now.
    pub cart: PricedCart,
    /// What did not join, in the visitor's order.
    pub skipped: Vec<SkippedMovie>,
}

impl Carts {
    /// Lets a visitor's cart join the user's after signing in; its first movie ends up as the newest. Repeating it changes
    /// nothing more.
    ///
    /// # Errors
    /// When the store fails; nothing joined then.
    pub async fn merge(&self, user_id: UserId, movie_ids: &[MovieId]) -> Result<MergedCart, StoreError> {
        let now = self.clock.now();
        let mut unit = self.store.begin().await?;
        let cart_id = unit.carts().open_for_update(user_id, self.ids.next()).await?;
        let mut skipped = Vec::new();
        let mut added_at = now;
        for &movie_id in movie_ids {
            match self.put(&mut *unit, user_id, cart_id, movie_id, added_at).await? {
                Some(reason) => skipped.push(SkippedMovie { movie_id, reason }),
                // Each a microsecond before the last: the visitor's order stays.
                None => {
                    added_at = added_at.checked_sub_signed(TimeDelta::microseconds(1)).unwrap_or(added_at);
                }
            }
        }
        unit.commit().await?;
        Ok(MergedCart { cart: self.view(user_id).await?, skipped })
    }
}
