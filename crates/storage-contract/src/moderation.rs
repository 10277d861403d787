//! What moderators do with movies: change them, delete them and withdraw them from sale.
//!
//! A unit (of work) is one transaction.

use domain::{
    catalog::{
        ExternalIds, Facts, Movie, MovieConflicts, MovieFilter, MovieSort, MovieUses, NameKind, Poster,
        UploadedPoster,
    },
    id::MovieId,
    page::PageRequest,
    store::StoreError,
};

use crate::{
    fixtures::{add_movie, add_movies, add_user, at, detail, facts, fresh, id, set_available, texts, update},
    node::Node,
    parallel::at_once,
    purchases::buy,
};

crate::cases! { "moderation":
    a_movie_is_found_by_its_identifier,
    a_unit_sees_the_changes_of_a_movie_by_earlier_units,
    a_movie_conflicts_with_others_and_not_with_itself,
    movies_are_found_by_their_external_identifiers,
    the_references_to_a_movie_are_purchases_and_carts,
    a_movie_is_deleted_with_the_rows_that_belong_only_to_it,
    a_movie_that_a_user_bought_is_not_deleted,
    a_movie_is_removed_from_every_cart_and_other_movies_stay,
    names_are_read_in_the_order_of_their_identifiers,
    withdrawn_movies_are_listed_on_request,
    a_movie_is_sorted_by_the_name_that_a_moderator_set,
    an_uploaded_poster_is_stored_and_shown,
}

fn with_ids(name: &str, imdb_id: &str, tmdb_id: i64) -> Facts {
    Facts { imdb_id: Some(imdb_id.to_owned()), tmdb_id: Some(tmdb_id), ..facts(name) }
}

async fn a_movie_is_found_by_its_identifier(node: Node) {
    let movies = add_movies(&node, vec![facts("Up"), with_ids("Coco", "tt0000001", 1)]).await;
    let mut unit = node.unit().await;
    assert_eq!(unit.find_movie_for_update(id(2)).await.unwrap().as_ref(), Some(&movies[1]));
    assert_eq!(unit.find_movie_for_update(id(3)).await.unwrap(), None);
}

async fn a_unit_sees_the_changes_of_a_movie_by_earlier_units(node: Node) {
    add_movie(&node, 1, facts("Up")).await;
    let mut seen = at_once(8, |_| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let movie = unit.find_movie_for_update(id(1)).await.unwrap().unwrap();
            let changed = Movie { version: movie.version + 1, genre_ids: Vec::new(), ..movie.clone() };
            unit.update_movie(&changed).await.unwrap();
            unit.commit().await.unwrap();
            (movie.version, movie.genre_ids.len())
        }
    })
    .await;
    seen.sort_unstable();
    let expected: Vec<_> = (1..=8).map(|version| (version, usize::from(version == 1))).collect();
    assert_eq!(seen, expected);
}

async fn a_movie_conflicts_with_others_and_not_with_itself(node: Node) {
    let movies =
        add_movies(&node, vec![with_ids("Up", "tt0000001", 1), with_ids("Coco", "tt0000002", 2)]).await;
    let mut unit = node.unit().await;
    let [up, coco] = &movies[..] else { panic!("two movies") };
    let no_conflicts = MovieConflicts::default();
    assert_eq!(unit.find_movie_conflicts(up).await.unwrap(), no_conflicts);
    let new = Movie { id: fresh(), imdb_id: None, tmdb_id: None, ..up.clone() };
    let same = MovieConflicts { identity: true, external_id: false };
    assert_eq!(unit.find_movie_conflicts(&new).await.unwrap(), same);
    let by_external_id = MovieConflicts { identity: false, external_id: true };
    for changed in
        [Movie { imdb_id: coco.imdb_id.clone(), ..up.clone() }, Movie { tmdb_id: coco.tmdb_id, ..up.clone() }]
    {
        assert_eq!(unit.find_movie_conflicts(&changed).await.unwrap(), by_external_id);
    }
    let renamed = Movie { identity: coco.identity.clone(), ..up.clone() };
    assert_eq!(unit.find_movie_conflicts(&renamed).await.unwrap(), same);
}

