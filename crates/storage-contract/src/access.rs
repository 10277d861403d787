//! Units of work (transactions) for actors. An actor is a user with the session in which the user is signed in. No unit
//! begins for a user who is signed out or whose role is too low, even if the session or the role changes concurrently.

use std::time::Duration;

use domain::{
    accounts::{AccessError, Actor, Device, Role, Session, User, UserUnit},
    cart::{CartItem, CartStore, CartUnit},
    store::StoreError,
};
use tokio::time::timeout;

use crate::{
    fixtures::{add_movie, at, facts, fresh, id, stored_user, user},
    node::{Node, begin_unit},
    parallel::{AT_ONCE, at_once},
};

crate::cases! { "access":
    a_unit_begins_for_an_actor_who_is_signed_in,
    a_unit_for_an_actor_has_locked_the_user,
    no_unit_begins_for_a_missing_or_inactive_user,
    no_unit_begins_for_a_missing_ended_or_foreign_session,
    no_unit_for_administrators_begins_for_a_lower_role,
    a_unit_waits_for_changes_of_its_actor_and_sees_them,
    administrators_who_change_each_other_never_deadlock,
    a_demoted_administrator_cannot_undo_the_demotion_by_concurrent_calls,
    erasing_a_user_while_movies_are_added_leaves_no_cart,
}

/// Adds a session for the user without checking whether the user may sign in; returns the actor of the session.
async fn signed_in(node: &Node, number: u64) -> Actor {
    let session = Session::begin(id(1_000 + number), id(number), Device::default(), at(2));
    let mut unit = node.unit().await;
    unit.insert_session(&session).await.unwrap();
    unit.commit().await.unwrap();
    // The actor claims to be an administrator. The store must ignore this role, and read the stored role of the user.
    Actor { user_id: id(number), session_id: session.id, role: Role::Admin }
}

async fn add_with_role(node: &Node, number: u64, role: Role) -> Actor {
    let mut unit = node.unit().await;
    unit.insert_user(&User { role, ..user(number) }).await.unwrap();
    unit.commit().await.unwrap();
    signed_in(node, number).await
}

