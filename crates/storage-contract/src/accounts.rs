//! Accounts: each email address has at most one account, and concurrent changes of an account are serialized.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use domain::accounts::{AccountState, Credentials, InsertUserError, PasswordHash, Role, User, UserLocks};

use crate::{
    fixtures::{add_user, at, id, shifted, stored_user, user},
    node::Node,
    parallel::at_once,
};

crate::cases! { "accounts":
    a_user_reads_back_as_written,
    an_unknown_user_is_none,
    an_address_is_found_in_any_spelling,
    an_address_is_taken_in_any_spelling,
    a_refused_insert_leaves_the_unit_usable,
    one_of_twenty_concurrent_units_that_insert_an_address_succeeds,
    an_address_that_a_dropped_unit_inserted_is_free,
    an_update_writes_all_fields_except_the_identifier_and_the_creation_time,
    a_changed_spelling_of_an_address_is_found_and_taken_like_the_first_one,
    changes_of_a_user_locked_by_identifier_are_serialized,
    changes_of_a_user_locked_by_address_are_serialized,
    a_user_and_every_administrator_are_found_sorted_by_identifier,
    concurrent_demotions_always_leave_one_administrator,
    credentials_are_those_of_the_address,
    credentials_are_those_of_the_user,
    short_and_long_addresses_are_stored_completely,
}

fn spelled(text: &str) -> User {
    User { email: text.parse().unwrap(), ..user(7) }
}

async fn a_user_reads_back_as_written(node: Node) {
    let since = shifted(at(3), 7);
    for (number, role, state) in [
        (1, Role::User, AccountState::AwaitingActivation { is_password_contested: true }),
        (2, Role::Moderator, AccountState::Deactivated { since }),
        (3, Role::Admin, AccountState::Active { since }),
        (4, Role::User, AccountState::AwaitingActivation { is_password_contested: false }),
    ] {
        let written = User {
            role,
            state,
            password: if number == 3 { PasswordHash::unusable() } else { user(number).password },
            version: i64::MAX - 1,
            created_at: shifted(at(5), 1),
            updated_at: shifted(at(5), 999_999),
            ..user(number)
        };
        let mut unit = node.unit().await;
        unit.insert_user(&written).await.unwrap();
        unit.commit().await.unwrap();
        let mut unit = node.unit().await;
        let read = [
            unit.find_user(written.id).await.unwrap().unwrap(),
            unit.find_user_for_update(written.id).await.unwrap().unwrap(),
            unit.find_user_by_email_for_update(&written.email).await.unwrap().unwrap(),
        ];
        for read in read {
            assert_eq!(read, written);
            assert_eq!(
                read.email.as_str(),
                written.email.as_str(),
                "the spelling of the address must be kept"
            );
        }
    }
}

async fn an_unknown_user_is_none(node: Node) {
    let mut unit = node.unit().await;
    assert_eq!(unit.find_user(id(1)).await.unwrap(), None);
    assert_eq!(unit.find_user_for_update(id(1)).await.unwrap(), None);
    assert_eq!(unit.find_user_by_email_for_update(&user(1).email).await.unwrap(), None);
    assert_eq!(node.credentials(&user(1).email).await.unwrap(), None);
}

async fn an_address_is_found_in_any_spelling(node: Node) {
    let written = spelled("Andr\u{e9}@Example.com");
    let mut unit = node.unit().await;
    unit.insert_user(&written).await.unwrap();
    for other in ["ANDR\u{c9}@example.COM", "andre\u{301}@example.com"] {
        let found = unit.find_user_by_email_for_update(&other.parse().unwrap()).await.unwrap();
        assert_eq!(found.unwrap().email.as_str(), "Andr\u{e9}@Example.com");
    }
    let without_accent = unit.find_user_by_email_for_update(&"andre@example.com".parse().unwrap()).await;
    assert_eq!(without_accent.unwrap(), None, "another letter is another address");
}

async fn an_address_is_taken_in_any_spelling(node: Node) {
    let mut unit = node.unit().await;
    unit.insert_user(&spelled("Andr\u{e9}@Example.com")).await.unwrap();
    unit.commit().await.unwrap();
    let other = User { id: id(8), ..spelled("ANDRE\u{301}@example.com") };
    let refused = node.unit().await.insert_user(&other).await;
    assert!(matches!(refused, Err(InsertUserError::EmailTaken)));
}