async fn movies_are_found_by_their_external_identifiers(node: Node) {
    let all = vec![with_ids("Up", "tt0000001", 1), with_ids("Coco", "tt0000002", 2), facts("Heat")];
    let movies = add_movies(&node, all).await;
    let mut unit = node.unit().await;
    let imdb_ids = texts(&["tt0000001", "tt0000009"]);
    let mut found = unit.find_external_ids(&imdb_ids, &[2, 9]).await.unwrap();
    found.sort_by_key(|one| one.tmdb_id);
    let expected: Vec<_> = movies[..2]
        .iter()
        .map(|movie| ExternalIds {
            movie: movie.identity.clone(),
            imdb_id: movie.imdb_id.clone(),
            tmdb_id: movie.tmdb_id,
        })
        .collect();
    assert_eq!(found, expected);
    assert!(unit.find_external_ids(&[], &[]).await.unwrap().is_empty());
}

async fn an_uploaded_poster_is_stored_and_shown(node: Node) {
    let movie = add_movie(&node, 1, facts("Up")).await;
    for width in [185, 780] {
        let poster = Some(Poster::Uploaded(UploadedPoster { id: fresh(), width }));
        let shown = Movie { poster: poster.clone(), ..movie.clone() };
        update(&node, &shown).await;
        let stored = node.unit().await.find_movie_for_update(id(1)).await.unwrap();
        assert_eq!(stored, Some(shown));
        assert_eq!(node.movie_detail(id(1), None).await.unwrap().unwrap().summary.poster, poster);
    }
    update(&node, &movie).await;
    assert_eq!(node.movie_detail(id(1), None).await.unwrap().unwrap().summary.poster, None);
}

/// Puts the movies in the carts of these users.
async fn put_in_carts(node: &Node, users: &[u64], movies: &[u64]) {
    for user in users {
        let mut unit = node.unit().await;
        let cart = unit.open_cart_for_update(id(*user), fresh()).await.unwrap();
        for movie in movies {
            let item = domain::cart::CartItem { id: fresh(), movie_id: id(*movie), added_at: at(9) };
            assert!(unit.add_cart_item(cart, &item).await.unwrap());
        }
        unit.commit().await.unwrap();
    }
}

async fn uses(node: &Node, movie: u64) -> MovieUses {
    node.unit().await.find_movie_uses(id(movie)).await.unwrap()
}

async fn the_references_to_a_movie_are_purchases_and_carts(node: Node) {
    for user in [1, 2, 3] {
        add_user(&node, user).await;
    }
    add_movies(&node, ["a", "b", "c"].map(facts).into()).await;
    put_in_carts(&node, &[2, 1], &[1, 2]).await;
    buy(&node, 3, &[2]).await;
    let owners = vec![id(1), id(2)];
    let in_carts = MovieUses { cart_owners: owners.clone(), ..MovieUses::default() };
    assert_eq!(uses(&node, 1).await, in_carts);
    assert_eq!(uses(&node, 2).await, MovieUses { is_purchased: true, ..in_carts });
    assert_eq!(uses(&node, 3).await, MovieUses::default());
}

