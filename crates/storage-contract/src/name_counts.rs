//! Genres, directors, stars and certifications, each with the number of its movies on sale. The numbers are correct on
//! every node (process of the service) immediately after each commit. A folded name has neither upper case nor accents.

use domain::{
    catalog::{CountedName, Facts, Movie, NameKind},
    page::{Page, PageRequest, Total},
};

use crate::{
    fixtures::{add_movie, add_movies, facts, proposed, set_available, texts, update, uuid},
    node::Node,
    paging::total,
};

crate::cases! { "name_counts":
    genres_are_sorted_by_folded_name_with_the_number_of_movies_on_sale,
    a_genre_without_movies_on_sale_has_none,
    counts_are_correct_immediately_after_each_commit_on_every_node,
    every_kind_is_counted_equally_in_lists_pages_and_details,
    names_are_paged_by_their_folded_names,
    every_word_of_a_search_matches_literally,
    a_name_is_found_by_its_kind_and_identifier,
    totals_are_correct_immediately_after_each_commit_on_every_node,
}

async fn counts(node: &Node) -> Vec<(String, i64)> {
    let genres = node.all_names(NameKind::Genre).await.unwrap();
    genres.into_iter().map(|genre| (genre.name, genre.movies_count)).collect()
}

fn of(name: &str, genres: &[&str], is_available: bool) -> Facts {
    Facts { genres: texts(genres), is_available, ..facts(name) }
}

