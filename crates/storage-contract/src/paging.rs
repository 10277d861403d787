//! Pages of lists. A position is a pagination cursor: the next page begins after it. In pages that are read with
//! positions, no item is lost or repeated, even if the list changes between two pages.

use std::collections::BTreeSet;

use domain::{
    catalog::{
        Facts, Movie, MovieFilter, MovieIdentity, MovieReaction, MovieSort, MovieSortKey, MovieSummary,
        Search,
    },
    engagement::Score,
    id::{Id, Kind, MovieId},
    page::{Page, PageRequest, SortKey, Total},
};

use crate::{
    fixtures::{add_movie, add_movies, add_user, at, facts, id, price, set_available, texts, update},
    node::Node,
};

crate::cases! { "paging":
    numbered_pages_return_the_list_and_its_total,
    pages_after_a_position_return_the_rest_of_the_list,
    a_page_past_the_end_has_the_total_and_no_items,
    the_last_page_has_no_next_position_even_if_it_is_full,
    an_empty_list_is_a_page,
    a_position_can_be_taken_from_any_page,
    movies_added_between_pages_cause_no_lost_or_repeated_items,
    a_position_stays_valid_when_its_movie_leaves_the_list,
    a_position_stays_valid_when_its_movie_changes,
    filtered_lists_are_paged_the_same,
    a_short_list_that_is_read_again_is_the_same_in_every_order,
    a_changed_movie_is_in_the_right_place_of_a_short_list_that_was_read_before,
    a_rating_changes_the_order_of_a_short_list_that_was_read_before,
    a_refresh_of_the_popularity_changes_the_order_of_a_short_list_that_was_read_before,
    a_movie_is_in_a_list_that_was_empty_before,
    movies_that_match_a_filter_several_times_are_listed_once_for_every_sort,
}

/// The total of the unfiltered list of movies.
pub(crate) async fn total(node: &Node) -> Total {
    page(node, &MovieFilter::default(), &[MovieSort::POPULAR], 1, 1).await.total.unwrap()
}

pub(crate) async fn page(
    node: &Node,
    filter: &MovieFilter,
    sorts: &[MovieSort],
    number: u32,
    size: u32,
) -> Page<MovieSummary> {
    let request = PageRequest::numbered(number, size).unwrap();
    node.movie_page(filter, sorts, &request, None).await.unwrap()
}

/// The page that follows the page `before`.
async fn behind(
    node: &Node,
    filter: &MovieFilter,
    sorts: &[MovieSort],
    before: &Page<MovieSummary>,
    size: u32,
) -> Page<MovieSummary> {
    let request = PageRequest::after(before.next.clone().expect("there is a next page"), size).unwrap();
    let page = node.movie_page(filter, sorts, &request, None).await.unwrap();
    assert_eq!(page.total, None, "a page after a position has no total");
    page
}

pub(crate) fn ids(page: &Page<MovieSummary>) -> Vec<MovieId> {
    page.items.iter().map(|movie| movie.id).collect()
}

/// Reads the complete list with numbered pages. Also checks the total of the last page.
pub(crate) async fn numbered(
    node: &Node,
    filter: &MovieFilter,
    sorts: &[MovieSort],
    size: u32,
) -> Vec<MovieId> {
    let mut all = Vec::new();
    for number in 1.. {
        let page = page(node, filter, sorts, number, size).await;
        all.extend(ids(&page));
        if page.next.is_none() {
            assert_eq!(page.total.unwrap().items, u64::try_from(all.len()).unwrap());
            break;
        }
    }
    all
}

/// Reads the complete list page by page: each page begins after the position at which the previous page ended.
pub(crate) async fn chained(
    node: &Node,
    filter: &MovieFilter,
    sorts: &[MovieSort],
    size: u32,
) -> Vec<MovieId> {
    let mut last = page(node, filter, sorts, 1, size).await;
    let mut all = ids(&last);
    while last.next.is_some() {
        last = behind(node, filter, sorts, &last, size).await;
        assert!(!last.items.is_empty(), "`next` refers to a page without items");
        all.extend(ids(&last));
    }
    all
}

/// Adds `count` movies of only three years. In a list by year, many movies therefore have the same year, and are
/// ordered by their identifiers.
async fn add_many(node: &Node, count: usize) -> Vec<Movie> {
    let all = (0..count).map(|number| of(number, 2000)).collect();
    add_movies(node, all).await
}

fn of(number: usize, first_year: i32) -> Facts {
    let year = first_year + i32::try_from(number % 3).unwrap();
    let identity = MovieIdentity { name: format!("Movie {number}"), year, duration_minutes: 100 };
    let genre = if number.is_multiple_of(2) { "Drama" } else { "Crime" };
    Facts { identity, genres: texts(&[genre]), ..facts("") }
}

