//! Filters: a list contains exactly the movies that match. A withdrawn movie is no longer on sale.

use std::collections::BTreeSet;

use domain::{
    catalog::{Facts, Movie, MovieFilter, MovieIdentity, MovieSort, MovieSortKey, Range, Search},
    page::PageRequest,
    text::fold,
};

use crate::{
    fixtures::{add_movies, detail, facts, id, price, set_available, texts},
    node::Node,
    paging::page,
};

crate::cases! { "filters":
    without_a_filter_every_movie_on_sale_is_listed_with_all_fields,
    a_withdrawn_movie_is_in_no_list_by_default_but_can_still_be_found,
    several_identifiers_mean_any_of_these_movies,
    several_genres_mean_any_of_them_without_duplicates,
    several_directors_mean_any_of_them,
    several_stars_mean_any_of_them,
    several_certifications_mean_any_of_them,
    an_unknown_identifier_results_in_an_empty_list,
    year_bounds_are_inclusive,
    rating_bounds_are_inclusive,
    price_bounds_are_inclusive,
    duration_bounds_are_inclusive,
    a_listed_movie_matches_all_filters,
    a_title_is_found_by_any_text_in_it,
}

const BY_IMDB: [MovieSort; 1] = [MovieSort { key: MovieSortKey::Imdb, descending: false }];

/// Four movies. Each has a larger year, running time, rating and price than the previous one.
fn four() -> Vec<Facts> {
    (1_u8..=4)
        .zip([
            (
                "The Godfather",
                "R",
                ["Crime", "Drama"],
                "Francis Ford Coppola",
                ["Marlon Brando", "Al Pacino"],
            ),
            ("Heat", "R", ["Crime", "Action"], "Michael Mann", ["Al Pacino", "Robert De Niro"]),
            ("Collateral", "R", ["Thriller", "Drama"], "Michael Mann", ["Tom Cruise", "Jamie Foxx"]),
            ("Up", "PG", ["Animation", "Comedy"], "Pete Docter", ["Edward Asner", "Jordan Nagai"]),
        ])
        .map(|(n, (name, certification, genres, director, stars))| Facts {
            identity: MovieIdentity {
                name: name.to_owned(),
                year: 1990 + i32::from(n),
                duration_minutes: 100 + i32::from(n),
            },
            // The ratings 8.1 to 8.4 have no exact binary representation. The bounds must be inclusive nevertheless.
            imdb: f64::from(80 + n) / 10.0,
            price: price(900 + i64::from(n)),
            certification: certification.to_owned(),
            genres: texts(&genres),
            directors: texts(&[director]),
            stars: texts(&stars),
            imdb_id: Some(format!("tt000000{n}")),
            tmdb_id: Some(n.into()),
            ..facts("")
        })
        .collect()
}

