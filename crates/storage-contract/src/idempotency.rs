//! Idempotency keys: of several requests with the same key, one claims the key, and the response to it is stored.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use chrono::TimeDelta;
use domain::idempotency::{IdempotencyKey, KEPT_FOR, KeptAnswer, KeyedRequest, KnownRequest};

use crate::{
    fixtures::{add_user, at, fresh, id, uuid},
    node::{Node, patiently},
    parallel::{at_once, count},
};

crate::cases! { "idempotency":
    a_claimed_key_refers_to_the_created_object,
    one_of_twenty_concurrent_units_that_claim_a_key_gets_it,
    a_request_can_claim_its_key_again_for_another_object,
    a_claim_of_a_dropped_unit_has_no_effect,
    the_first_response_is_stored,
    an_error_response_is_stored_only_for_a_key_that_no_other_request_has_claimed,
    an_error_response_to_the_claiming_request_is_stored,
    only_a_key_without_a_stored_response_is_released,
    nothing_is_stored_for_an_erased_user,
    the_response_to_a_request_with_another_body_is_not_stored,
    the_same_key_of_another_user_method_or_path_is_another_key,
    a_key_is_forgotten_after_its_time,
}

fn request(key: &str) -> KeyedRequest {
    KeyedRequest {
        id: fresh(),
        key: IdempotencyKey {
            user_id: id(1),
            method: "POST".to_owned(),
            path: "/orders".to_owned(),
            key: key.to_owned(),
        },
        fingerprint: "body".to_owned(),
        at: at(0),
    }
}

fn answer(status: u16) -> KeptAnswer {
    KeptAnswer { status, body: format!("{{\"status\": {status}}}") }
}

async fn claim(node: &Node, request: &KeyedRequest, object: u64) -> bool {
    let mut unit = node.unit().await;
    let is_claimed = unit.claim_key(request, uuid(object)).await.unwrap();
    if is_claimed {
        unit.commit().await.unwrap();
    }
    is_claimed
}

async fn find(node: &Node, request: &KeyedRequest) -> Option<KnownRequest> {
    node.find_request(&request.key, request.at).await.unwrap()
}

async fn a_claimed_key_refers_to_the_created_object(node: Node) {
    add_user(&node, 1).await;
    let one = request("one");
    assert_eq!(find(&node, &one).await, None);
    assert!(claim(&node, &one, 5).await);
    assert!(!claim(&node, &KeyedRequest { id: fresh(), ..request("one") }, 6).await);
    let known = KnownRequest { fingerprint: "body".to_owned(), object_id: Some(uuid(5)), answer: None };
    assert_eq!(find(&node, &one).await, Some(known));
}

async fn one_of_twenty_concurrent_units_that_claim_a_key_gets_it(node: Node) {
    add_user(&node, 1).await;
    let claimed = at_once(20, |number| {
        let node = node.clone();
        async move { claim(&node, &request("one"), number).await }
    })
    .await;
    assert_eq!(count(&claimed), 1);
}

async fn a_request_can_claim_its_key_again_for_another_object(node: Node) {
    add_user(&node, 1).await;
    let one = request("one");
    assert!(claim(&node, &one, 5).await && claim(&node, &one, 6).await);
    assert_eq!(find(&node, &one).await.unwrap().object_id, Some(uuid(6)));
}

async fn a_claim_of_a_dropped_unit_has_no_effect(node: Node) {
    add_user(&node, 1).await;
    let mut unit = node.unit().await;
    assert!(unit.claim_key(&request("one"), uuid(5)).await.unwrap());
    drop(unit);
    assert_eq!(find(&node, &request("one")).await, None);
}

async fn the_first_response_is_stored(node: Node) {
    add_user(&node, 1).await;
    claim(&node, &request("one"), 5).await;
    for status in [201, 200] {
        for key in ["one", "two"] {
            let (request, answer) = (request(key), answer(status));
            patiently(|| node.keep_answer(&request, &answer)).await;
        }
    }
    let known = find(&node, &request("one")).await.unwrap();
    assert_eq!((known.object_id, known.answer), (Some(uuid(5)), Some(answer(201))));
    let known = find(&node, &request("two")).await.unwrap();
    assert_eq!((known.object_id, known.answer), (None, Some(answer(201))));
}

