//! Libraries: the movies that a user has bought, with the filters and sort keys of the catalogue; and the progress of
//! watching. A withdrawn movie is no longer on sale.

use domain::{
    catalog::{Facts, MovieFilter, MovieIdentity, MovieSort, MovieSortKey, Range, Search},
    id::MovieId,
    library::{LibraryItem, MovieFile, MovieSubtitles, Progress, RunningTime},
    media::{MediaKey, MediaType},
    page::{Page, PageRequest, SortKey},
    purchases::{Entitlement, Purchase},
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, fresh, id, set_available, uuid},
    node::Node,
    purchases::put_entitlement,
};

crate::cases! { "library":
    a_library_has_only_the_active_purchases_of_its_owner,
    a_withdrawn_movie_stays_in_the_library,
    a_library_is_narrowed_by_the_filters_of_the_catalogue,
    pages_of_a_library_are_complete_for_every_sort,
    the_total_of_a_library_includes_a_new_purchase,
    the_progress_in_a_movie_is_stored_once,
    started_movies_are_those_in_progress,
    a_purchase_is_playable_until_it_ends,
    a_movie_has_one_film_file_and_one_subtitles_file_for_each_language,
}

const LATEST: [MovieSort; 1] = [MovieSort::LATEST_PURCHASE];

async fn buy(node: &Node, user: u64, movie: u64, seconds: i64) {
    let mut unit = node.unit().await;
    let purchase =
        Purchase { id: fresh(), user_id: id(user), movie_id: id(movie), purchased_at: at(seconds) };
    assert!(unit.insert_purchase(&purchase).await.unwrap());
    unit.commit().await.unwrap();
}

/// Adds seven movies of two genres and three years. User 1 buys the movies 1 to 6: movie 6 first, and movie 1 last.
/// User 2 buys the movies 7 and 1.
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

async fn a_library_has_only_the_active_purchases_of_its_owner(node: Node) {
    prepare(&node).await;
    put_entitlement(&node, 1, 2, Entitlement::Revoked, at(90)).await;
    put_entitlement(&node, 1, 3, Entitlement::Suspended, at(90)).await;
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

async fn pages_of_a_library_are_complete_for_every_sort(node: Node) {
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

async fn the_total_of_a_library_includes_a_new_purchase(node: Node) {
    prepare(&node).await;
    let filter = MovieFilter::default();
    let past_the_end = PageRequest::numbered(5, 4).unwrap();
    let total = async || library(&node, &filter, &LATEST, &past_the_end).await.total.unwrap().items;
    assert_eq!(total().await, 6);
    buy(&node, 1, 7, 200).await;
    assert_eq!(total().await, 7);
}

async fn the_progress_in_a_movie_is_stored_once(node: Node) {
    prepare(&node).await;
    let progress =
        |position_seconds, second| Progress { position_seconds, at: at(second), is_watched: second > 80 };
    let mut unit = node.unit().await;
    assert_eq!(unit.find_progress(id(1), id(1)).await.unwrap(), None);
    for (position, second) in [(10, 70), (20, 90)] {
        unit.put_progress(id(1), id(1), &progress(position, second)).await.unwrap();
        assert_eq!(unit.find_progress(id(1), id(1)).await.unwrap(), Some(progress(position, second)));
    }
    unit.put_progress(id(2), id(1), &progress(30, 70)).await.unwrap();
    assert_eq!(unit.bought_running_time(id(1), id(1)).await.unwrap(), Some(RunningTime::of_minutes(100)));
    assert_eq!(unit.bought_running_time(id(1), id(7)).await.unwrap(), None);
    unit.commit().await.unwrap();
    let bought = node.bought_movie(id(1), id(1)).await.unwrap().unwrap();
    assert_eq!(bought.progress, Some(progress(20, 90)));
    assert_eq!((bought.is_suspended, bought.has_file, bought.subtitles), (false, false, Vec::new()));
    assert_eq!(node.bought_movie(id(1), id(7)).await.unwrap(), None);
}

async fn started_movies_are_those_in_progress(node: Node) {
    prepare(&node).await;
    let movie = RunningTime::of_minutes(100);
    let request = PageRequest::numbered(1, 9).unwrap();
    for (position, is_watched) in [0, 299, 300, 3_000, 5_400, 5_401, 6_000]
        .into_iter()
        .flat_map(|position| [(position, false), (position, true)])
    {
        let progress = Progress { position_seconds: position, at: at(70), is_watched };
        let mut unit = node.unit().await;
        unit.put_progress(id(1), id(1), &progress).await.unwrap();
        unit.commit().await.unwrap();
        let started = node.started_page(id(1), &request).await.unwrap().items;
        let is_listed = started.iter().any(|one| one.progress == progress && one.item.movie.id == id(1));
        assert_eq!(is_listed, progress.is_in_progress(movie), "{progress:?}");
    }
    let mut unit = node.unit().await;
    for (number, second) in [(1, 70), (2, 90), (3, 80), (7, 95)] {
        let progress = Progress { position_seconds: 3_000, at: at(second), is_watched: false };
        unit.put_progress(id(1), id(number), &progress).await.unwrap();
    }
    unit.commit().await.unwrap();
    // Movie 7 must not be listed, because user 1 has not bought it.
    let mut read: Vec<MovieId> = Vec::new();
    let mut request = PageRequest::numbered(1, 2).unwrap();
    loop {
        let page = node.started_page(id(1), &request).await.unwrap();
        read.extend(page.items.iter().map(|one| one.item.movie.id));
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 2).unwrap();
    }
    assert_eq!(read, [id(2), id(3), id(1)]);
}

async fn a_purchase_is_playable_until_it_ends(node: Node) {
    prepare(&node).await;
    let purchase = node.bought_movie(id(1), id(1)).await.unwrap().unwrap().purchase_id;
    let other = node.bought_movie(id(2), id(1)).await.unwrap().unwrap().purchase_id;
    let is_playable = async |expected: bool| {
        assert_eq!(node.playable_movie(purchase).await.unwrap().is_some(), expected);
        let mut among = node.playable_among(&[purchase, other, fresh()]).await.unwrap();
        among.sort();
        let mut wanted = if expected { vec![purchase, other] } else { vec![other] };
        wanted.sort();
        assert_eq!(among, wanted);
    };
    is_playable(true).await;
    assert!(node.playable_among(&[]).await.unwrap().is_empty());
    assert_eq!(node.playable_movie(fresh()).await.unwrap(), None);
    for entitlement in [Entitlement::Suspended, Entitlement::Live] {
        put_entitlement(&node, 1, 1, entitlement, at(90)).await;
        is_playable(entitlement == Entitlement::Live).await;
    }
    for is_active in [false, true] {
        let mut unit = node.unit().await;
        let mut user = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
        if is_active {
            user.activate(at(91)).unwrap();
        } else {
            user.deactivate(at(90)).unwrap();
        }
        unit.update_user(&user).await.unwrap();
        unit.commit().await.unwrap();
        is_playable(is_active).await;
    }
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(1)).await.unwrap();
    unit.erase_user(id(1), at(92)).await.unwrap();
    unit.commit().await.unwrap();
    is_playable(false).await;
    put_entitlement(&node, 2, 1, Entitlement::Revoked, at(93)).await;
    assert!(node.playable_among(&[purchase, other]).await.unwrap().is_empty());
}

