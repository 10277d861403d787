//! What users bought: an entitlement to watch, for ever unless it is refunded.

use async_trait::async_trait;

use crate::{
    id::{MovieId, PurchaseId, UserId},
    store::StoreError,
    time::Instant,
};

/// A user's entitlement to a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// Its identifier.
    pub id: PurchaseId,
    /// Whose it is.
    pub user_id: UserId,
    /// To which movie.
    pub movie_id: MovieId,
    /// Since when.
    pub purchased_at: Instant,
}

/// Keeps purchases.
#[async_trait]
pub trait PurchaseRepository: Send {
    /// Whether the user has a live purchase of the movie.
    async fn is_purchased(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>;
    /// Adds a purchase; `false` when the user has a live one of the movie. MUST keep one live row per user and movie, even
    /// when two units add it at once.
    async fn insert_purchase(&mut self, purchase: &Purchase) -> Result<bool, StoreError>;
}