fn expected(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

async fn genres_are_sorted_by_folded_name_with_the_number_of_movies_on_sale(node: Node) {
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
    assert_eq!(node.all_names(NameKind::Genre).await.unwrap()[1].id, movies[0].genre_ids[0].as_uuid());
}

async fn a_genre_without_movies_on_sale_has_none(node: Node) {
    add_movies(&node, vec![of("a", &["Drama"], true), of("b", &["Drama", "Crime"], false)]).await;
    let mut unit = node.unit().await;
    let names = proposed(&texts(&["Western"]));
    unit.resolve_names(NameKind::Genre, &names).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(counts(&node).await, expected(&[("Crime", 0), ("Drama", 1), ("Western", 0)]));
}

async fn counts_are_correct_immediately_after_each_commit_on_every_node(node: Node) {
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
    let mut dropped = other.unit().await;
    dropped.update_movie(&Movie { is_available: false, ..b }).await.unwrap();
    drop(dropped);
    assert_eq!(counts(&node).await, expected(&[("Crime", 1), ("Drama", 1)]));
}

const KINDS: [NameKind; 4] = [NameKind::Genre, NameKind::Star, NameKind::Director, NameKind::Certification];

async fn page(node: &Node, kind: NameKind, words: &[&str], number: u32, size: u32) -> Page<CountedName> {
    let request = PageRequest::numbered(number, size).unwrap();
    node.name_page(kind, &texts(words), &request).await.unwrap()
}

async fn found(node: &Node, words: &[&str]) -> Vec<String> {
    let page = page(node, NameKind::Star, words, 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    page.items.into_iter().map(|name| name.name).collect()
}

/// Adds names without movies.
async fn add(node: &Node, kind: NameKind, names: &[&str]) {
    let mut unit = node.unit().await;
    unit.resolve_names(kind, &proposed(&texts(names))).await.unwrap();
    unit.commit().await.unwrap();
}

async fn every_kind_is_counted_equally_in_lists_pages_and_details(node: Node) {
    let movie = |title: &str, names: &[&str], is_available| Facts {
        genres: texts(names),
        directors: texts(names),
        stars: texts(names),
        certification: names[0].to_owned(),
        is_available,
        ..facts(title)
    };
    add_movies(
        &node,
        vec![
            movie("a", &["Ada", "Bo"], true),
            movie("b", &["Bo", "Ada"], true),
            movie("c", &["Ada"], true),
            movie("d", &["Ada", "Cy"], false),
        ],
    )
    .await;
    for kind in KINDS {
        add(&node, kind, &["Di"]).await;
        let all = node.all_names(kind).await.unwrap();
        let counts: Vec<_> = all.iter().map(|name| (name.name.as_str(), name.movies_count)).collect();
        match kind {
            NameKind::Certification => assert_eq!(counts, [("Ada", 2), ("Bo", 1), ("Di", 0)]),
            _ => assert_eq!(counts, [("Ada", 3), ("Bo", 2), ("Cy", 0), ("Di", 0)], "{kind:?}"),
        }
        assert_eq!(page(&node, kind, &[], 1, 20).await.items, all, "{kind:?}");
        for name in all {
            assert_eq!(node.find_name(kind, name.id).await.unwrap(), Some(name), "{kind:?}");
        }
    }
}

async fn names_are_paged_by_their_folded_names(node: Node) {
    let names = ["Émile", "emil", "Zoë", "ada", "Bo", "Ørsted", "千と千尋", "Cy", "\u{1f3ac}"];
    for kind in KINDS {
        add(&node, kind, &names).await;
        let whole = page(&node, kind, &[], 1, 100).await.items;
        assert_eq!(whole, node.all_names(kind).await.unwrap());
        let texts: Vec<_> = whole.iter().map(|name| name.name.as_str()).collect();
        assert_eq!(texts[..4], ["ada", "Bo", "Cy", "emil"]);
        let first = page(&node, kind, &[], 1, 4).await;
        assert_eq!(first.total, Some(Total { items: 9, is_estimate: false }));
        let (mut by_number, mut by_position) = (first.items.clone(), first.items.clone());
        for number in 2..=3 {
            by_number.extend(page(&node, kind, &[], number, 4).await.items);
        }
        let mut next = first.next;
        while let Some(position) = next {
            let request = PageRequest::after(position, 4).unwrap();
            let page = node.name_page(kind, &[], &request).await.unwrap();
            assert_eq!(page.total, None, "a page after a position has no total");
            by_position.extend(page.items);
            next = page.next;
        }
        assert_eq!((by_number, by_position), (whole.clone(), whole), "{kind:?}");
    }
}

async fn every_word_of_a_search_matches_literally(node: Node) {
    add(&node, NameKind::Star, &["Penélope Cruz", "Tom Cruise", "100% Cruz", "A_b", "Acb"]).await;
    add(&node, NameKind::Director, &["Cruz"]).await;
    assert_eq!(found(&node, &["cruz"]).await, ["100% Cruz", "Penélope Cruz"]);
    assert_eq!(found(&node, &["cru", "tom"]).await, ["Tom Cruise"]);
    assert_eq!(found(&node, &["0%"]).await, ["100% Cruz"]);
    assert_eq!(found(&node, &["a_"]).await, ["A_b"]);
    assert_eq!(found(&node, &["nobody"]).await, Vec::<String>::new());
}

async fn a_name_is_found_by_its_kind_and_identifier(node: Node) {
    for kind in KINDS {
        add(&node, kind, &["Ada"]).await;
    }
    for kind in KINDS {
        let id = node.all_names(kind).await.unwrap()[0].id;
        for other in KINDS {
            let found = node.find_name(other, id).await.unwrap();
            assert_eq!(found.is_some(), other == kind, "{kind:?} as {other:?}");
        }
        assert_eq!(node.find_name(kind, uuid(99)).await.unwrap(), None);
    }
}

async fn totals_are_correct_immediately_after_each_commit_on_every_node(node: Node) {
    let other = node.another().await;
    let totals = async || {
        let totals = (total(&node).await, total(&other).await);
        assert_eq!(totals.0, totals.1, "both nodes must have the same total");
        assert!(!totals.0.is_estimate);
        totals.0.items
    };
    assert_eq!(totals().await, 0);
    // The total must be counted, because the list has more than one page.
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
    let mut dropped = other.unit().await;
    dropped.update_movie(&Movie { is_available: false, ..movies[2].clone() }).await.unwrap();
    drop(dropped);
    assert_eq!(totals().await, 3);
}