async fn a_refused_insert_leaves_the_unit_usable(node: Node) {
    let ann = add_user(&node, 1).await;
    let mut unit = node.unit().await;
    for number in 2..5 {
        let refused = unit.insert_user(&User { email: ann.email.clone(), ..user(number) }).await;
        assert!(matches!(refused, Err(InsertUserError::EmailTaken)));
    }
    unit.insert_user(&user(5)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored_user(&node, id(1)).await, Some(ann));
    assert_eq!(stored_user(&node, id(2)).await, None);
    assert_eq!(stored_user(&node, id(5)).await, Some(user(5)));
}

async fn one_of_twenty_concurrent_units_that_insert_an_address_succeeds(node: Node) {
    let answers = at_once(20, |number| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let written = User { id: id(number), ..spelled("ann@example.com") };
            let answer = unit.insert_user(&written).await;
            unit.commit().await.unwrap();
            answer
        }
    })
    .await;
    let taken = answers.iter().filter(|answer| matches!(answer, Err(InsertUserError::EmailTaken))).count();
    assert_eq!((answers.iter().filter(|answer| answer.is_ok()).count(), taken), (1, 19), "{answers:?}");
}

async fn an_address_that_a_dropped_unit_inserted_is_free(node: Node) {
    let mut first = node.unit().await;
    first.insert_user(&spelled("ann@example.com")).await.unwrap();
    let second = tokio::spawn({
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let answer = unit.insert_user(&User { id: id(8), ..spelled("ann@example.com") }).await;
            unit.commit().await.unwrap();
            answer
        }
    });
    tokio::task::yield_now().await;
    drop(first);
    second.await.unwrap().unwrap();
    assert_eq!(stored_user(&node, id(7)).await, None);
}

async fn an_update_writes_all_fields_except_the_identifier_and_the_creation_time(node: Node) {
    let before = add_user(&node, 1).await;
    let bystander = add_user(&node, 2).await;
    let changed = User {
        password: PasswordHash::from_phc("$argon2id$other".to_owned()),
        role: Role::Admin,
        state: AccountState::Deactivated { since: at(55) },
        version: 9,
        updated_at: at(99),
        ..before.clone()
    };
    let ignored = User { created_at: at(77), ..changed.clone() };
    let mut unit = node.unit().await;
    unit.update_user(&ignored).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored_user(&node, before.id).await, Some(changed));
    assert_eq!(stored_user(&node, bystander.id).await, Some(bystander));
}

async fn a_changed_spelling_of_an_address_is_found_and_taken_like_the_first_one(node: Node) {
    let mut unit = node.unit().await;
    let first = spelled("VIC@example.com");
    unit.insert_user(&first).await.unwrap();
    unit.commit().await.unwrap();
    let respelled = User { email: "Vic@example.com".parse().unwrap(), ..first.clone() };
    let mut unit = node.unit().await;
    unit.update_user(&respelled).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = node.unit().await;
    for spelling in [&first.email, &respelled.email] {
        let found = unit.find_user_by_email_for_update(spelling).await.unwrap().unwrap();
        assert_eq!((found.id, found.email.as_str()), (first.id, "Vic@example.com"));
        let (told, _) = node.credentials_of(first.id).await.unwrap().unwrap();
        assert_eq!(told.as_str(), "Vic@example.com");
        let other = User { email: spelling.clone(), ..user(8) };
        assert!(matches!(unit.insert_user(&other).await, Err(InsertUserError::EmailTaken)));
    }
}

async fn changes_of_a_user_locked_by_identifier_are_serialized(node: Node) {
    let before = add_user(&node, 1).await;
    at_once(20, |_| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let mut user = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
            tokio::task::yield_now().await;
            user.version += 1;
            unit.update_user(&user).await.unwrap();
            unit.commit().await.unwrap();
        }
    })
    .await;
    assert_eq!(stored_user(&node, id(1)).await.unwrap().version, before.version + 20);
}