async fn a_movie_is_deleted_with_the_rows_that_belong_only_to_it(node: Node) {
    let kept = add_movies(&node, vec![facts("Up"), facts("Coco")]).await.remove(1);
    let mut unit = node.unit().await;
    unit.delete_movie(id(1)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(node.movie_detail(id(1), None).await.unwrap(), None);
    assert_eq!(node.movie_detail(id(2), None).await.unwrap(), Some(detail(&kept, &facts("Coco"))));
    let dramas = node.all_names(NameKind::Genre).await.unwrap();
    assert_eq!(dramas.iter().map(|genre| genre.movies_count).collect::<Vec<_>>(), [1]);
    assert!(matches!(node.unit().await.delete_movie(id(1)).await, Err(StoreError::Failed(_))));
}

async fn a_movie_that_a_user_bought_is_not_deleted(node: Node) {
    add_user(&node, 1).await;
    add_movie(&node, 1, facts("Up")).await;
    buy(&node, 1, &[1]).await;
    assert!(node.unit().await.delete_movie(id(1)).await.is_err());
    assert!(node.movie_detail(id(1), None).await.unwrap().is_some());
}

async fn a_movie_is_removed_from_every_cart_and_other_movies_stay(node: Node) {
    for user in [1, 2] {
        add_user(&node, user).await;
    }
    add_movies(&node, ["a", "b"].map(facts).into()).await;
    put_in_carts(&node, &[1, 2], &[1, 2]).await;
    let mut unit = node.unit().await;
    assert_eq!(unit.remove_movie_from_carts(id(1)).await.unwrap(), [id(1), id(2)]);
    unit.delete_movie(id(1)).await.unwrap();
    unit.commit().await.unwrap();
    for user in [1, 2] {
        let entries = node.cart_entries(id(user)).await.unwrap();
        let left: Vec<MovieId> = entries.iter().map(|entry| entry.movie.id).collect();
        assert_eq!(left, [id(2)]);
    }
}

async fn names_are_read_in_the_order_of_their_identifiers(node: Node) {
    let movie =
        add_movie(&node, 1, Facts { genres: texts(&["Noir", "Crime", "Heist"]), ..facts("Heat") }).await;
    let ids: Vec<_> = movie.genre_ids.iter().rev().map(domain::id::Id::as_uuid).collect();
    let mut unit = node.unit().await;
    assert_eq!(unit.names_of(NameKind::Genre, &ids).await.unwrap(), ["Heist", "Crime", "Noir"]);
    assert!(unit.names_of(NameKind::Star, &ids).await.unwrap().is_empty());
    assert!(unit.names_of(NameKind::Star, &[]).await.unwrap().is_empty());
}

async fn listed(node: &Node, filter: MovieFilter, sort: &str) -> Vec<String> {
    let request = PageRequest::numbered(1, 100).unwrap();
    let sorts: [MovieSort; 1] = [sort.parse().unwrap()];
    let page = node.movie_page(&filter, &sorts, &request, None).await.unwrap();
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    page.items.into_iter().map(|movie| movie.name).collect()
}

async fn withdrawn_movies_are_listed_on_request(node: Node) {
    let movies = add_movies(&node, ["Up", "Coco", "Heat"].map(facts).into()).await;
    for movie in &movies[1..] {
        set_available(&node, movie, false).await;
    }
    let withdrawn = || MovieFilter { is_available: Some(false), ..MovieFilter::default() };
    assert_eq!(listed(&node, withdrawn(), "name").await, ["Coco", "Heat"]);
    let named = MovieFilter { title: Some("eat".to_owned()), ..withdrawn() };
    assert_eq!(listed(&node, named, "-popularity").await, ["Heat"]);
    let on_sale = MovieFilter { is_available: Some(true), ..MovieFilter::default() };
    assert_eq!(listed(&node, on_sale, "name").await, ["Up"]);
}

async fn a_movie_is_sorted_by_the_name_that_a_moderator_set(node: Node) {
    let all = ["The 'Burbs", "A to Z", "An Education", "Élite Squad", "Heat", "…And Justice for All"];
    let movies = add_movies(&node, all.map(facts).into()).await;
    let by_name = async || listed(&node, MovieFilter::default(), "name").await;
    let order = ["A to Z", "…And Justice for All", "The 'Burbs", "An Education", "Élite Squad", "Heat"];
    assert_eq!(by_name().await, order);
    update(&node, &Movie { sort_name: Some("Aa".to_owned()), ..movies[4].clone() }).await;
    let order = ["A to Z", "Heat", "…And Justice for All", "The 'Burbs", "An Education", "Élite Squad"];
    assert_eq!(by_name().await, order);
}