const YEAR_UP: [MovieSort; 1] = [MovieSort { key: MovieSortKey::Year, descending: false }];

fn everything() -> MovieFilter {
    MovieFilter::default()
}

async fn numbered_pages_return_the_list_and_its_total(node: Node) {
    add_many(&node, 25).await;
    let mut seen = Vec::new();
    for (number, expected) in [(1, 10), (2, 10), (3, 5)] {
        let page = page(&node, &everything(), &YEAR_UP, number, 10).await;
        assert_eq!(page.items.len(), expected);
        assert_eq!(page.total, Some(Total { items: 25, is_estimate: false }));
        assert_eq!(page.next.is_some(), number < 3);
        seen.extend(ids(&page));
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=25).map(id).collect::<Vec<_>>());
    assert_eq!(seen, ids(&page(&node, &everything(), &YEAR_UP, 1, 100).await));
}

async fn pages_after_a_position_return_the_rest_of_the_list(node: Node) {
    add_many(&node, 25).await;
    let whole = ids(&page(&node, &everything(), &YEAR_UP, 1, 100).await);
    for size in [1, 4, 5, 24, 25, 26] {
        assert_eq!(chained(&node, &everything(), &YEAR_UP, size).await, whole, "{size} movies on each page");
    }
}

async fn a_page_past_the_end_has_the_total_and_no_items(node: Node) {
    add_many(&node, 5).await;
    for number in [2, 900] {
        let page = page(&node, &everything(), &YEAR_UP, number, 5).await;
        assert!(page.items.is_empty());
        assert_eq!(page.next, None);
        assert_eq!(page.total, Some(Total { items: 5, is_estimate: false }));
    }
}

async fn the_last_page_has_no_next_position_even_if_it_is_full(node: Node) {
    add_many(&node, 6).await;
    let first = page(&node, &everything(), &YEAR_UP, 1, 3).await;
    assert_eq!(page(&node, &everything(), &YEAR_UP, 2, 3).await.next, None);
    assert_eq!(behind(&node, &everything(), &YEAR_UP, &first, 3).await.next, None);
    assert_eq!(page(&node, &everything(), &YEAR_UP, 1, 6).await.next, None);
}

async fn an_empty_list_is_a_page(node: Node) {
    let page = page(&node, &everything(), &YEAR_UP, 1, 20).await;
    let total = Some(Total { items: 0, is_estimate: false });
    assert_eq!(page, Page { items: Vec::new(), next: None, total });
}

async fn a_position_can_be_taken_from_any_page(node: Node) {
    add_many(&node, 25).await;
    let whole = ids(&page(&node, &everything(), &YEAR_UP, 1, 100).await);
    let second = page(&node, &everything(), &YEAR_UP, 2, 7).await;
    assert_eq!(ids(&behind(&node, &everything(), &YEAR_UP, &second, 100).await), whole[14..]);
}

async fn movies_added_between_pages_cause_no_lost_or_repeated_items(node: Node) {
    for descending in [false, true] {
        let sorts = [MovieSort { descending, ..YEAR_UP[0] }];
        let offset = if descending { 1000 } else { 0 };
        if !descending {
            add_many(&node, 20).await;
        }
        let before = numbered(&node, &everything(), &sorts, 100).await;
        let mut last = page(&node, &everything(), &sorts, 1, 4).await;
        let mut seen = ids(&last);
        let mut next = 100 + offset;
        while last.next.is_some() {
            // Between two pages, adds one movie at the beginning of the list, one in the middle and one at the end.
            for year in [1990, 2001, 2010] {
                next += 1;
                let number = usize::try_from(next).unwrap() * 3;
                add_movie(&node, next, of(number, year)).await;
            }
            last = behind(&node, &everything(), &sorts, &last, 9).await;
            seen.extend(ids(&last));
        }
        let repeated = seen.len() - seen.iter().collect::<std::collections::HashSet<_>>().len();
        assert_eq!(repeated, 0);
        let known: Vec<_> = seen.into_iter().filter(|movie| before.contains(movie)).collect();
        assert_eq!(known, before);
    }
}

async fn a_position_stays_valid_when_its_movie_leaves_the_list(node: Node) {
    let movies = add_many(&node, 12).await;
    let whole = ids(&page(&node, &everything(), &YEAR_UP, 1, 100).await);
    let first = page(&node, &everything(), &YEAR_UP, 1, 5).await;
    let anchor = movies.iter().find(|movie| movie.id == whole[4]).unwrap();
    set_available(&node, anchor, false).await;
    assert_eq!(ids(&behind(&node, &everything(), &YEAR_UP, &first, 100).await), whole[5..]);
}

