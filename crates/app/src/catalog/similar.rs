use std::collections::HashMap;

use domain::{
    accounts::Actor,
    catalog::{MovieFilter, MovieSort, MovieSummary, SHOWN_SIMILAR, SimilarList, most_similar},
    id::{MovieId, UserId},
    page::PageRequest,
    store::StoreError,
};

use super::Catalog;

/// The number of days after which a list of similar movies is computed again, because movies may have been added in the
/// meantime.
const KEPT_DAYS: i64 = 7;
/// How many movies of a list are read first. The rest of the list is read only if fewer than [`SHOWN_SIMILAR`] of these
/// movies are on sale and not bought by the viewer.
const READ_FIRST: usize = 24;
/// The maximum number of movies whose lists a round of background work checks.
const LOOKED_AT: u32 = 500;
/// The maximum number of lists that a round computes. It is small, because the round shares the database with the
/// requests of users.
const FOUND: usize = 4;

/// The position of the background work in the list of movies on sale, which begins with the most popular movie: the
/// popularity and the identifier of the last checked movie. `None` is the beginning of the list.
pub type SimilarProgress = Option<(f64, MovieId)>;

impl Catalog {
    /// Returns up to [`SHOWN_SIMILAR`] movies that are similar to a movie, the most similar first. Only movies that are
    /// on sale and that the viewer has not bought are returned. `None` when the movie does not exist or the viewer may
    /// not see it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn similar(
        &self,
        id: MovieId,
        viewer: Option<Actor>,
    ) -> Result<Option<Vec<MovieSummary>>, StoreError> {
        if self.show(id, viewer).await?.is_none() {
            return Ok(None);
        }
        let similar_ids = match self.similar.similar_list(id).await? {
            Some(list) => list.similar_ids,
            // The background work has not computed the list yet.
            None => self.find_similar(id).await?.unwrap_or_default(),
        };
        let viewer = viewer.map(|viewer| viewer.user_id);
        let (first, rest) = similar_ids.split_at(similar_ids.len().min(READ_FIRST));
        let mut movies = self.offered(first, viewer).await?;
        if movies.len() < SHOWN_SIMILAR {
            movies.extend(self.offered(rest, viewer).await?);
        }
        movies.truncate(SHOWN_SIMILAR);
        Ok(Some(movies))
    }

    /// Returns the movies that are on sale and that the viewer has not bought, in the order of `ids`.
    async fn offered(
        &self,
        ids: &[MovieId],
        viewer: Option<UserId>,
    ) -> Result<Vec<MovieSummary>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ranks: HashMap<MovieId, usize> = ids.iter().copied().zip(0..).collect();
        let filter = MovieFilter { ids: ids.to_vec(), ..MovieFilter::default() };
        let size = u32::try_from(ids.len()).map_err(StoreError::failed)?;
        let request = PageRequest::numbered(1, size).map_err(StoreError::failed)?;
        let page = self.queries.movie_page(&filter, &[MovieSort::POPULAR], &request, viewer).await?;
        let mut movies = page.items;
        movies.retain(|movie| movie.me.is_none_or(|me| !me.purchased));
        movies.sort_by_key(|movie| ranks.get(&movie.id).copied());
        Ok(movies)
    }

    async fn find_similar(&self, id: MovieId) -> Result<Option<Vec<MovieId>>, StoreError> {
        let profiles = self.similar.similarity_profiles(id).await?;
        Ok(profiles.map(|(movie, others)| most_similar(&movie, &others)))
    }

    /// Runs one round of background work: computes and stores lists of similar movies that are missing, old, or
    /// computed for another version of their movie.
    ///
    /// Returns the number of computed lists, and the position at which the next round continues. After the last movie,
    /// this position is `None`: the next round starts from the beginning.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_due_similar(
        &self,
        after: SimilarProgress,
    ) -> Result<(u64, SimilarProgress), StoreError> {
        let now = self.clock.now();
        let since = now.checked_sub_signed(chrono::TimeDelta::days(KEPT_DAYS)).unwrap_or(now);
        let candidates = self.similar.similar_candidates(after, since, LOOKED_AT).await?;
        let mut lists = Vec::new();
        let mut progress = None;
        for candidate in &candidates {
            if candidate.is_due {
                if lists.len() == FOUND {
                    break;
                }
                if let Some(similar_ids) = self.find_similar(candidate.movie_id).await? {
                    lists.push(SimilarList {
                        movie_id: candidate.movie_id,
                        movie_version: candidate.movie_version,
                        computed_at: now,
                        similar_ids,
                    });
                }
            }
            progress = Some((candidate.popularity, candidate.movie_id));
        }
        self.similar.keep_similar_lists(&lists).await?;
        let is_end = usize::try_from(LOOKED_AT).is_ok_and(|looked_at| candidates.len() < looked_at)
            && progress == candidates.last().map(|last| (last.popularity, last.movie_id));
        Ok((u64::try_from(lists.len()).unwrap_or(u64::MAX), progress.filter(|_| !is_end)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::{
        accounts::Role,
        catalog::{MovieProfile, PersonalView, SimilarCandidate},
        id::{Id, UserId},
        page::Page,
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        catalog::doubles::{MockQueries, MockSimilar, browsing, detail_of, summary},
        doubles::fixtures::price,
    };

    fn movie_id(number: usize) -> MovieId {
        Id::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap()))
    }

    fn profile(number: usize) -> MovieProfile {
        MovieProfile {
            id: movie_id(number),
            name: format!("Movie {number}"),
            description: String::new(),
            year: 2_000,
            popularity: 0.0,
            genre_ids: vec![Id::from_uuid(Uuid::nil())],
            director_ids: Vec::new(),
            star_ids: Vec::new(),
        }
    }

    /// A catalogue in which movie 5 is withdrawn, movie 99 does not exist, and the viewer bought movie 4.
    fn catalog(similar: MockSimilar) -> Catalog {
        let mut queries = MockQueries::new();
        queries.expect_movie_detail().returning(|id, _| {
            Ok((id != movie_id(99)).then(|| detail_of(summary(id, price("9.99")), id != movie_id(5))))
        });
        queries.expect_movie_page().returning(|filter, _, _, viewer| {
            let movie = |id: MovieId| {
                let mut summary = summary(id, price("9.99"));
                let purchased = id == movie_id(4);
                summary.me = viewer.map(|_| PersonalView { purchased, ..PersonalView::default() });
                summary
            };
            let mut ids = filter.ids.clone();
            ids.sort();
            Ok(Page {
                items: ids.into_iter().filter(|id| *id != movie_id(5)).map(movie).collect(),
                next: None,
                total: None,
            })
        });
        Catalog { similar: Arc::new(similar), ..browsing(queries) }
    }

    /// A store in which the list of similar movies of each movie consists of the movies with these numbers.
    fn kept(numbers: &[usize]) -> MockSimilar {
        let similar_ids: Vec<_> = numbers.iter().copied().map(movie_id).collect();
        let mut similar = MockSimilar::new();
        similar.expect_similar_list().returning(move |id| {
            Ok(Some(SimilarList {
                movie_id: id,
                movie_version: 1,
                computed_at: domain::time::Instant::default(),
                similar_ids: similar_ids.clone(),
            }))
        });
        similar
    }

    fn ids(movies: Option<Vec<MovieSummary>>) -> Vec<MovieId> {
        movies.unwrap().into_iter().map(|movie| movie.id).collect()
    }

    #[tokio::test]
    async fn the_list_is_shown_in_its_order_without_withdrawn_and_bought_movies() {
        let catalog = catalog(kept(&[7, 4, 5, 3]));
        let visitor = catalog.similar(movie_id(1), None).await.unwrap();
        assert_eq!(ids(visitor), [movie_id(7), movie_id(4), movie_id(3)]);
        let user_id: UserId = Id::from_uuid(Uuid::from_u128(1));
        let buyer = Actor { user_id, session_id: Id::from_uuid(Uuid::nil()), role: Role::User };
        let shown = catalog.similar(movie_id(1), Some(buyer)).await.unwrap();
        assert_eq!(ids(shown), [movie_id(7), movie_id(3)]);
        assert!(catalog.similar(movie_id(99), None).await.unwrap().is_none());
        assert!(
            catalog.similar(movie_id(5), None).await.unwrap().is_none(),
            "a withdrawn movie is not shown"
        );
    }

    #[tokio::test]
    async fn twenty_movies_are_shown_in_their_order_even_if_many_of_the_first_are_withdrawn() {
        let shown = |first: usize| (first..first + SHOWN_SIMILAR).map(movie_id).collect::<Vec<_>>();
        let many = catalog(kept(&(10..60).collect::<Vec<_>>()));
        assert_eq!(ids(many.similar(movie_id(1), None).await.unwrap()), shown(10));
        // Movie 5 is withdrawn.
        let withdrawn_first = catalog(kept(&[vec![5; 23], (10..60).collect()].concat()));
        assert_eq!(ids(withdrawn_first.similar(movie_id(1), None).await.unwrap()), shown(10));
    }

    #[tokio::test]
    async fn missing_lists_are_computed_on_request() {
        let mut similar = MockSimilar::new();
        similar.expect_similar_list().returning(|_| Ok(None));
        similar
            .expect_similarity_profiles()
            .returning(|_| Ok(Some((profile(1), vec![profile(2), profile(3)]))));
        let shown = catalog(similar).similar(movie_id(1), None).await.unwrap();
        assert_eq!(ids(shown), [movie_id(2), movie_id(3)]);
    }

    #[tokio::test]
    async fn the_background_work_continues_where_it_stopped_and_restarts_at_the_end() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let mut similar = MockSimilar::new();
        similar.expect_similar_candidates().returning(|after, _, _| {
            let start = after.map_or(0, |(_, id)| usize::try_from(id.as_uuid().as_u128()).unwrap());
            let candidate = |number: usize| SimilarCandidate {
                movie_id: movie_id(number),
                popularity: 1.0,
                movie_version: 3,
                // Every other candidate is due.
                is_due: number.is_multiple_of(2),
            };
            Ok((start.saturating_add(1)..=14).map(candidate).collect())
        });
        similar.expect_similarity_profiles().returning(|_| Ok(Some((profile(1), vec![profile(2)]))));
        let lists = Arc::clone(&kept);
        similar.expect_keep_similar_lists().returning(move |new| {
            lists.lock().unwrap().extend(new.iter().map(|list| (list.movie_id, list.movie_version)));
            Ok(())
        });
        let catalog = catalog(similar);
        let (found, progress) = catalog.find_due_similar(None).await.unwrap();
        assert_eq!((found, progress), (4, Some((1.0, movie_id(9)))));
        assert_eq!(catalog.find_due_similar(progress).await.unwrap(), (3, None));
        let expected: Vec<_> = (1..=7_usize).map(|n| (movie_id(n.saturating_mul(2)), 3)).collect();
        assert_eq!(*kept.lock().unwrap(), expected);
    }
}
