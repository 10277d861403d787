//! The order of movie lists, for every sort except relevance, in both directions. The expected order is computed by
//! an independent implementation in Rust (the oracle).

use std::cmp::{Ordering, Reverse};

use domain::{
    catalog::{Facts, Movie, MovieFilter, MovieIdentity, MovieSort, MovieSortKey, Search},
    id::MovieId,
    page::SortKey,
    text::fold,
};

use crate::{
    fixtures::{add_movies_as, at, checked, facts, id, price, resolve},
    node::Node,
    paging::{chained, numbered},
};

crate::cases! { "order":
    every_sort_orders_as_the_oracle_in_both_directions,
    several_sorts_order_as_the_oracle,
    movies_without_ratings_are_ordered_by_identifier,
    without_a_sort_the_order_is_by_identifier,
}

const TITLES: [&str; 24] = [
    "Amélie",
    "amelie",
    "AMÉLIE",
    "Ångström",
    "Angst",
    "Zoë",
    "zoe",
    "Zodiac",
    "Élan",
    "Elan vital",
    "A-b",
    "a b",
    "a_b",
    "ab",
    "İstanbul",
    "istanbul",
    "Łódź",
    "Straße",
    "Strasse",
    "千と千尋の神隠し",
    "🎬 Movie",
    "Ёлки",
    "'71",
    "The A",
];

/// Adds 120 movies. In every sort key, many of them have equal values. They are not inserted in the order of their
/// identifiers.
async fn movies(node: &Node) -> Vec<Movie> {
    let all: Vec<(MovieId, Facts)> = (0_u16..120)
        .map(|number| {
            let facts = Facts {
                identity: MovieIdentity {
                    name: TITLES[usize::from(number * 7 % 24)].to_owned(),
                    year: 1990 + i32::from(number * 13 % 7),
                    duration_minutes: 60 + i32::from(number),
                },
                imdb: f64::from(60 + number * 17 % 9) / 10.0,
                votes: i64::from(number * 11 % 5) * 1_000,
                price: price(i64::from(number * 5 % 4) * 100),
                ..facts("")
            };
            (id(u64::from(number) * 53 % 127), facts)
        })
        .collect();
    let mut movies = add_movies_as(node, all[..60].to_vec()).await;
    // The other 60 movies are inserted later, with creation times that the first 60 also have.
    let mut unit = node.unit().await;
    let rest: Vec<Facts> = all[60..].iter().map(|(_, facts)| facts.clone()).collect();
    let names = resolve(unit.as_mut(), &rest).await;
    let more: Vec<Movie> = (0..)
        .zip(&all[60..])
        .zip(names)
        .map(|((n, (id, facts)), names)| Movie::create(*id, checked(facts.clone()), names, at(n % 10)))
        .collect();
    assert_eq!(unit.insert_movies(&more).await.unwrap().len(), 60);
    unit.commit().await.unwrap();
    movies.extend(more);
    movies
}

fn compare(a: &Movie, b: &Movie, sort: MovieSort) -> Ordering {
    let upwards = match sort.key {
        MovieSortKey::Name => a.sort_key().as_bytes().cmp(b.sort_key().as_bytes()),
        MovieSortKey::Year => a.identity.year.cmp(&b.identity.year),
        MovieSortKey::Price => a.price.minor().cmp(&b.price.minor()),
        MovieSortKey::Imdb => a.imdb.total_cmp(&b.imdb),
        MovieSortKey::Votes | MovieSortKey::Popularity | MovieSortKey::Relevance => a.votes.cmp(&b.votes),
        // The movies have no ratings, purchases or favourites, so these sort keys are equal.
        MovieSortKey::Rating | MovieSortKey::AddedAt | MovieSortKey::PurchasedAt => Ordering::Equal,
        MovieSortKey::CreatedAt => a.created_at.cmp(&b.created_at),
    };
    if sort.descending { upwards.reverse() } else { upwards }
}