/// The numbers (from 1) of the movies of [`four`] that match the filter. Also checks the total of the list.
async fn matching_numbers(node: &Node, filter: MovieFilter) -> Vec<u128> {
    let page = page(node, &filter, &BY_IMDB, 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    page.items.iter().map(|movie| movie.id.as_uuid().as_u128() & 0xff).collect()
}

async fn added(node: &Node) -> Vec<Movie> {
    add_movies(node, four()).await
}

async fn without_a_filter_every_movie_on_sale_is_listed_with_all_fields(node: Node) {
    let movies = added(&node).await;
    let request = PageRequest::numbered(1, 100).unwrap();
    let page = node.movie_page(&MovieFilter::default(), &BY_IMDB, &request, None).await.unwrap();
    let expected: Vec<_> =
        movies.iter().zip(four()).map(|(movie, facts)| detail(movie, &facts).summary).collect();
    assert_eq!(page.items, expected);
}

async fn a_withdrawn_movie_is_in_no_list_by_default_but_can_still_be_found(node: Node) {
    let movies = added(&node).await;
    set_available(&node, &movies[1], false).await;
    assert_eq!(matching_numbers(&node, MovieFilter::default()).await, [1, 3, 4]);
    let by_genre = MovieFilter { genres: vec![movies[1].genre_ids[0]], ..MovieFilter::default() };
    assert_eq!(matching_numbers(&node, by_genre).await, [1]);
    let by_title = MovieFilter { title: Some("heat".to_owned()), ..MovieFilter::default() };
    assert!(matching_numbers(&node, by_title).await.is_empty());
    let by_search = MovieFilter { search: Some(Search::parse("heat")), ..MovieFilter::default() };
    assert!(matching_numbers(&node, by_search).await.is_empty());
    let found = node.movie_detail(movies[1].id, None).await.unwrap().unwrap();
    assert!(!found.is_available);
    assert_eq!(found.summary, detail(&movies[1], &four()[1]).summary);
}

async fn several_identifiers_mean_any_of_these_movies(node: Node) {
    let movies = added(&node).await;
    set_available(&node, &movies[2], false).await;
    let of = |ids| MovieFilter { ids, ..MovieFilter::default() };
    let (first, second, withdrawn, last) = (movies[0].id, movies[1].id, movies[2].id, movies[3].id);
    assert_eq!(matching_numbers(&node, of(vec![second])).await, [2]);
    assert_eq!(matching_numbers(&node, of(vec![last, first, withdrawn, last, id(99)])).await, [1, 4]);
    // A filter may have up to 100 identifiers.
    let many = (100..199).map(id).chain([second]).collect();
    assert_eq!(matching_numbers(&node, of(many)).await, [2]);
    let page = page(&node, &of(vec![first, second, last]), &BY_IMDB, 2, 2).await;
    assert_eq!((page.items.len(), page.items[0].id, page.total.unwrap().items), (1, last, 3));
}

async fn several_genres_mean_any_of_them_without_duplicates(node: Node) {
    let movies = added(&node).await;
    let (crime, drama) = (movies[0].genre_ids[0], movies[0].genre_ids[1]);
    let of = |genres| MovieFilter { genres, ..MovieFilter::default() };
    assert_eq!(matching_numbers(&node, of(vec![crime])).await, [1, 2]);
    assert_eq!(matching_numbers(&node, of(vec![crime, drama])).await, [1, 2, 3]);
    assert_eq!(matching_numbers(&node, of(vec![drama, crime, drama, id(99)])).await, [1, 2, 3]);
    let page = page(&node, &of(vec![drama]), &BY_IMDB, 1, 10).await;
    assert_eq!(page.items[0].genres.len(), 2, "genres outside the filter are shown too");
}

async fn several_directors_mean_any_of_them(node: Node) {
    let movies = added(&node).await;
    let of = |directors| MovieFilter { directors, ..MovieFilter::default() };
    let (coppola, mann) = (movies[0].director_ids[0], movies[1].director_ids[0]);
    assert_eq!(matching_numbers(&node, of(vec![mann])).await, [2, 3]);
    assert_eq!(matching_numbers(&node, of(vec![coppola, mann])).await, [1, 2, 3]);
}

async fn several_stars_mean_any_of_them(node: Node) {
    let movies = added(&node).await;
    let of = |stars| MovieFilter { stars, ..MovieFilter::default() };
    let (brando, pacino) = (movies[0].star_ids[0], movies[0].star_ids[1]);
    assert_eq!(matching_numbers(&node, of(vec![pacino])).await, [1, 2]);
    assert_eq!(matching_numbers(&node, of(vec![brando, pacino, movies[3].star_ids[1]])).await, [1, 2, 4]);
}

async fn several_certifications_mean_any_of_them(node: Node) {
    let movies = added(&node).await;
    let of = |certifications| MovieFilter { certifications, ..MovieFilter::default() };
    let (r, pg) = (movies[0].certification_id, movies[3].certification_id);
    assert_eq!(matching_numbers(&node, of(vec![pg])).await, [4]);
    assert_eq!(matching_numbers(&node, of(vec![pg, r])).await, [1, 2, 3, 4]);
}

async fn an_unknown_identifier_results_in_an_empty_list(node: Node) {
    added(&node).await;
    for filter in [
        MovieFilter { ids: vec![id(99)], ..MovieFilter::default() },
        MovieFilter { genres: vec![id(99)], ..MovieFilter::default() },
        MovieFilter { directors: vec![id(99)], ..MovieFilter::default() },
        MovieFilter { stars: vec![id(99)], ..MovieFilter::default() },
        MovieFilter { certifications: vec![id(99)], ..MovieFilter::default() },
    ] {
        assert!(matching_numbers(&node, filter).await.is_empty());
    }
}

/// Checks combinations of bounds. `value` maps the number of a movie of [`four`] to its value of the filtered field.
async fn check_range<T: Copy>(
    node: &Node,
    value: impl Fn(u8) -> T,
    filter: impl Fn(Range<T>) -> MovieFilter,
) {
    added(node).await;
    for (min, max, expected) in [
        (Some(2), None, vec![2, 3, 4]),
        (None, Some(3), vec![1, 2, 3]),
        (Some(2), Some(3), vec![2, 3]),
        (Some(3), Some(3), vec![3]),
        (Some(3), Some(2), vec![]),
        (Some(0), Some(9), vec![1, 2, 3, 4]),
    ] {
        let range = Range { min: min.map(&value), max: max.map(&value) };
        assert_eq!(matching_numbers(node, filter(range)).await, expected, "from {min:?} to {max:?}");
    }
}

async fn year_bounds_are_inclusive(node: Node) {
    let filter = |year| MovieFilter { year, ..MovieFilter::default() };
    check_range(&node, |n| 1990 + i32::from(n), filter).await;
}

async fn rating_bounds_are_inclusive(node: Node) {
    let filter = |imdb| MovieFilter { imdb, ..MovieFilter::default() };
    check_range(&node, |n| f64::from(80 + n) / 10.0, filter).await;
}

async fn price_bounds_are_inclusive(node: Node) {
    let filter = |price| MovieFilter { price, ..MovieFilter::default() };
    check_range(&node, |n| price(900 + i64::from(n)), filter).await;
}

async fn duration_bounds_are_inclusive(node: Node) {
    let filter = |duration| MovieFilter { duration, ..MovieFilter::default() };
    check_range(&node, |n| 100 + i32::from(n), filter).await;
}

async fn a_listed_movie_matches_all_filters(node: Node) {
    let movies = added(&node).await;
    let all = MovieFilter {
        favorites_of: None,
        ids: vec![movies[1].id, movies[2].id],
        bought_by: None,
        search: Some(Search::parse("heat")),
        title: Some("ea".to_owned()),
        genres: vec![movies[1].genre_ids[0], movies[2].genre_ids[0]],
        directors: movies[1].director_ids.clone(),
        stars: vec![movies[1].star_ids[1], movies[2].star_ids[0]],
        certifications: vec![movies[1].certification_id],
        year: Range { min: Some(1992), max: Some(1992) },
        imdb: Range { min: Some(8.2), max: Some(8.2) },
        price: Range { min: Some(price(902)), max: Some(price(902)) },
        duration: Range { min: Some(102), max: Some(102) },
        imdb_id: Some("tt0000002".to_owned()),
        tmdb_id: Some(2),
        is_available: None,
    };
    assert_eq!(matching_numbers(&node, all.clone()).await, [2]);
    let off = |change: fn(&mut MovieFilter)| {
        let mut filter = all.clone();
        change(&mut filter);
        filter
    };
    for filter in [
        off(|filter| filter.search = Some(Search::parse("up"))),
        off(|filter| filter.title = Some("up".to_owned())),
        off(|filter| filter.ids = vec![id(99)]),
        off(|filter| filter.genres = vec![id(99)]),
        off(|filter| filter.directors = vec![id(99)]),
        off(|filter| filter.stars = vec![id(99)]),
        off(|filter| filter.certifications = vec![id(99)]),
        off(|filter| filter.year.min = Some(1993)),
        off(|filter| filter.imdb.max = Some(8.1)),
        off(|filter| filter.price.max = Some(price(901))),
        off(|filter| filter.duration.min = Some(103)),
        off(|filter| filter.imdb_id = Some("tt0000003".to_owned())),
        off(|filter| filter.tmdb_id = Some(3)),
        off(|filter| filter.is_available = Some(false)),
    ] {
        assert!(matching_numbers(&node, filter.clone()).await.is_empty(), "{filter:?}");
    }
}

async fn a_title_is_found_by_any_text_in_it(node: Node) {
    // Characters with a meaning in patterns, queries and literals of the databases, and letters of several bytes.
    let names = [r"It's 100%_\?", "\"A* & | ! (B:C) -D^{E}", "千と千尋", "🎬 🎥é", "a"];
    add_movies(&node, names.iter().map(|name| facts(name)).collect()).await;
    let found = async |text: &str| {
        let filter = MovieFilter { title: Some(text.to_owned()), ..MovieFilter::default() };
        let page = page(&node, &filter, &BY_IMDB, 1, 100).await;
        assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap(), "{text}");
        page.items.into_iter().map(|movie| movie.name).collect::<BTreeSet<_>>()
    };
    let containing = |text: &str| {
        let text = fold(text);
        names.iter().filter(|name| fold(name).contains(&text)).map(|name| (*name).to_owned()).collect()
    };
    for name in names {
        let characters: Vec<char> = name.chars().collect();
        for length in [1, 2, 3, 5, characters.len()] {
            for part in characters.windows(length) {
                let text: String = part.iter().collect();
                if !text.trim().is_empty() {
                    assert_eq!(found(&text).await, containing(&text), "{text}");
                }
            }
        }
    }
    for text in ["z", "qx", "千千", "a*", "'s ", "100_"] {
        assert_eq!(found(text).await, containing(text), "{text}");
    }
}
