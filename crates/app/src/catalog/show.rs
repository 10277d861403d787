use domain::{accounts::Role, catalog::MovieDetail, id::MovieId, store::StoreError};

use super::Catalog;
use crate::accounts::Actor;

impl Catalog {
    /// A movie on its own page (R31). One that is not on sale any more is shown to its buyers and to moderators only.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show(&self, id: MovieId, viewer: Option<Actor>) -> Result<Option<MovieDetail>, StoreError> {
        let movie = self.queries.find(id, viewer.map(|viewer| viewer.user_id)).await?;
        Ok(movie.filter(|movie| {
            movie.is_available
                || movie.summary.me.is_some_and(|me| me.purchased)
                || viewer.is_some_and(|viewer| viewer.role >= Role::Moderator)
        }))
    }
}