/// Begins a unit of work on the actor's own cart, and retries while the store is unavailable.
async fn own_cart(node: &Node, owner: &Actor) -> Result<Box<dyn CartUnit>, AccessError> {
    loop {
        match begin_unit(|attempt| CartStore::begin_own(&**node, attempt, owner)).await {
            Err(AccessError::Store(StoreError::Unavailable(_))) => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
}

/// Begins a unit of work in which an administrator changes the user `changed`.
async fn as_admin(node: &Node, admin: &Actor, changed: u64) -> Result<Box<dyn UserUnit>, AccessError> {
    begin_unit(|attempt| node.begin_as_admin(attempt, admin, id(changed))).await
}

async fn change(node: &Node, number: u64, change: impl FnOnce(&mut User)) {
    let mut unit = node.unit().await;
    let mut user = unit.find_user_for_update(id(number)).await.unwrap().unwrap();
    change(&mut user);
    unit.update_user(&user).await.unwrap();
    unit.commit().await.unwrap();
}

async fn deactivate(node: &Node, number: u64) {
    change(node, number, |user| user.deactivate(at(5)).unwrap()).await;
}

/// Ends the session of the actor.
async fn sign_out(node: &Node, actor: &Actor) {
    let mut unit = node.unit().await;
    unit.end_sessions(&[actor.session_id], at(5)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_unit_begins_for_an_actor_who_is_signed_in(node: Node) {
    let ann = add_with_role(&node, 1, Role::User).await;
    let root = add_with_role(&node, 2, Role::Admin).await;
    own_cart(&node, &ann).await.unwrap().commit().await.unwrap();
    own_cart(&node, &root).await.unwrap().commit().await.unwrap();
    for changed in [1, 2, 9] {
        as_admin(&node, &root, changed).await.unwrap().commit().await.unwrap();
    }
}

async fn a_unit_for_an_actor_has_locked_the_user(node: Node) {
    let ann = add_with_role(&node, 1, Role::User).await;
    let unit = own_cart(&node, &ann).await.unwrap();
    let other = node.another().await;
    let mut waiting = tokio::spawn(async move {
        other.unit().await.find_user_for_update(id(1)).await.unwrap();
    });
    assert!(timeout(Duration::from_millis(50), &mut waiting).await.is_err(), "two units hold the same lock");
    drop(unit);
    timeout(AT_ONCE, waiting).await.expect("the lock is free").unwrap();
}

async fn no_unit_begins_for_a_missing_or_inactive_user(node: Node) {
    let closed = add_with_role(&node, 1, Role::Admin).await;
    deactivate(&node, 1).await;
    let erased = add_with_role(&node, 2, Role::Admin).await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(2)).await.unwrap();
    unit.erase_user(id(2), at(5)).await.unwrap();
    unit.commit().await.unwrap();
    let never = Actor { user_id: id(3), ..closed };
    for actor in [closed, erased, never] {
        assert!(matches!(own_cart(&node, &actor).await.map(drop), Err(AccessError::SignedOut)));
        assert!(matches!(as_admin(&node, &actor, 1).await.map(drop), Err(AccessError::SignedOut)));
    }
}

async fn no_unit_begins_for_a_missing_ended_or_foreign_session(node: Node) {
    let ended = add_with_role(&node, 1, Role::Admin).await;
    sign_out(&node, &ended).await;
    let root = add_with_role(&node, 2, Role::Admin).await;
    let of_another = Actor { session_id: root.session_id, ..ended };
    let gone = Actor { session_id: fresh(), ..root };
    for actor in [ended, of_another, gone] {
        assert!(matches!(own_cart(&node, &actor).await.map(drop), Err(AccessError::SignedOut)));
        assert!(matches!(as_admin(&node, &actor, 2).await.map(drop), Err(AccessError::SignedOut)));
    }
}

async fn no_unit_for_administrators_begins_for_a_lower_role(node: Node) {
    for (number, role) in [(1, Role::User), (2, Role::Moderator)] {
        let actor = add_with_role(&node, number, role).await;
        assert!(matches!(as_admin(&node, &actor, number).await.map(drop), Err(AccessError::RoleTooLow)));
    }
}

async fn a_unit_waits_for_changes_of_its_actor_and_sees_them(node: Node) {
    let ann = add_with_role(&node, 1, Role::User).await;
    let mut unit = node.unit().await;
    let mut user = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
    let other = node.another().await;
    let waiting = tokio::spawn(async move { own_cart(&other, &ann).await.map(drop) });
    user.deactivate(at(5)).unwrap();
    unit.update_user(&user).await.unwrap();
    unit.commit().await.unwrap();
    let answer = timeout(AT_ONCE, waiting).await.expect("the lock is free").unwrap();
    assert!(matches!(answer, Err(AccessError::SignedOut)));
}

async fn administrators_who_change_each_other_never_deadlock(node: Node) {
    let mut actors = Vec::new();
    for number in 1..=20 {
        actors.push(add_with_role(&node, number, Role::Admin).await);
    }
    let attempts = at_once(20, |number| {
        let (node, admin) = (node.clone(), actors[usize::try_from(number).unwrap()]);
        async move {
            let other = id(1 + (number + 1) % 20);
            let mut lost = 0;
            let mut unit = loop {
                let mut attempts = 0;
                let begin = begin_unit(|attempt| {
                    attempts += 1;
                    node.begin_as_admin(attempt, &admin, other)
                });
                let outcome = begin.await;
                lost += attempts - 1;
                match outcome {
                    Ok(unit) => break unit,
                    Err(AccessError::Store(StoreError::Unavailable(_))) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            };
            let mut user = unit.find_user_for_update(other).await.unwrap().unwrap();
            user.version += 1;
            unit.update_user(&user).await.unwrap();
            unit.commit().await.unwrap();
            lost
        }
    })
    .await;
    assert_eq!(attempts, [0; 20]);
}

async fn a_demoted_administrator_cannot_undo_the_demotion_by_concurrent_calls(node: Node) {
    let mallory = add_with_role(&node, 1, Role::Admin).await;
    let root = add_with_role(&node, 2, Role::Admin).await;
    at_once(25, |number| {
        let node = node.clone();
        let (admin, role) = if number == 12 { (root, Role::User) } else { (mallory, Role::Admin) };
        async move {
            loop {
                match as_admin(&node, &admin, 1).await {
                    Ok(mut unit) => {
                        let mut user = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
                        tokio::task::yield_now().await;
                        user.set_role(role, at(9));
                        unit.update_user(&user).await.unwrap();
                        unit.commit().await.unwrap();
                    }
                    Err(AccessError::RoleTooLow) => assert_ne!(number, 12),
                    Err(AccessError::Store(StoreError::Unavailable(_))) => {
                        tokio::task::yield_now().await;
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                }
                return;
            }
        }
    })
    .await;
    assert_eq!(stored_user(&node, id(1)).await.unwrap().role, Role::User);
}

async fn erasing_a_user_while_movies_are_added_leaves_no_cart(node: Node) {
    let ann = add_with_role(&node, 1, Role::User).await;
    for number in 1..=25 {
        add_movie(&node, number, facts(&format!("Movie {number}"))).await;
    }
    at_once(25, |number| {
        let node = node.clone();
        async move {
            if number == 12 {
                let mut unit = node.unit().await;
                unit.find_user_for_update(ann.user_id).await.unwrap();
                unit.erase_user(ann.user_id, at(9)).await.unwrap();
                return unit.commit().await.unwrap();
            }
            match own_cart(&node, &ann).await {
                Ok(mut unit) => {
                    let cart = unit.open_cart_for_update(ann.user_id, fresh()).await.unwrap();
                    let item = CartItem { id: fresh(), movie_id: id(1 + number), added_at: at(8) };
                    unit.add_cart_item(cart, &item).await.unwrap();
                    unit.commit().await.unwrap();
                }
                Err(AccessError::SignedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    let proposed = fresh();
    let opened = node.unit().await.open_cart_for_update(ann.user_id, proposed).await.unwrap();
    assert_eq!(opened, proposed, "the erased user still had a cart");
}