async fn a_position_stays_valid_when_its_movie_changes(node: Node) {
    let movies = add_many(&node, 12).await;
    let whole = ids(&page(&node, &everything(), &YEAR_UP, 1, 100).await);
    let first = page(&node, &everything(), &YEAR_UP, 1, 5).await;
    let mut anchor = movies.iter().find(|movie| movie.id == whole[4]).unwrap().clone();
    anchor.identity.year = 1950;
    anchor.price = price(1);
    update(&node, &anchor).await;
    assert_eq!(ids(&behind(&node, &everything(), &YEAR_UP, &first, 100).await), whole[5..]);
}

async fn filtered_lists_are_paged_the_same(node: Node) {
    let movies = add_many(&node, 25).await;
    let filter = MovieFilter {
        genres: vec![movies[0].genre_ids[0]],
        title: Some("movie".to_owned()),
        ..MovieFilter::default()
    };
    let mut expected: Vec<&Movie> = movies.iter().step_by(2).collect();
    expected.sort_by_key(|movie| (movie.identity.year, movie.id));
    let expected: Vec<MovieId> = expected.iter().map(|movie| movie.id).collect();
    assert_eq!(numbered(&node, &filter, &YEAR_UP, 4).await, expected);
    assert_eq!(chained(&node, &filter, &YEAR_UP, 4).await, expected);
    let total = page(&node, &filter, &YEAR_UP, 2, 4).await.total;
    assert_eq!(total, Some(Total { items: 13, is_estimate: false }));
}

/// Adds 25 movies, of which every second one has the genre of the filter. Returns the movies and the filter.
async fn of_one_genre(node: &Node) -> (Vec<Movie>, MovieFilter) {
    let movies = add_many(node, 25).await;
    let filter = MovieFilter { genres: vec![movies[0].genre_ids[0]], ..MovieFilter::default() };
    (movies, filter)
}

async fn a_short_list_that_is_read_again_is_the_same_in_every_order(node: Node) {
    let (_, filter) = of_one_genre(&node).await;
    for (name, key) in MovieSortKey::NAMED {
        for descending in [false, true] {
            let sorts = [MovieSort { key: *key, descending }];
            let first = ids(&page(&node, &filter, &sorts, 1, 100).await);
            assert_eq!(first.len(), 13, "{name}");
            // An adapter may cache a short list: for example, the first read counts the movies, the second read caches
            // their identifiers, and the third read uses the cache.
            for _ in 0..3 {
                assert_eq!(numbered(&node, &filter, &sorts, 4).await, first, "{name} {descending}");
                assert_eq!(chained(&node, &filter, &sorts, 4).await, first, "{name} {descending}");
            }
            let past_the_end = page(&node, &filter, &sorts, 5, 4).await;
            assert_eq!((past_the_end.items.len(), past_the_end.total.unwrap().items), (0, 13), "{name}");
        }
    }
}

async fn a_changed_movie_is_in_the_right_place_of_a_short_list_that_was_read_before(node: Node) {
    let (movies, filter) = of_one_genre(&node).await;
    let read = async || {
        let mut last = numbered(&node, &filter, &YEAR_UP, 4).await;
        for _ in 0..2 {
            last = numbered(&node, &filter, &YEAR_UP, 4).await;
        }
        last
    };
    let before = read().await;
    let find = |id: MovieId| movies.iter().find(|movie| movie.id == id).unwrap().clone();
    set_available(&node, &find(before[3]), false).await;
    assert_eq!(read().await, [&before[..3], &before[4..]].concat(), "a movie was withdrawn from sale");
    let mut first = find(before[0]);
    first.identity.year = 2050;
    update(&node, &first).await;
    assert_eq!(
        read().await,
        [&before[1..3], &before[4..], &before[..1]].concat(),
        "the year of a movie was changed"
    );
    let mut second = find(before[1]);
    second.genre_ids = movies[1].genre_ids.clone();
    update(&node, &second).await;
    assert_eq!(
        read().await,
        [&before[2..3], &before[4..], &before[..1]].concat(),
        "the genre of a movie was changed"
    );
}