/// The identifiers of the movies in the order that the oracle expects. With `search`, these are only the movies with
/// a name in which a word begins with the searched text.
fn expected(movies: &[Movie], sorts: &[MovieSort], search: Option<&str>) -> Vec<MovieId> {
    let begun: Vec<String> = search.into_iter().map(fold).collect();
    let has_word = |name: &str, begun: &String| {
        fold(name)
            .split(|letter: char| !letter.is_alphanumeric())
            .any(|word| word.starts_with(begun.as_str()))
    };
    let mut wanted: Vec<&Movie> = movies
        .iter()
        .filter(|movie| begun.iter().all(|begun| has_word(&movie.identity.name, begun)))
        .collect();
    wanted.sort_by(|a, b| {
        let by_sorts = sorts.iter().map(|sort| compare(a, b, *sort));
        let is_down = sorts.last().is_some_and(|sort| sort.descending);
        let by_id = if is_down { Reverse(a.id).cmp(&Reverse(b.id)) } else { a.id.cmp(&b.id) };
        by_sorts.fold(Ordering::Equal, Ordering::then).then(by_id)
    });
    wanted.into_iter().map(|movie| movie.id).collect()
}

async fn check(node: &Node, movies: &[Movie], sorts: &[MovieSort], search: Option<&str>) {
    let filter = MovieFilter { search: search.map(Search::parse), ..MovieFilter::default() };
    let expected = expected(movies, sorts, search);
    let titles = |ids: &[MovieId]| -> Vec<String> {
        let of = |id: &MovieId| movies.iter().find(|movie| movie.id == *id).unwrap();
        ids.iter().map(of).map(|movie| format!("{} {:?}", movie.identity.name, movie.id)).collect()
    };
    for size in [7, 50] {
        let by_number = numbered(node, &filter, sorts, size).await;
        assert_eq!(titles(&by_number), titles(&expected), "numbered pages of {size} by {sorts:?}");
        let by_position = chained(node, &filter, sorts, size).await;
        assert_eq!(titles(&by_position), titles(&expected), "pages of {size} after positions by {sorts:?}");
    }
}

const fn by(key: MovieSortKey, descending: bool) -> MovieSort {
    MovieSort { key, descending }
}

async fn every_sort_orders_as_the_oracle_in_both_directions(node: Node) {
    let movies = movies(&node).await;
    for &(_, key) in MovieSortKey::NAMED.iter().filter(|(_, key)| *key != MovieSortKey::Relevance) {
        for descending in [false, true] {
            check(&node, &movies, &[by(key, descending)], None).await;
            check(&node, &movies, &[by(key, descending)], Some("ame")).await;
        }
    }
}

async fn several_sorts_order_as_the_oracle(node: Node) {
    use MovieSortKey::{CreatedAt, Imdb, Name, Popularity, Price, Rating, Votes, Year};
    let movies = movies(&node).await;
    for sorts in [
        vec![by(Year, true), by(Name, false)],
        vec![by(Imdb, false), by(Price, true), by(Name, true)],
        vec![by(Price, true), by(Imdb, false)],
        vec![by(Rating, true), by(Year, false)],
        vec![by(Year, false), by(Rating, true)],
        vec![by(Popularity, true), by(CreatedAt, false), by(Votes, true), by(Price, false)],
    ] {
        check(&node, &movies, &sorts, None).await;
    }
}

async fn movies_without_ratings_are_ordered_by_identifier(node: Node) {
    let movies = movies(&node).await;
    let mut upwards: Vec<MovieId> = movies.iter().map(|movie| movie.id).collect();
    upwards.sort_unstable();
    let everything = MovieFilter::default();
    assert_eq!(numbered(&node, &everything, &[by(MovieSortKey::Rating, false)], 100).await, upwards);
    upwards.reverse();
    assert_eq!(numbered(&node, &everything, &[by(MovieSortKey::Rating, true)], 100).await, upwards);
}

async fn without_a_sort_the_order_is_by_identifier(node: Node) {
    let movies = movies(&node).await;
    check(&node, &movies, &[], None).await;
}
