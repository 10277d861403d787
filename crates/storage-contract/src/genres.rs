//! Genres and how many movies on sale they have, true right after each commit and on every node.

use domain::catalog::{Facts, Movie};

use crate::{
    fixtures::{add_movie, add_movies, facts, proposed, set_available, texts, update},
    node::Node,
    paging::total,
};

crate::cases! { "genres":
    genres_stand_by_their_folded_names_with_their_movies_on_sale,
    a_genre_without_movies_on_sale_has_none,
    counts_are_true_right_after_each_commit_on_every_node,
    totals_are_true_right_after_each_commit_on_every_node,
}

async fn counts(node: &Node) -> Vec<(String, i64)> {
    let genres = node.genres().await.unwrap();
    genres.into_iter().map(|count| (count.genre.name, count.movies_count)).collect()
}

fn of(name: &str, genres: &[&str], is_available: bool) -> Facts {
    Facts { genres: texts(genres), is_available, ..facts(name) }
}

fn expected(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

async fn genres_stand_by_their_folded_names_with_their_movies_on_sale(node: Node) {
    let movies = add_movies(
        &node,
        vec![
            of("a", &["drama", "Érotique", "Western"], true),
            of("b", &["Crime", "drama"], true),
            of("c", &["Film-Noir", "Crime", "drama", "Zombie"], true),
        ],
    )
    .await;
    let all = [("Crime", 2), ("drama", 3), ("Érotique", 1), ("Film-Noir", 1), ("Western", 1), ("Zombie", 1)];
    assert_eq!(counts(&node).await, expected(&all));
    assert_eq!(node.genres().await.unwrap()[1].genre.id, movies[0].genre_ids[0]);
}

async fn a_genre_without_movies_on_sale_has_none(node: Node) {
    add_movies(&node, vec![of("a", &["Drama"], true), of("b", &["Drama", "Crime"], false)]).await;
    let mut unit = node.catalog_unit().await;
    let names = proposed(&texts(&["Western"]));
    unit.resolve_names(domain::catalog::NameKind::Genre, &names).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(counts(&node).await, expected(&[("Crime", 0), ("Drama", 1), ("Western", 0)]));
}

async fn counts_are_true_right_after_each_commit_on_every_node(node: Node) {
    let other = node.another().await;
    let a = add_movie(&node, 1, of("a", &["Drama", "Crime"], true)).await;
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 1)]));
    assert_eq!(counts(&other).await, expected(&[("Crime", 1), ("Drama", 1)]));
    let b = add_movie(&other, 2, of("b", &["Drama"], true)).await;
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 2)]));
    set_available(&other, &b, false).await;
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 1)]));
    set_available(&other, &b, true).await;
    update(&other, &Movie { genre_ids: a.genre_ids[1..].to_vec(), ..a.clone() }).await;
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 1)]));
    let mut dropped = other.catalog_unit().await;
    dropped.update_movie(&Movie { is_available: false, ..b }).await.unwrap();
    drop(dropped);
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 1)]));
}

async fn totals_are_true_right_after_each_commit_on_every_node(node: Node) {
    let other = node.another().await;
    let totals = async || {
        let totals = (total(&node).await, total(&other).await);
        assert_eq!(totals.0, totals.1, "on every node");
        assert!(!totals.0.is_estimate);
        totals.0.items
    };
    assert_eq!(totals().await, 0);
    // More than a page, so that the page itself does not tell how many there are.
    let movies = add_movies(&node, ["a", "b", "c"].map(|name| of(name, &["Drama"], true)).into()).await;
    assert_eq!(totals().await, 3);
    add_movie(&other, 4, of("d", &["Drama"], true)).await;
    assert_eq!(totals().await, 4);
    add_movie(&other, 5, of("e", &["Drama"], false)).await;
    assert_eq!(totals().await, 4);
    set_available(&node, &movies[0], false).await;
    assert_eq!(totals().await, 3);
    set_available(&other, &movies[1], false).await;
    assert_eq!(totals().await, 2);
    set_available(&other, &movies[0], true).await;
    assert_eq!(totals().await, 3);
    let mut dropped = other.catalog_unit().await;
    dropped.update_movie(&Movie { is_available: false, ..movies[2].clone() }).await.unwrap();
    drop(dropped);
    assert_eq!(totals().await, 3);
}