async fn a_rating_changes_the_order_of_a_short_list_that_was_read_before(node: Node) {
    let (movies, filter) = of_one_genre(&node).await;
    let best_first = [MovieSort { key: MovieSortKey::Rating, descending: true }];
    for _ in 0..3 {
        page(&node, &filter, &best_first, 1, 4).await;
    }
    let user = add_user(&node, 1).await;
    let mut unit = node.unit().await;
    let ten = Some(Score::try_from(10).unwrap());
    unit.set_rating(user.id, movies[4].id, ten, at(1)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(page(&node, &filter, &best_first, 1, 4).await.items[0].id, movies[4].id);
}

async fn a_movie_is_in_a_list_that_was_empty_before(node: Node) {
    let (movies, _) = of_one_genre(&node).await;
    let filter = MovieFilter { title: Some("other".to_owned()), ..MovieFilter::default() };
    // The second page is read too: it is empty, so its total cannot be derived from its rows.
    let read = async || {
        let first = page(&node, &filter, &YEAR_UP, 1, 4).await;
        for number in [1, 2, 1] {
            let again = page(&node, &filter, &YEAR_UP, number, 4).await;
            assert_eq!(again.total, first.total, "page {number}");
            assert_eq!(ids(&again), if number == 1 { ids(&first) } else { Vec::new() }, "page {number}");
        }
        assert_eq!(first.total.unwrap().items, u64::try_from(first.items.len()).unwrap());
        ids(&first)
    };
    assert_eq!(read().await, []);
    let other = node.another().await;
    let mut movie = movies[0].clone();
    "The Other Movie".clone_into(&mut movie.identity.name);
    update(&other, &movie).await;
    assert_eq!(read().await, [movie.id]);
    set_available(&other, &movie, false).await;
    assert_eq!(read().await, []);
}

async fn a_refresh_of_the_popularity_changes_the_order_of_a_short_list_that_was_read_before(node: Node) {
    let (movies, filter) = of_one_genre(&node).await;
    for _ in 0..3 {
        page(&node, &filter, &[MovieSort::POPULAR], 1, 4).await;
    }
    let user = add_user(&node, 1).await;
    let mut unit = node.unit().await;
    unit.set_reaction(user.id, movies[4].id, Some(MovieReaction::Like), at(1)).await.unwrap();
    unit.commit().await.unwrap();
    node.refresh_popularity(10).await.unwrap();
    assert_eq!(page(&node, &filter, &[MovieSort::POPULAR], 1, 4).await.items[0].id, movies[4].id);
}

/// Reads the complete list with as many numbered pages as its total requires. Checks that each page has the same total.
async fn counted(node: &Node, filter: &MovieFilter, sorts: &[MovieSort], size: u32) -> Vec<MovieId> {
    let items = page(node, filter, sorts, 1, size).await.total.unwrap().items;
    let mut all = Vec::new();
    for number in 1..=u32::try_from(items).unwrap().div_ceil(size) {
        let page = page(node, filter, sorts, number, size).await;
        assert_eq!(page.total.unwrap().items, items, "page {number}");
        all.extend(ids(&page));
    }
    all
}

async fn movies_that_match_a_filter_several_times_are_listed_once_for_every_sort(node: Node) {
    fn all<K: Kind>(movies: &[Movie], ids: impl Fn(&Movie) -> &Vec<Id<K>>) -> Vec<Id<K>> {
        let all: BTreeSet<_> = movies.iter().flat_map(ids).copied().collect();
        all.into_iter().collect()
    }
    // Each movie has one to three of the three genres, of the three directors, and of the three stars.
    let several = |number: usize, names: [&str; 3]| texts(&names[..=number % 3]);
    let facts = |number: usize| Facts {
        genres: several(number, ["Drama", "Crime", "Comedy"]),
        directors: several(number / 3, ["Jane Campion", "Agnès Varda", "Claire Denis"]),
        stars: several(number / 9, ["Holly Hunter", "Sam Neill", "Harvey Keitel"]),
        ..of(number, 2000)
    };
    let movies = add_movies(&node, (0..40).map(facts).collect()).await;
    let genres = all(&movies, |movie| &movie.genre_ids);
    let directors = all(&movies, |movie| &movie.director_ids);
    let stars = all(&movies, |movie| &movie.star_ids);
    let filters = [
        MovieFilter { genres: genres.clone(), ..everything() },
        MovieFilter { directors: directors.clone(), ..everything() },
        MovieFilter { stars: stars.clone(), ..everything() },
        MovieFilter { genres, directors, stars, search: Some(Search::parse("movie")), ..everything() },
    ];
    for filter in filters {
        for &(_, key) in MovieSortKey::NAMED {
            for descending in [false, true] {
                let sorts = [MovieSort { key, descending }];
                let whole = chained(&node, &filter, &sorts, 100).await;
                assert_eq!(whole.len(), 40);
                assert_eq!(counted(&node, &filter, &sorts, 7).await, whole, "{sorts:?} {filter:?}");
                assert_eq!(chained(&node, &filter, &sorts, 7).await, whole, "{sorts:?} {filter:?}");
            }
        }
    }
}