async fn a_movie_has_one_film_file_and_one_subtitles_file_for_each_language(node: Node) {
    prepare(&node).await;
    let file = |number, length| MovieFile {
        movie_id: id(1),
        key: MediaKey::film(uuid(number), MediaType::Mp4),
        length,
        attached_at: at(70),
    };
    let subtitles = |number, language: &str| MovieSubtitles {
        movie_id: id(1),
        language: language.parse().unwrap(),
        key: MediaKey::subtitles(uuid(number)),
        attached_at: at(70),
    };
    let mut unit = node.unit().await;
    assert!(unit.lock_movie_media(id(1)).await.unwrap());
    assert!(!unit.lock_movie_media(id(99)).await.unwrap());
    assert_eq!(unit.put_movie_file(&file(1, 3)).await.unwrap(), None);
    assert_eq!(unit.put_movie_file(&file(2, 1 << 40)).await.unwrap(), Some(file(1, 3).key));
    assert_eq!(unit.put_movie_subtitles(&subtitles(3, "de")).await.unwrap(), None);
    assert_eq!(unit.put_movie_subtitles(&subtitles(4, "en")).await.unwrap(), None);
    assert_eq!(unit.put_movie_subtitles(&subtitles(5, "de")).await.unwrap(), Some(subtitles(3, "de").key));
    unit.commit().await.unwrap();
    let bought = node.bought_movie(id(1), id(1)).await.unwrap().unwrap();
    let languages: Vec<String> = bought.subtitles.iter().map(ToString::to_string).collect();
    assert_eq!((bought.has_file, languages), (true, vec!["de".to_owned(), "en".to_owned()]));
    let playable = node.playable_movie(bought.purchase_id).await.unwrap().unwrap();
    assert_eq!(playable.file, Some(file(2, 0).key));
    let keys: Vec<MediaKey> = playable.subtitles.into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, [subtitles(5, "de").key, subtitles(4, "en").key]);
}
