//! Libraries: what was bought, with every filter and sort of the catalogue.

use domain::{
    catalog::{Facts, MovieFilter, MovieIdentity, MovieSort, MovieSortKey, Range, Search},
    id::MovieId,
    library::LibraryItem,
    page::{Page, PageRequest, SortKey},
    purchases::Purchase,
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, fresh, id, set_available},
    node::Node,
};

crate::cases! { "library":
    a_library_has_the_live_purchases_of_its_owner_alone,
    a_withdrawn_movie_stays_in_the_library,
    a_library_is_narrowed_by_the_filters_of_the_catalogue,
    pages_of_a_library_hold_all_of_it_by_every_sort,
    totals_of_a_library_follow_its_purchases,
}

const LATEST: [MovieSort; 1] = [MovieSort::LATEST_PURCHASE];

async fn buy(node: &Node, user: u64, movie: u64, seconds: i64) {
    let mut unit = node.unit().await;
    let purchase =
        Purchase { id: fresh(), user_id: id(user), movie_id: id(movie), purchased_at: at(seconds) };
    assert!(unit.insert_purchase(&purchase).await.unwrap());
    unit.commit().await.unwrap();
}

/// Seven movies of two genres and three years. The first user bought the first six, the last of them first.
async fn prepare(node: &Node) {
    for user in [1, 2] {
        add_user(node, user).await;
    }
    let movies = (0..7_u8).map(|number| {
        let name = format!("Movie {number}");
        let identity = MovieIdentity { year: 2000 + i32::from(number % 3), ..facts(&name).identity };
        let genre = if number % 2 == 0 { "Drama" } else { "Comedy" };
        Facts { identity, genres: vec![genre.to_owned()], ..facts(&name) }
    });
    add_movies(node, movies.collect()).await;
    for movie in 1..=6 {
        buy(node, 1, movie, 100 - i64::try_from(movie).unwrap()).await;
    }
    buy(node, 2, 7, 60).await;
    buy(node, 2, 1, 61).await;
}

async fn library(
    node: &Node,
    filter: &MovieFilter,
    sorts: &[MovieSort],
    request: &PageRequest,
) -> Page<LibraryItem> {
    node.library_page(id(1), filter, sorts, request).await.unwrap()
}

async fn first(node: &Node, filter: MovieFilter) -> Vec<MovieId> {
    let page = library(node, &filter, &LATEST, &PageRequest::numbered(1, 100).unwrap()).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    page.items.iter().map(|item| item.movie.id).collect()
}

async fn a_library_has_the_live_purchases_of_its_owner_alone(node: Node) {
    prepare(&node).await;
    let mut unit = node.unit().await;
    unit.revoke_purchases(id(1), &[id(2)], at(90)).await.unwrap();
    unit.set_purchase_suspension(id(1), &[id(3)], Some(at(90))).await.unwrap();
    unit.commit().await.unwrap();
    let page = library(&node, &MovieFilter::default(), &LATEST, &PageRequest::numbered(1, 9).unwrap()).await;
    let shown = page.items.iter().map(|item| (item.movie.id, item.purchased_at, item.is_suspended));
    let expected =
        [1, 3, 4, 5, 6].map(|movie: u64| (id(movie), at(100 - i64::try_from(movie).unwrap()), movie == 3));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert!(page.items.iter().all(|item| item.movie.me.unwrap().purchased));
    let (filter, request) = (MovieFilter::default(), PageRequest::numbered(1, 9).unwrap());
    let others = node.library_page(id(2), &filter, &LATEST, &request).await.unwrap();
    let others: Vec<MovieId> = others.items.iter().map(|item| item.movie.id).collect();
    assert_eq!(others, [id(1), id(7)]);
}

async fn a_withdrawn_movie_stays_in_the_library(node: Node) {
    prepare(&node).await;
    let identity = MovieIdentity { year: 2001, ..facts("Movie 1").identity };
    let movie = node.unit().await.find_movies_for_update(&[identity]).await.unwrap().remove(0);
    set_available(&node, &movie, false).await;
    let all = MovieFilter::default;
    for filter in [
        all(),
        MovieFilter { search: Some(Search::parse("movie 1")), ..all() },
        MovieFilter { title: Some("movie 1".to_owned()), ..all() },
        MovieFilter { ids: vec![movie.id], ..all() },
        MovieFilter { genres: vec![movie.genre_ids[0]], ..all() },
        MovieFilter { year: Range { min: Some(2001), max: Some(2001) }, ..all() },
    ] {
        assert!(first(&node, filter.clone()).await.contains(&movie.id), "{filter:?}");
    }
    let best = MovieFilter { search: Some(Search::parse("movie 1")), ..all() };
    let found = library(&node, &best, &[MovieSort::RELEVANT], &PageRequest::numbered(1, 9).unwrap()).await;
    assert_eq!(found.items[0].movie.id, movie.id);
}

async fn a_library_is_narrowed_by_the_filters_of_the_catalogue(node: Node) {
    prepare(&node).await;
    let all = MovieFilter::default;
    let year = Range { min: Some(2001), max: Some(2001) };
    assert_eq!(first(&node, MovieFilter { year, ..all() }).await, [id(2), id(5)]);
    assert_eq!(first(&node, MovieFilter { ids: vec![id(5), id(7), id(9)], ..all() }).await, [id(5)]);
    let wanted = MovieFilter { year, title: Some("4".to_owned()), ..all() };
    assert_eq!(first(&node, wanted).await, [id(5)]);
    let drama = node.movie_detail(id(1), None).await.unwrap().unwrap().summary.genres[0].id;
    assert_eq!(first(&node, MovieFilter { genres: vec![drama], ..all() }).await, [id(1), id(3), id(5)]);
}

async fn pages_of_a_library_hold_all_of_it_by_every_sort(node: Node) {
    prepare(&node).await;
    let search = MovieFilter { search: Some(Search::parse("movie")), ..MovieFilter::default() };
    let keys = MovieSortKey::NAMED.iter().map(|(_, key)| *key).chain([MovieSortKey::PurchasedAt]);
    for key in keys {
        for descending in [false, true] {
            let sort = MovieSort { key, descending: descending || key == MovieSortKey::Relevance };
            for sorts in [vec![sort], vec![sort, MovieSort::LATEST_PURCHASE]] {
                let whole = library(&node, &search, &sorts, &PageRequest::numbered(1, 9).unwrap()).await;
                let whole: Vec<MovieId> = whole.items.iter().map(|item| item.movie.id).collect();
                assert_eq!(whole.len(), 6, "{sorts:?}");
                let mut read = Vec::new();
                let mut request = PageRequest::numbered(1, 4).unwrap();
                loop {
                    let page = library(&node, &search, &sorts, &request).await;
                    read.extend(page.items.iter().map(|item| item.movie.id));
                    let Some(next) = page.next else { break };
                    request = PageRequest::after(next, 4).unwrap();
                }
                assert_eq!(read, whole, "{sorts:?}");
            }
        }
    }
}

async fn totals_of_a_library_follow_its_purchases(node: Node) {
    prepare(&node).await;
    let filter = MovieFilter::default();
    let past_the_end = PageRequest::numbered(5, 4).unwrap();
    let total = async || library(&node, &filter, &LATEST, &past_the_end).await.total.unwrap().items;
    assert_eq!(total().await, 6);
    buy(&node, 1, 7, 200).await;
    assert_eq!(total().await, 7);
}
