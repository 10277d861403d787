//! The names that movies share, such as genres: each name has one row for each kind of name. Names that differ only
//! in case, accents or surplus spaces are the same name.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use std::collections::HashSet;

use domain::catalog::{NameKind, ProposedName};
use uuid::Uuid;

use crate::{
    fixtures::{proposed, texts},
    node::Node,
    parallel::at_once,
};

crate::cases! { "names":
    new_names_get_the_proposed_identifiers_in_order,
    known_names_keep_their_identifiers_in_the_requested_order,
    names_that_differ_only_in_case_accents_or_spaces_share_a_row,
    a_repeated_name_in_a_call_is_one_row,
    kinds_of_names_are_separate,
    an_empty_list_of_names_is_resolved_to_an_empty_list,
    names_of_a_dropped_unit_do_not_exist,
    names_added_by_many_units_at_once_are_one_row_each,
    thousands_of_names_are_resolved_in_one_call,
}

const KINDS: [NameKind; 4] = [NameKind::Genre, NameKind::Star, NameKind::Director, NameKind::Certification];

async fn resolve(node: &Node, kind: NameKind, names: &[ProposedName]) -> Vec<Uuid> {
    let mut unit = node.unit().await;
    let ids = unit.resolve_names(kind, names).await.unwrap();
    unit.commit().await.unwrap();
    ids
}

fn ids(names: &[ProposedName]) -> Vec<Uuid> {
    names.iter().map(|name| name.id).collect()
}

async fn new_names_get_the_proposed_identifiers_in_order(node: Node) {
    for kind in KINDS {
        let names = proposed(&texts(&["Western", "Crime", "千と千尋", "🎬", "Drama"]));
        assert_eq!(resolve(&node, kind, &names).await, ids(&names));
    }
}

async fn known_names_keep_their_identifiers_in_the_requested_order(node: Node) {
    let first = proposed(&texts(&["Western", "Crime", "Drama"]));
    let known = resolve(&node, NameKind::Genre, &first).await;
    let second = proposed(&texts(&["Drama", "Horror", "Western"]));
    let resolved = resolve(&node, NameKind::Genre, &second).await;
    assert_eq!(resolved, [known[2], second[1].id, known[0]]);
}

async fn names_that_differ_only_in_case_accents_or_spaces_share_a_row(node: Node) {
    let first = proposed(&texts(&["Penélope Cruz", "Léa Seydoux"]));
    let known = resolve(&node, NameKind::Star, &first).await;
    for other in [["PENELOPE CRUZ", "lea seydoux"], ["Pene\u{301}lope  cruz", " Léa Seydoux "]] {
        assert_eq!(resolve(&node, NameKind::Star, &proposed(&texts(&other))).await, known);
    }
}

async fn a_repeated_name_in_a_call_is_one_row(node: Node) {
    let names = proposed(&texts(&["Drama", "Crime", "DRAMA", "Dráma"]));
    let resolved = resolve(&node, NameKind::Genre, &names).await;
    assert_eq!((resolved[0], resolved[0], resolved[1]), (resolved[2], resolved[3], names[1].id));
    assert!(ids(&names).contains(&resolved[0]));
}

async fn kinds_of_names_are_separate(node: Node) {
    let mut all = HashSet::new();
    for kind in KINDS {
        all.extend(resolve(&node, kind, &proposed(&texts(&["Charlie Kaufman"]))).await);
    }
    assert_eq!(all.len(), 4);
}

async fn an_empty_list_of_names_is_resolved_to_an_empty_list(node: Node) {
    assert!(resolve(&node, NameKind::Genre, &[]).await.is_empty());
}

async fn names_of_a_dropped_unit_do_not_exist(node: Node) {
    let mut unit = node.unit().await;
    unit.resolve_names(NameKind::Genre, &proposed(&texts(&["Drama"]))).await.unwrap();
    drop(unit);
    assert!(node.all_names(NameKind::Genre).await.unwrap().is_empty());
}

async fn names_added_by_many_units_at_once_are_one_row_each(node: Node) {
    let names: Vec<String> = (0..30).map(|number| format!("Name {number}")).collect();
    let mut resolved = at_once(20, |number| {
        let (node, mut names) = (node.clone(), names.clone());
        // Each unit has the names in another order. If it also locked the rows in that order, units could deadlock.
        names.rotate_left(usize::try_from(number).unwrap());
        if number % 2 == 1 {
            names.reverse();
        }
        async move {
            let ids = resolve(&node, NameKind::Star, &proposed(&names)).await;
            let mut rows: Vec<(String, Uuid)> = names.into_iter().zip(ids).collect();
            rows.sort();
            rows
        }
    })
    .await;
    resolved.dedup();
    assert_eq!(resolved.len(), 1, "all units got the same rows");
    assert_eq!(resolved[0].iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), 30);
}

async fn thousands_of_names_are_resolved_in_one_call(node: Node) {
    let names: Vec<String> = (0..7000).map(|number| format!("Name {}", number % 5000)).collect();
    let names = proposed(&names);
    let resolved = resolve(&node, NameKind::Star, &names).await;
    assert_eq!(resolved.len(), 7000);
    assert_eq!(resolved[..2000], resolved[5000..]);
    assert_eq!(resolved.iter().collect::<HashSet<_>>().len(), 5000);
}
