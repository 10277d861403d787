//! Movies: each is stored once, with all its fields.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use std::collections::HashSet;

use domain::{
    catalog::{CheckedPartialFacts, Facts, Movie, MovieIdentity},
    id::MovieId,
    money::Money,
};

use crate::{
    fixtures::{
        add_movie, add_movies, add_movies_as, at, checked, currency, detail, facts, id, resolve, shifted,
        texts, update,
    },
    node::Node,
    parallel::at_once,
};

crate::cases! { "catalog":
    a_movie_reads_back_as_written,
    an_unknown_movie_is_none,
    a_movie_whose_identity_already_exists_is_skipped,
    a_repeated_movie_in_a_call_is_added_once,
    identities_are_compared_literally,
    movies_added_by_many_concurrent_units_exist_once,
    a_thousand_movies_are_added_in_one_call,
    movies_are_found_by_their_identities,
    a_unit_sees_the_changes_of_movies_by_earlier_units,
    an_update_writes_all_fields_except_identifier_and_creation_time,
    an_update_of_a_dropped_unit_has_no_effect,
    a_movie_has_its_price_and_its_availability,
    a_catalogue_is_empty_until_a_movie_is_committed,
    an_export_has_every_movie_in_the_order_of_identifiers,
}

/// Facts with all fields and unusual characters.
fn rich() -> Facts {
    Facts {
        identity: MovieIdentity {
            name: "Le Fabuleux Destin d'Amélie “Poulain” 🎬 \\%_".to_owned(),
            year: 2001,
            duration_minutes: 122,
        },
        imdb: 8.3,
        votes: 5_000_000_000,
        meta_score: Some(69.5),
        gross: Some(174_200_000_000),
        description: "Un\nfilm\t💚".to_owned(),
        price: Money::from_minor(9_999_999_999, currency("KWD")),
        certification: "R".to_owned(),
        genres: texts(&["Romance", "Comedy", "Animation"]),
        directors: texts(&["Jean-Pierre Jeunet", "Another One"]),
        stars: texts(&["Mathieu Kassovitz", "Audrey Tautou", "Dominique Pinon", "Yolande Moreau"]),
        poster_url: Some("https://example.com/p?a=1&b=é".to_owned()),
        trailer_url: Some("https://example.com/t".to_owned()),
        imdb_id: Some("tt0211915".to_owned()),
        tmdb_id: Some(5_000_000_000),
        sort_name: Some("Amélie".to_owned()),
        is_available: true,
    }
}

async fn a_movie_reads_back_as_written(node: Node) {
    let bare = Facts {
        genres: Vec::new(),
        directors: Vec::new(),
        stars: Vec::new(),
        imdb: 0.0,
        votes: 0,
        price: Money::zero(currency("JPY")),
        ..facts("M")
    };
    for (number, facts) in [(1, rich()), (2, bare)] {
        let mut unit = node.unit().await;
        let names = resolve(unit.as_mut(), std::slice::from_ref(&facts)).await.remove(0);
        let mut movie = Movie::create(id(number), checked(facts.clone()), names, shifted(at(1), 1));
        movie.version = 7;
        movie.updated_at = shifted(at(2), 999_999);
        assert_eq!(unit.insert_movies(std::slice::from_ref(&movie)).await.unwrap(), [movie.id]);
        let found = unit.find_movies_for_update(std::slice::from_ref(&movie.identity)).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&movie));
        unit.commit().await.unwrap();
        assert_eq!(node.movie_detail(movie.id, None).await.unwrap(), Some(detail(&movie, &facts)));
    }
}

async fn an_unknown_movie_is_none(node: Node) {
    assert_eq!(node.movie_detail(id(1), None).await.unwrap(), None);
    assert_eq!(node.movie_detail(id(1), Some(id(1))).await.unwrap(), None);
}

async fn a_movie_whose_identity_already_exists_is_skipped(node: Node) {
    let old = add_movie(&node, 1, facts("Up")).await;
    let mut unit = node.unit().await;
    let all = [Facts { votes: 5, ..facts("Up") }, facts("Coco")];
    let names = resolve(unit.as_mut(), &all).await;
    let movies: Vec<Movie> = (2..)
        .zip(all)
        .zip(names)
        .map(|((number, facts), names)| Movie::create(id(number), checked(facts), names, at(9)))
        .collect();
    assert_eq!(unit.insert_movies(&movies).await.unwrap(), [id(3)]);
    assert!(
        unit.insert_movies(&movies).await.unwrap().is_empty(),
        "the unit must still be usable, and the second call must add nothing"
    );
    unit.commit().await.unwrap();
    assert_eq!(node.movie_detail(id(1), None).await.unwrap(), Some(detail(&old, &facts("Up"))));
    assert_eq!(node.movie_detail(id(2), None).await.unwrap(), None);
    assert!(node.movie_detail(id(3), None).await.unwrap().is_some());
}

