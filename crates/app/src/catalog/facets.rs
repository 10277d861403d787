use domain::{
    accounts::Actor,
    catalog::{Facets, MovieFilter, NameKind},
    money::Currency,
    store::StoreError,
};

use super::{Catalog, browse::may_filter_availability, search::understand};

/// Why the movies cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountFacetsError {
    /// The viewer filters by availability but is not a moderator.
    #[error("only moderators can filter by availability")]
    AvailabilityForModerators,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// Returns, for each filter value, how many movies `filter` would select if that value were the only chosen
    /// value of its group. Price ranges are counted in `currency`, the currency of the shop. `viewer` is the
    /// signed-in user, if any.
    ///
    /// # Errors
    /// See [`CountFacetsError`].
    pub async fn facets(
        &self,
        filter: MovieFilter,
        currency: Currency,
        viewer: Option<Actor>,
    ) -> Result<Facets, CountFacetsError> {
        if filter.is_available.is_some() && !may_filter_availability(viewer.as_ref()) {
            return Err(CountFacetsError::AvailabilityForModerators);
        }
        let mut filter = filter.canonical();
        if let Some(search) = filter.search.take() {
            filter.search = Some(understand(&*self.words, search).await?.search);
        }
        let counts = self.facets.facet_counts(&filter, currency).await?;
        let genres = self.names.all_names(NameKind::Genre).await?;
        let certifications = self.names.all_names(NameKind::Certification).await?;
        Ok(Facets::of(&filter, &counts, genres, certifications, currency))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use domain::catalog::{CountedName, FacetCounts, Search};
    use uuid::Uuid;

    use super::*;
    use crate::catalog::doubles::{MockFacets, MockNames, MockQueries, browsing};

    #[tokio::test]
    async fn movies_are_counted_for_the_normalized_search() {
        let mut facets = MockFacets::new();
        facets
            .expect_facet_counts()
            .once()
            .withf(|filter, _| filter.search == Some(Search::parse("the godfather")))
            .returning(|_, _| {
                Ok(FacetCounts { genres: HashMap::from([(Uuid::nil(), 3)]), ..FacetCounts::default() })
            });
        let mut names = MockNames::new();
        names.expect_all_names().times(2).returning(|_| {
            Ok(vec![CountedName { id: Uuid::nil(), name: "Crime".to_owned(), movies_count: 700 }])
        });
        let catalog =
            Catalog { facets: Arc::new(facets), names: Arc::new(names), ..browsing(MockQueries::new()) };
        let filter = MovieFilter { search: Some(Search::parse(" The  GODFATHER")), ..MovieFilter::default() };
        let facets = catalog.facets(filter, Currency::USD, None).await.unwrap();
        let found: Vec<_> =
            facets.genres.iter().map(|genre| (genre.name.as_str(), genre.movies_count)).collect();
        assert_eq!((found, facets.certifications.len()), (vec![("Crime", 3)], 0));
    }
}
