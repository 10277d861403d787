use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject, AuditState},
    id::MovieId,
    notifications::{NewNotification, NotificationCause},
    store::{Attempt, StoreError, retried},
};

use super::{
    Catalog,
    audit::{Cause, differences, offer_of},
};

/// Why a movie was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteMovieError {
    /// There is no such movie.
    #[error("no such movie")]
    NotFound,
    /// The movie was bought.
    #[error("the movie was bought")]
    Purchased,
    /// An order contains the movie.
    #[error("the movie is in an order")]
    Ordered,
    /// The movie is in carts, and `takes_out_of_carts` was not set.
    #[error("the movie is in {carts} carts")]
    InCarts {
        /// The number of carts.
        carts: usize,
    },
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// Deletes a movie that was never bought or ordered. With `takes_out_of_carts` a movie that is in carts is also
    /// deleted, and the owners of the carts are notified.
    ///
    /// # Errors
    /// See [`DeleteMovieError`].
    pub async fn delete_movie(
        &self,
        moderator: Actor,
        id: MovieId,
        takes_out_of_carts: bool,
        origin: &Origin,
    ) -> Result<(), DeleteMovieError> {
        retried(&*self.backoff, |attempt| {
            self.try_delete_movie(attempt, moderator, id, takes_out_of_carts, origin)
        })
        .await
    }

    async fn try_delete_movie(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: MovieId,
        takes_out_of_carts: bool,
        origin: &Origin,
    ) -> Result<(), DeleteMovieError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let movie = unit.find_movie_for_update(id).await?.ok_or(DeleteMovieError::NotFound)?;
        let uses = unit.find_movie_uses(id).await?;
        if uses.is_purchased {
            return Err(DeleteMovieError::Purchased);
        }
        if uses.is_ordered {
            return Err(DeleteMovieError::Ordered);
        }
        if !uses.cart_owners.is_empty() && !takes_out_of_carts {
            return Err(DeleteMovieError::InCarts { carts: uses.cart_owners.len() });
        }
        let removed_from =
            if uses.cart_owners.is_empty() { Vec::new() } else { unit.remove_movie_from_carts(id).await? };
        let [before, _] = differences(&mut *unit, Some(&movie), None).await?;
        let before = AuditState::of(
            before.fields().map(|(name, text)| (name, text.to_owned())).chain(offer_of(&movie)),
        );
        let now = self.clock.now();
        let cause = Cause::request(&*self.ids, &moderator, origin, now);
        let entry = cause.entry(AuditAction::MovieDeleted, AuditObject::Movie(id), Some(before), None);
        unit.append_audit_entry(&entry).await?;
        unit.delete_movie(id).await?;
        self.recorder.replaced_poster(&mut *unit, &movie, None, now).await?;
        for receiver in removed_from {
            let movie_name = movie.identity.name.clone();
            let cause = NotificationCause::MovieRemovedFromCart { movie_id: id, movie_name };
            let id = self.ids.next();
            unit.push_notification(&NewNotification { id, receiver, cause, at: now }).await?;
        }
        unit.commit().await?;
        Ok(())
    }
}