async fn an_error_response_is_stored_only_for_a_key_that_no_other_request_has_claimed(node: Node) {
    add_user(&node, 1).await;
    claim(&node, &request("one"), 5).await;
    for key in ["one", "two"] {
        node.keep_answer(&request(key), &answer(409)).await.unwrap();
    }
    assert_eq!(find(&node, &request("one")).await.unwrap().answer, None);
    assert_eq!(find(&node, &request("two")).await.unwrap().answer, Some(answer(409)));
    node.keep_answer(&request("one"), &answer(201)).await.unwrap();
    assert_eq!(find(&node, &request("one")).await.unwrap().answer, Some(answer(201)));
}

async fn an_error_response_to_the_claiming_request_is_stored(node: Node) {
    add_user(&node, 1).await;
    let own = request("one");
    claim(&node, &own, 5).await;
    node.keep_answer(&own, &answer(409)).await.unwrap();
    assert_eq!(find(&node, &own).await.unwrap().answer, Some(answer(409)));
}

async fn only_a_key_without_a_stored_response_is_released(node: Node) {
    add_user(&node, 1).await;
    for (key, object) in [("one", 5), ("two", 6), ("three", 7)] {
        claim(&node, &request(key), object).await;
    }
    node.keep_answer(&request("two"), &answer(201)).await.unwrap();
    let mut unit = node.unit().await;
    for object in [5, 6] {
        unit.release_keys(uuid(object)).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert_eq!(find(&node, &request("one")).await, None);
    assert_eq!(find(&node, &request("two")).await.unwrap().answer, Some(answer(201)));
    assert_eq!(find(&node, &request("three")).await.unwrap().object_id, Some(uuid(7)));
}

async fn nothing_is_stored_for_an_erased_user(node: Node) {
    add_user(&node, 1).await;
    let mut unit = node.unit().await;
    unit.erase_user(id(1), at(1)).await.unwrap();
    unit.commit().await.unwrap();
    node.keep_answer(&request("one"), &answer(409)).await.unwrap();
    assert_eq!(find(&node, &request("one")).await, None);
}

async fn the_response_to_a_request_with_another_body_is_not_stored(node: Node) {
    add_user(&node, 1).await;
    claim(&node, &request("one"), 5).await;
    let other = KeyedRequest { fingerprint: "other".to_owned(), ..request("one") };
    node.keep_answer(&other, &answer(201)).await.unwrap();
    let known = find(&node, &request("one")).await.unwrap();
    assert_eq!((known.fingerprint.as_str(), known.answer), ("body", None));
}

async fn the_same_key_of_another_user_method_or_path_is_another_key(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    let one = request("one");
    let with = |change: &dyn Fn(&mut IdempotencyKey)| {
        let mut other = request("one");
        change(&mut other.key);
        other
    };
    let others = [
        with(&|key| key.user_id = id(2)),
        with(&|key| "PUT".clone_into(&mut key.method)),
        with(&|key| "/orders/1".clone_into(&mut key.path)),
        with(&|key| "ONE".clone_into(&mut key.key)),
    ];
    assert!(claim(&node, &one, 5).await);
    for (number, other) in (6..).zip(others) {
        assert!(claim(&node, &other, number).await, "{other:?}");
        assert_eq!(find(&node, &other).await.unwrap().object_id, Some(uuid(number)));
    }
}

async fn a_key_is_forgotten_after_its_time(node: Node) {
    add_user(&node, 1).await;
    let old = request("one");
    claim(&node, &old, 5).await;
    let before = KeyedRequest { at: at(0) + KEPT_FOR - TimeDelta::seconds(1), ..request("one") };
    assert!(find(&node, &before).await.is_some() && !claim(&node, &before, 6).await);
    let after = KeyedRequest { at: at(0) + KEPT_FOR, ..request("one") };
    assert_eq!(find(&node, &after).await, None);
    assert!(claim(&node, &after, 6).await);
    assert_eq!(find(&node, &after).await.unwrap().object_id, Some(uuid(6)));
    claim(&node, &request("two"), 7).await;
    assert_eq!(node.purge_requests(at(1), 10).await.unwrap(), 1);
    assert_eq!(find(&node, &request("two")).await, None);
    assert!(find(&node, &after).await.is_some());
}