async fn a_repeated_movie_in_a_call_is_added_once(node: Node) {
    let mut unit = node.unit().await;
    let names = resolve(unit.as_mut(), &[facts("Up")]).await.remove(0);
    let movies = [1, 2].map(|number| Movie::create(id(number), checked(facts("Up")), names.clone(), at(0)));
    assert_eq!(unit.insert_movies(&movies).await.unwrap().len(), 1);
    unit.commit().await.unwrap();
    assert_eq!(node.export_movies(None, 10).await.unwrap().len(), 1);
}

async fn identities_are_compared_literally(node: Node) {
    let other = |name: &str, year, duration_minutes| Facts {
        identity: MovieIdentity { name: name.to_owned(), year, duration_minutes },
        ..facts("")
    };
    let all =
        vec![other("Up", 2000, 100), other("UP", 2000, 100), other("Úp", 2000, 100), other("Up", 2001, 100)];
    add_movies(&node, all).await;
    add_movie(&node, 5, other("Up", 2000, 101)).await;
    assert_eq!(node.export_movies(None, 10).await.unwrap().len(), 5);
}

async fn movies_added_by_many_concurrent_units_exist_once(node: Node) {
    // The names that the movies refer to, such as genres, already exist. Otherwise, the units would wait for each
    // other when they add the names.
    add_movie(&node, 10_000, facts("Known")).await;
    let all: Vec<Facts> = (0..600).map(|number| facts(&format!("Movie {number}"))).collect();
    let added = at_once(6, |unit_number| {
        let (node, mut all) = (node.clone(), all.clone());
        if unit_number % 2 == 1 {
            all.reverse();
        }
        async move {
            let mut unit = node.unit().await;
            let names = resolve(unit.as_mut(), &all).await;
            let movies: Vec<Movie> = (0..)
                .zip(all)
                .zip(names)
                .map(|((n, facts), names)| {
                    Movie::create(id(unit_number * 1000 + n), checked(facts), names, at(0))
                })
                .collect();
            let added = unit.insert_movies(&movies).await.unwrap();
            unit.commit().await.unwrap();
            added
        }
    })
    .await
    .concat();
    assert_eq!(added.len(), 600);
    let stored = node.export_movies(None, 600).await.unwrap();
    let stored: HashSet<MovieId> = stored.iter().map(|movie| movie.summary.id).collect();
    assert_eq!(stored, added.into_iter().collect());
}

async fn a_thousand_movies_are_added_in_one_call(node: Node) {
    let all: Vec<Facts> = (0..1000)
        .map(|number| Facts {
            genres: texts(&["Drama", "Crime"]),
            stars: (0..4).map(|star| format!("Star {}", (number * 4 + star) % 1500)).collect(),
            ..facts(&format!("Movie {number}"))
        })
        .collect();
    let movies = add_movies(&node, all.clone()).await;
    assert_eq!(node.movie_detail(id(1000), None).await.unwrap(), Some(detail(&movies[999], &all[999])));
    let mut unit = node.unit().await;
    let identities: Vec<MovieIdentity> = movies.iter().map(|movie| movie.identity.clone()).collect();
    let mut found = unit.find_movies_for_update(&identities).await.unwrap();
    found.sort_by_key(|movie| movie.id);
    assert!(found == movies, "a movie is missing or was changed");
}

async fn movies_are_found_by_their_identities(node: Node) {
    let movies = add_movies(&node, vec![facts("Up"), rich(), facts("Coco")]).await;
    let unknown = MovieIdentity { year: 1999, ..movies[0].identity.clone() };
    let mixed = MovieIdentity { name: movies[0].identity.name.clone(), ..movies[1].identity.clone() };
    let asked = [movies[2].identity.clone(), unknown, mixed, movies[1].identity.clone()];
    let mut unit = node.unit().await;
    let mut found = unit.find_movies_for_update(&asked).await.unwrap();
    found.sort_by_key(|movie| movie.id);
    assert_eq!(found, movies[1..]);
    assert!(unit.find_movies_for_update(&[]).await.unwrap().is_empty());
}

