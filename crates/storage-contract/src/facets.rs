//! Facets: the values by which a list can be filtered, each with the number of movies that the list would have if
//! this value were chosen. A node is one process of the service; several nodes use the same database.

use std::collections::{HashMap, HashSet};

use domain::{
    catalog::{
        Facets, Facts, Movie, MovieFilter, MovieIdentity, MovieSort, NameKind, PriceBand, Range,
        years_of_decade,
    },
    id::Id,
    money::Currency,
};

use crate::{
    fixtures::{add_movies, facts, price, set_available, texts},
    node::Node,
    paging::page,
};

crate::cases! { "facets":
    choosing_a_facet_selects_as_many_movies_as_its_count,
    counts_are_correct_after_each_commit_on_every_node,
    a_catalogue_without_movies_has_no_facets,
}

/// 200 different movies. The values of each field repeat with another period, so that many combinations of values
/// occur.
fn many() -> Vec<Facts> {
    let genres = ["Action", "Comedy", "Crime", "Drama", "War"];
    (0_i32..200)
        .map(|n| Facts {
            identity: MovieIdentity {
                name: format!("{} {n}", if n % 3 == 0 { "Night" } else { "Day" }),
                year: 1965 + n * 7 % 60,
                duration_minutes: 80 + n % 70,
            },
            imdb: f64::from(40 + n % 50) / 10.0,
            price: price(i64::from(n) * 137 % 2_600),
            certification: ["G", "PG", "R"][usize::try_from(n % 11 % 3).unwrap()].to_owned(),
            genres: texts(&genres[usize::try_from(n % 4).unwrap()..=usize::try_from(n % 4 + n % 2).unwrap()]),
            stars: texts(&[&format!("Star {}", n % 17), &format!("Actor {}", n % 5)]),
            ..facts("")
        })
        .collect()
}

fn filters(movies: &[Movie]) -> Vec<MovieFilter> {
    let all = MovieFilter::default;
    let cheap = Range { min: None, max: Some(price(700)) };
    vec![
        all(),
        MovieFilter { search: Some(domain::catalog::Search::parse("night")), ..all() },
        MovieFilter { genres: vec![movies[0].genre_ids[0]], ..all() },
        MovieFilter { genres: vec![movies[0].genre_ids[0], movies[1].genre_ids[1]], ..all() },
        MovieFilter { certifications: vec![movies[2].certification_id], price: cheap, ..all() },
        MovieFilter { year: years_of_decade(1990), stars: vec![movies[3].star_ids[0]], ..all() },
        MovieFilter {
            genres: vec![movies[3].genre_ids[0]],
            certifications: vec![movies[2].certification_id],
            year: Range { min: Some(1985), max: None },
            price: PriceBand::all(Currency::USD)[1].range(),
            imdb: Range { min: Some(5.0), max: None },
            ..all()
        },
        MovieFilter {
            genres: vec![Id::from_uuid(uuid::Uuid::from_u128(1))],
            title: Some("day".to_owned()),
            ..all()
        },
    ]
}

async fn facets(node: &Node, filter: &MovieFilter) -> Facets {
    let counts = node.facet_counts(filter, Currency::USD).await.unwrap();
    let genres = node.all_names(NameKind::Genre).await.unwrap();
    let certifications = node.all_names(NameKind::Certification).await.unwrap();
    Facets::of(filter, &counts, genres, certifications, Currency::USD)
}

async fn total(node: &Node, filter: &MovieFilter) -> i64 {
    let page = page(node, filter, &[MovieSort::POPULAR], 1, 1).await;
    i64::try_from(page.total.unwrap().items).unwrap()
}

async fn choosing_a_facet_selects_as_many_movies_as_its_count(node: Node) {
    let movies = add_movies(&node, many()).await;
    let (genres, certifications) = (
        node.all_names(NameKind::Genre).await.unwrap(),
        node.all_names(NameKind::Certification).await.unwrap(),
    );
    let mut choices = 0;
    for filter in filters(&movies) {
        let facets = facets(&node, &filter).await;
        let counted: HashMap<_, _> =
            facets.genres.iter().map(|genre| (genre.id, genre.movies_count)).collect();
        for genre in &genres {
            let chosen = MovieFilter { genres: vec![Id::from_uuid(genre.id)], ..filter.clone() };
            let count = counted.get(&genre.id).copied().unwrap_or(0);
            assert_eq!(total(&node, &chosen).await, count, "{} of {filter:?}", genre.name);
        }
        let counted: HashMap<_, _> =
            facets.certifications.iter().map(|name| (name.id, name.movies_count)).collect();
        for name in &certifications {
            let chosen = MovieFilter { certifications: vec![Id::from_uuid(name.id)], ..filter.clone() };
            let count = counted.get(&name.id).copied().unwrap_or(0);
            assert_eq!(total(&node, &chosen).await, count, "{} of {filter:?}", name.name);
        }
        let counted: HashMap<_, _> =
            facets.decades.iter().map(|counted| (counted.decade, counted.movies_count)).collect();
        for decade in (1960..2030).step_by(10) {
            let chosen = MovieFilter { year: years_of_decade(decade), ..filter.clone() };
            let count = counted.get(&decade).copied().unwrap_or(0);
            assert_eq!(total(&node, &chosen).await, count, "{decade} of {filter:?}");
        }
        for band in PriceBand::all(Currency::USD) {
            let chosen = MovieFilter { price: band.range(), ..filter.clone() };
            let listed = facets.price_bands.iter().find(|counted| counted.band == band);
            let count = listed.map_or(0, |counted| counted.movies_count);
            assert_eq!(total(&node, &chosen).await, count, "{band:?} of {filter:?}");
        }
        choices += facets.genres.len() + facets.certifications.len() + facets.decades.len();
    }
    assert!(choices > 60, "{choices}");
}

async fn counts_are_correct_after_each_commit_on_every_node(node: Node) {
    let movies = add_movies(&node, many()).await;
    let other = node.another().await;
    let filter = MovieFilter { certifications: vec![movies[0].certification_id], ..MovieFilter::default() };
    let (before, same) = (facets(&node, &filter).await, facets(&other, &filter).await);
    assert_eq!(before, same);
    assert_eq!(before, facets(&node, &filter).await, "a repeated query returns the same counts");
    set_available(&node, &movies[0], false).await;
    for node in [&node, &other] {
        let after = facets(node, &filter).await;
        let count = |facets: &Facets| facets.price_bands.iter().map(|band| band.movies_count).sum::<i64>();
        assert_eq!(count(&after), count(&before) - 1);
        let genres: HashSet<_> = movies[0].genre_ids.iter().map(Id::as_uuid).collect();
        for genre in &before.genres {
            let now = after.genres.iter().find(|now| now.id == genre.id).map_or(0, |now| now.movies_count);
            assert_eq!(now, genre.movies_count - i64::from(genres.contains(&genre.id)), "{}", genre.name);
        }
    }
}

async fn a_catalogue_without_movies_has_no_facets(node: Node) {
    let facets = facets(&node, &MovieFilter::default()).await;
    assert!(facets.genres.is_empty() && facets.certifications.is_empty());
    assert!(facets.decades.is_empty());
    let bands: Vec<_> = facets.price_bands.iter().map(|counted| counted.movies_count).collect();
    assert_eq!(bands, [0; 5], "every catalogue has the same five price bands");
}
