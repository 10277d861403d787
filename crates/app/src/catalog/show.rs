use domain::{accounts::Role, catalog::MovieDetail, id::MovieId, store::StoreError};

use super::Catalog;
use crate::accounts::Actor;

impl Catalog {
    /// Returns a movie with all details; `None` when it does not exist or may not be shown. A withdrawn movie is shown
    /// only to its buyers and to moderators.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show(&self, id: MovieId, viewer: Option<Actor>) -> Result<Option<MovieDetail>, StoreError> {
        let movie = self.queries.movie_detail(id, viewer.map(|viewer| viewer.user_id)).await?;
        Ok(movie.filter(|movie| {
            movie.is_available
                || movie.summary.me.is_some_and(|me| me.purchased)
                || viewer.is_some_and(|viewer| viewer.role >= Role::Moderator)
        }))
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        catalog::PersonalView,
        id::{Id, UserId},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        catalog::doubles::{MockQueries, browsing, detail_of, summary},
        doubles::fixtures::price,
    };

    const BUYER: UserId = Id::from_uuid(Uuid::from_u128(1));
    const OTHER: UserId = Id::from_uuid(Uuid::from_u128(2));

    fn actor(user_id: UserId, role: Role) -> Actor {
        Actor { user_id, session_id: Id::from_uuid(Uuid::nil()), role }
    }

    /// A catalogue of one movie, which [`BUYER`] bought.
    fn catalog(is_available: bool) -> Catalog {
        let mut queries = MockQueries::new();
        queries.expect_movie_detail().returning(move |id, viewer| {
            let mut summary = summary(id, price("9.99"));
            summary.me =
                viewer.map(|viewer| PersonalView { purchased: viewer == BUYER, ..PersonalView::default() });
            Ok(Some(detail_of(summary, is_available)))
        });
        browsing(queries)
    }

    async fn is_shown(catalog: &Catalog, viewer: Option<Actor>) -> bool {
        catalog.show(Id::from_uuid(Uuid::from_u128(9)), viewer).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_movie_on_sale_is_public() {
        let catalog = catalog(true);
        assert!(is_shown(&catalog, None).await);
        assert!(is_shown(&catalog, Some(actor(OTHER, Role::User))).await);
    }

    #[tokio::test]
    async fn a_withdrawn_movie_is_shown_to_its_buyer_and_to_moderators_only() {
        let catalog = catalog(false);
        for (viewer, expected) in [
            (None, false),
            (Some(actor(OTHER, Role::User)), false),
            (Some(actor(BUYER, Role::User)), true),
            (Some(actor(OTHER, Role::Moderator)), true),
            (Some(actor(OTHER, Role::Admin)), true),
        ] {
            assert_eq!(is_shown(&catalog, viewer).await, expected, "{viewer:?}");
        }
    }
}