async fn a_unit_sees_the_changes_of_movies_by_earlier_units(node: Node) {
    let movies = add_movies(&node, vec![facts("Up"), facts("Coco")]).await;
    let identities: Vec<MovieIdentity> = movies.iter().map(|movie| movie.identity.clone()).collect();
    let seen = at_once(8, |number| {
        let (node, mut identities) = (node.clone(), identities.clone());
        if number % 2 == 1 {
            identities.reverse();
        }
        async move {
            let mut unit = node.unit().await;
            let all = [Facts { genres: texts(&[&format!("Genre {number}")]), ..facts("Up") }];
            let names = resolve(unit.as_mut(), &all).await.remove(0);
            let found = unit.find_movies_for_update(&identities).await.unwrap();
            for movie in &found {
                let genre_ids = [movie.genre_ids.clone(), names.genres.clone()].concat();
                let version = movie.version + 1;
                unit.update_movie(&Movie { genre_ids, version, ..movie.clone() }).await.unwrap();
            }
            unit.commit().await.unwrap();
            found
        }
    })
    .await
    .concat();
    let mut versions: Vec<_> = seen.iter().map(|movie| (movie.version, movie.genre_ids.len())).collect();
    versions.sort_unstable();
    let expected: Vec<_> = (1..=8).zip(1..).flat_map(|version| [version; 2]).collect();
    assert_eq!(versions, expected);
}

async fn an_update_writes_all_fields_except_identifier_and_creation_time(node: Node) {
    let old = Facts { genres: texts(&["Comedy", "Drama"]), ..facts("Up") };
    let movies = add_movies(&node, vec![old, facts("Coco")]).await;
    let new = Facts { is_available: false, ..rich() };
    let mut unit = node.unit().await;
    let names = resolve(unit.as_mut(), std::slice::from_ref(&new)).await.remove(0);
    let mut changed = movies[0].clone();
    assert!(CheckedPartialFacts::from(checked(new.clone())).apply_to(&mut changed, names, at(50)));
    unit.update_movie(&Movie { created_at: at(40), ..changed.clone() }).await.unwrap();
    let found = unit.find_movies_for_update(std::slice::from_ref(&changed.identity)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&changed));
    unit.commit().await.unwrap();
    assert_eq!(node.movie_detail(id(1), None).await.unwrap(), Some(detail(&changed, &new)));
    let bystander = node.movie_detail(id(2), None).await.unwrap();
    assert_eq!(bystander, Some(detail(&movies[1], &facts("Coco"))));
}

async fn an_update_of_a_dropped_unit_has_no_effect(node: Node) {
    let movie = add_movie(&node, 1, facts("Up")).await;
    let mut unit = node.unit().await;
    unit.update_movie(&Movie { genre_ids: Vec::new(), votes: 1, ..movie.clone() }).await.unwrap();
    drop(unit);
    assert_eq!(node.movie_detail(id(1), None).await.unwrap(), Some(detail(&movie, &facts("Up"))));
}

async fn a_movie_has_its_price_and_its_availability(node: Node) {
    let movie = add_movie(&node, 1, facts("Up")).await;
    assert_eq!(node.unit().await.find_offer(id(1)).await.unwrap(), Some(movie.offer()));
    assert_eq!(node.unit().await.find_offer(id(2)).await.unwrap(), None);
    let changed = Movie { is_available: false, price: Money::from_minor(5, currency("EUR")), ..movie };
    let mut unit = node.unit().await;
    unit.update_movie(&changed).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(node.unit().await.find_offer(id(1)).await.unwrap(), Some(changed.offer()));
}

async fn a_catalogue_is_empty_until_a_movie_is_committed(node: Node) {
    assert!(node.has_no_movies().await.unwrap());
    let movie = add_movie(&node, 1, facts("Up")).await;
    assert!(!node.has_no_movies().await.unwrap());
    update(&node, &Movie { is_available: false, ..movie }).await;
    assert!(!node.has_no_movies().await.unwrap(), "a movie that is not on sale also counts");
}

async fn an_export_has_every_movie_in_the_order_of_identifiers(node: Node) {
    let all: Vec<(MovieId, Facts)> = [5_u64, 2, 9, 1, 7]
        .map(|number| {
            let name = format!("Movie {number}");
            (
                id(number),
                Facts { is_available: number != 2, genres: texts(&["Crime", "Action"]), ..facts(&name) },
            )
        })
        .into();
    let mut movies = add_movies_as(&node, all.clone()).await;
    movies.sort_by_key(|movie| movie.id);
    let expected: Vec<_> = movies
        .iter()
        .map(|movie| detail(movie, &all.iter().find(|(id, _)| *id == movie.id).unwrap().1))
        .collect();
    let first = node.export_movies(None, 2).await.unwrap();
    assert_eq!(first, expected[..2]);
    let second = node.export_movies(Some(first[1].summary.id), 2).await.unwrap();
    assert_eq!(second, expected[2..4]);
    let last = node.export_movies(Some(second[1].summary.id), 2).await.unwrap();
    assert_eq!(last, expected[4..]);
    assert!(node.export_movies(Some(id(9)), 2).await.unwrap().is_empty());
    assert_eq!(
        node.export_movies(Some(id(6)), 10).await.unwrap(),
        expected[3..],
        "the position may be an identifier that no movie has"
    );
}