async fn changes_of_a_user_locked_by_address_are_serialized(node: Node) {
    let before = add_user(&node, 1).await;
    at_once(20, |_| {
        let (node, email) = (node.clone(), before.email.clone());
        async move {
            let mut unit = node.unit().await;
            let mut user = unit.find_user_by_email_for_update(&email).await.unwrap().unwrap();
            tokio::task::yield_now().await;
            user.version += 1;
            unit.update_user(&user).await.unwrap();
            unit.commit().await.unwrap();
        }
    })
    .await;
    assert_eq!(stored_user(&node, id(1)).await.unwrap().version, before.version + 20);
}

async fn a_user_and_every_administrator_are_found_sorted_by_identifier(node: Node) {
    let users = [
        user(5),
        User { role: Role::Admin, ..user(4) },
        User { role: Role::Moderator, ..user(3) },
        User { role: Role::Admin, state: AccountState::Deactivated { since: at(5) }, ..user(2) },
        user(1),
    ];
    let mut unit = node.unit().await;
    for user in &users {
        unit.insert_user(user).await.unwrap();
    }
    unit.commit().await.unwrap();
    for (number, expected) in [(1, vec![1, 2, 4]), (4, vec![2, 4]), (5, vec![2, 4, 5]), (9, vec![2, 4])] {
        let mut unit = node.unit().await;
        let found = unit.find_users_for_update(&UserLocks::user_and_admins(id(number))).await.unwrap();
        let ids: Vec<_> = found.iter().map(|user| user.id).collect();
        assert_eq!(ids, expected.into_iter().map(id).collect::<Vec<_>>());
        assert!(found.iter().all(|user| users.contains(user)));
    }
}

async fn concurrent_demotions_always_leave_one_administrator(node: Node) {
    for number in 1..=20 {
        let mut unit = node.unit().await;
        unit.insert_user(&User { role: Role::Admin, ..user(number) }).await.unwrap();
        unit.commit().await.unwrap();
    }
    // Each unit demotes a different administrator, but only if at least one other administrator remains.
    let demoted = at_once(20, |number| {
        let node = node.clone();
        async move {
            let target = id(1 + (number + 7) % 20);
            let mut unit = node.unit().await;
            let mut found = unit.find_users_for_update(&UserLocks::user_and_admins(target)).await.unwrap();
            tokio::task::yield_now().await;
            let leaders = found.iter().filter(|user| user.role == Role::Admin).count();
            let target = found.iter_mut().find(|user| user.id == target).unwrap();
            if target.role != Role::Admin || leaders < 2 {
                return false;
            }
            target.set_role(Role::User, at(9));
            unit.update_user(target).await.unwrap();
            unit.commit().await.unwrap();
            true
        }
    })
    .await;
    assert_eq!(demoted.iter().filter(|done| **done).count(), 19);
}

async fn credentials_are_those_of_the_address(node: Node) {
    let ann = add_user(&node, 1).await;
    add_user(&node, 2).await;
    let credentials = node.credentials(&"USER1@EXAMPLE.COM".parse().unwrap()).await.unwrap();
    let expected = Credentials {
        user_id: ann.id,
        is_awaiting_activation: false,
        password: ann.password,
        version: ann.version,
    };
    assert_eq!(credentials, Some(expected));
}

async fn credentials_are_those_of_the_user(node: Node) {
    let ann = add_user(&node, 1).await;
    add_user(&node, 2).await;
    let found = node.credentials_of(id(1)).await.unwrap();
    let credentials = Credentials {
        user_id: ann.id,
        is_awaiting_activation: false,
        password: ann.password,
        version: ann.version,
    };
    assert_eq!(found, Some((ann.email, credentials)));
    assert_eq!(node.credentials_of(id(3)).await.unwrap(), None);
}

async fn short_and_long_addresses_are_stored_completely(node: Node) {
    let domain = ["d".repeat(60), "e".repeat(60), "f".repeat(60), "com".to_owned()].join(".");
    let mut unit = node.unit().await;
    for (number, text) in [(1, "a@b.co".to_owned()), (2, format!("{}@{domain}", "é".repeat(20)))] {
        let written = User { email: text.parse().unwrap(), ..user(number) };
        unit.insert_user(&written).await.unwrap();
        assert_eq!(unit.find_user(written.id).await.unwrap().unwrap().email.as_str(), text);
    }
}
