//! Similar movies: which movies are compared with a movie, and the stored lists of similar movies. A list is due when
//! it is missing, or must be computed again. A withdrawn movie is no longer on sale.

use domain::catalog::{Facts, Movie, SimilarCandidate, SimilarList};

use crate::{
    fixtures::{add_movies, at, facts, id, set_available, shifted, texts, update},
    node::Node,
};

crate::cases! { "similar":
    movies_with_something_in_common_are_compared_and_withdrawn_ones_are_not,
    an_unknown_movie_has_no_similarity_profile,
    a_list_replaces_the_previous_one,
    the_list_of_a_deleted_movie_is_omitted,
    movies_on_sale_are_listed_by_popularity_with_whether_their_list_is_due,
}

fn of(name: &str, genre: &str, director: &str, star: &str) -> Facts {
    Facts { genres: texts(&[genre]), directors: texts(&[director]), stars: texts(&[star]), ..facts(name) }
}

async fn movies_with_something_in_common_are_compared_and_withdrawn_ones_are_not(node: Node) {
    let movies = add_movies(
        &node,
        vec![
            of("The Star Wars", "Sci-Fi", "Ann", "Bob"),
            of("Same Genre", "Sci-Fi", "1", "1"),
            of("Same Director", "War", "Ann", "2"),
            of("Same Star", "Music", "3", "Bob"),
            of("The Star Wars Again", "Drama", "4", "4"),
            of("Nothing", "Comedy", "5", "5"),
            of("Withdrawn", "Sci-Fi", "Ann", "Bob"),
        ],
    )
    .await;
    set_available(&node, &movies[6], false).await;
    let (movie, mut others) = node.similarity_profiles(movies[0].id).await.unwrap().unwrap();
    assert_eq!((movie.id, movie.name.as_str(), movie.year), (movies[0].id, "The Star Wars", 2000));
    assert_eq!(movie.description, movies[0].description);
    assert_eq!(movie.genre_ids, movies[0].genre_ids);
    assert_eq!(
        (movie.director_ids, movie.star_ids),
        (movies[0].director_ids.clone(), movies[0].star_ids.clone())
    );
    others.sort_by_key(|other| other.id);
    let found: Vec<_> = others.iter().map(|other| other.id).collect();
    assert_eq!(found, movies[1..5].iter().map(|movie| movie.id).collect::<Vec<_>>());
    assert_eq!(others[1].director_ids, movies[2].director_ids);
    // A withdrawn movie also gets a list of similar movies, because its buyers still see it.
    let (_, others) = node.similarity_profiles(movies[6].id).await.unwrap().unwrap();
    assert_eq!(others.len(), 4);
}

async fn an_unknown_movie_has_no_similarity_profile(node: Node) {
    assert!(node.similarity_profiles(id(9)).await.unwrap().is_none());
    assert!(node.similar_list(id(9)).await.unwrap().is_none());
}

fn list(movie: &Movie, seconds: i64, similar: &[u64]) -> SimilarList {
    SimilarList {
        movie_id: movie.id,
        movie_version: movie.version,
        computed_at: at(seconds),
        similar_ids: similar.iter().map(|number| id(*number)).collect(),
    }
}

async fn a_list_replaces_the_previous_one(node: Node) {
    let movies = add_movies(&node, vec![facts("Up"), facts("Coco")]).await;
    let lists = [list(&movies[1], 10, &[7, 3, 5]), list(&movies[0], 10, &[])];
    node.keep_similar_lists(&lists).await.unwrap();
    assert_eq!(node.similar_list(movies[1].id).await.unwrap(), Some(lists[0].clone()));
    assert_eq!(node.similar_list(movies[0].id).await.unwrap(), Some(lists[1].clone()));
    let next = list(&movies[1], 20, &[3]);
    node.keep_similar_lists(std::slice::from_ref(&next)).await.unwrap();
    assert_eq!(node.similar_list(movies[1].id).await.unwrap(), Some(next));
    node.keep_similar_lists(&[]).await.unwrap();
}

async fn the_list_of_a_deleted_movie_is_omitted(node: Node) {
    let movies = add_movies(&node, vec![facts("Up")]).await;
    let gone = SimilarList { movie_id: id(99), ..list(&movies[0], 10, &[1]) };
    node.keep_similar_lists(&[gone, list(&movies[0], 10, &[2])]).await.unwrap();
    assert!(node.similar_list(id(99)).await.unwrap().is_none());
    assert!(node.similar_list(movies[0].id).await.unwrap().is_some());
}

async fn movies_on_sale_are_listed_by_popularity_with_whether_their_list_is_due(node: Node) {
    let facts = |number: i64| Facts { votes: number % 4, ..facts(&format!("Movie {number}")) };
    let movies = add_movies(&node, (0..6).map(facts).collect()).await;
    set_available(&node, &movies[1], false).await;
    let kept: Vec<_> = movies[2..5].iter().map(|movie| list(movie, 10, &[1])).collect();
    node.keep_similar_lists(&kept).await.unwrap();
    // Movie 4 is changed after its list was computed, so the list is due.
    update(&node, &Movie { version: movies[4].version + 1, ..movies[4].clone() }).await;
    let since = at(10);
    let all = node.similar_candidates(None, since, 10).await.unwrap();
    let found: Vec<_> = all.iter().map(|candidate| (candidate.movie_id, candidate.is_due)).collect();
    let movie = |number: usize| movies[number].id;
    // Sorted by votes; of movies with equal votes, the higher identifier is first.
    let expected =
        [(movie(3), false), (movie(2), false), (movie(5), true), (movie(4), true), (movie(0), true)];
    assert_eq!(found, expected);
    let SimilarCandidate { popularity, movie_id, .. } = all[1];
    let rest = node.similar_candidates(Some((popularity, movie_id)), since, 2).await.unwrap();
    assert_eq!(rest, all[2..4]);
    let later = node.similar_candidates(None, shifted(since, 1), 10).await.unwrap();
    assert!(later.iter().all(|candidate| candidate.is_due), "all lists are missing or too old");
}
