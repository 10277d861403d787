//! Changes of genres, directors, stars and certifications by moderators.

use domain::{
    catalog::{Facts, MovieFilter, MovieSort, NameKind, ProposedName, Search},
    id::GenreKind,
};
use uuid::Uuid;

use crate::{
    fixtures::{add_movie, facts, fresh, id, set_available, texts},
    node::Node,
    paging::page,
};

crate::cases! { "name_changes":
    a_name_is_found_by_its_kind_and_identifier,
    a_name_is_taken_regardless_of_case_and_accents,
    a_changed_name_is_read_everywhere,
    movies_are_searched_by_the_changed_name,
    a_name_has_movies_whether_they_are_on_sale_or_not,
    a_deleted_name_is_not_found,
}

const KINDS: [NameKind; 4] = [NameKind::Genre, NameKind::Star, NameKind::Director, NameKind::Certification];

/// Adds a name of this kind, without movies.
async fn add_name(node: &Node, kind: NameKind, name: &str) -> Uuid {
    let mut unit = node.unit().await;
    let proposed = ProposedName { id: fresh::<GenreKind>().as_uuid(), name: name.to_owned() };
    let ids = unit.resolve_names(kind, &[proposed]).await.unwrap();
    unit.commit().await.unwrap();
    ids[0]
}

async fn a_name_is_found_by_its_kind_and_identifier(node: Node) {
    for kind in KINDS {
        let id = add_name(&node, kind, "Ann").await;
        let mut unit = node.unit().await;
        for other in KINDS {
            let expected = (other == kind).then(|| "Ann".to_owned());
            assert_eq!(unit.find_name_for_update(other, id).await.unwrap(), expected);
        }
    }
}

async fn a_name_is_taken_regardless_of_case_and_accents(node: Node) {
    for kind in KINDS {
        let (amelie, other) = (add_name(&node, kind, "Amélie").await, add_name(&node, kind, "Other").await);
        let mut unit = node.unit().await;
        for (id, name, is_taken) in
            [(other, "AMELIE", true), (amelie, "AMELIE", false), (other, "Amelia", false)]
        {
            assert_eq!(unit.is_name_taken(kind, id, name).await.unwrap(), is_taken, "{kind:?} {name}");
        }
    }
}

async fn a_changed_name_is_read_everywhere(node: Node) {
    for kind in KINDS {
        let id = add_name(&node, kind, "Ann").await;
        node.all_names(kind).await.unwrap();
        let mut unit = node.unit().await;
        unit.find_name_for_update(kind, id).await.unwrap();
        unit.update_name(kind, id, "Bob").await.unwrap();
        unit.commit().await.unwrap();
        let found = node.find_name(kind, id).await.unwrap().unwrap();
        assert_eq!(found.name, "Bob");
        let mut unit = node.unit().await;
        assert_eq!(unit.names_of(kind, &[id]).await.unwrap(), ["Bob"]);
        let proposed = ProposedName { id: Uuid::from_u128(7), name: "BOB".to_owned() };
        assert_eq!(unit.resolve_names(kind, &[proposed]).await.unwrap(), [id]);
    }
}

/// The names of the movies that a search finds.
async fn found(node: &Node, search: &str) -> Vec<String> {
    let filter = MovieFilter { search: Some(Search::parse(search)), ..MovieFilter::default() };
    let page = page(node, &filter, &[MovieSort::RELEVANT], 1, 10).await;
    page.items.into_iter().map(|movie| movie.name).collect()
}

async fn movies_are_searched_by_the_changed_name(node: Node) {
    let with_people = |name: &str| Facts {
        stars: texts(&["Ann Berg", "Cem Dag"]),
        directors: texts(&["Eva Falk"]),
        ..facts(name)
    };
    let movie = add_movie(&node, 1, with_people("Up")).await;
    add_movie(&node, 2, facts("Coco")).await;
    for (kind, name, old, new) in [
        (NameKind::Star, movie.star_ids[0].as_uuid(), "berg", "Gil"),
        (NameKind::Director, movie.director_ids[0].as_uuid(), "falk", "Hedda"),
    ] {
        assert_eq!(found(&node, old).await, ["Up"]);
        let mut unit = node.unit().await;
        unit.find_name_for_update(kind, name).await.unwrap();
        unit.update_name(kind, name, new).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(found(&node, new).await, ["Up"]);
        assert!(found(&node, old).await.is_empty(), "{old}");
    }
    assert_eq!(found(&node, "dag gil hedda").await, ["Up"]);
}

async fn a_name_has_movies_whether_they_are_on_sale_or_not(node: Node) {
    let movie = add_movie(&node, 1, facts("Up")).await;
    let names = [
        (NameKind::Genre, movie.genre_ids[0].as_uuid()),
        (NameKind::Star, movie.star_ids[0].as_uuid()),
        (NameKind::Director, movie.director_ids[0].as_uuid()),
        (NameKind::Certification, movie.certification_id.as_uuid()),
    ];
    set_available(&node, &movie, false).await;
    for (kind, name) in names {
        let mut unit = node.unit().await;
        assert!(unit.has_movies(kind, name).await.unwrap(), "{kind:?}");
        let unused = Uuid::from_u128(9);
        assert!(!unit.has_movies(kind, unused).await.unwrap(), "{kind:?}");
    }
    let mut unit = node.unit().await;
    unit.delete_movie(id(1)).await.unwrap();
    for (kind, name) in names {
        assert!(!unit.has_movies(kind, name).await.unwrap(), "{kind:?}");
    }
}

async fn a_deleted_name_is_not_found(node: Node) {
    for kind in KINDS {
        let (name, kept) = (add_name(&node, kind, "Ann").await, add_name(&node, kind, "Bob").await);
        node.all_names(kind).await.unwrap();
        let mut unit = node.unit().await;
        unit.find_name_for_update(kind, name).await.unwrap();
        unit.delete_name(kind, name).await.unwrap();
        unit.commit().await.unwrap();
        assert!(node.find_name(kind, name).await.unwrap().is_none());
        assert!(node.find_name(kind, kept).await.unwrap().is_some());
        assert_ne!(add_name(&node, kind, "ANN").await, name, "{kind:?}");
    }
}
