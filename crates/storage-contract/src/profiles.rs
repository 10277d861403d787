//! The profiles of users.

use chrono::NaiveDate;
use domain::{
    accounts::{Gender, Profile},
    id::UserId,
    media::MediaKey,
};

use crate::{
    fixtures::{add_user, id},
    node::Node,
};

crate::cases! { "profiles":
    a_profile_that_was_never_written_is_none,
    a_profile_reads_back_as_written,
    a_written_profile_replaces_the_earlier_one_completely,
    a_profile_belongs_only_to_its_user,
}

async fn find(node: &Node, user_id: UserId) -> Option<Profile> {
    let mut unit = node.unit().await;
    unit.find_user_for_update(user_id).await.unwrap();
    unit.find_profile(user_id).await.unwrap()
}

async fn put(node: &Node, profile: &Profile) {
    let mut unit = node.unit().await;
    unit.find_user_for_update(profile.user_id).await.unwrap();
    unit.put_profile(profile).await.unwrap();
    unit.commit().await.unwrap();
}

fn full(number: u64, user: u64) -> Profile {
    Profile {
        first_name: Some("Zoë 🎬".to_owned()),
        last_name: Some("O'Hara".to_owned()),
        gender: Some(Gender::Other),
        date_of_birth: NaiveDate::from_ymd_opt(1896, 2, 29),
        info: Some("two\nlines".to_owned()),
        avatar: Some(MediaKey::avatar(uuid::Uuid::from_u128(number.into()))),
        ..Profile::empty(id(number), id(user))
    }
}

async fn a_profile_that_was_never_written_is_none(node: Node) {
    add_user(&node, 1).await;
    assert_eq!(find(&node, id(1)).await, None);
}

async fn a_profile_reads_back_as_written(node: Node) {
    add_user(&node, 1).await;
    for gender in [Gender::Man, Gender::Woman, Gender::Other] {
        let written = Profile { gender: Some(gender), ..full(1, 1) };
        put(&node, &written).await;
        assert_eq!(find(&node, id(1)).await, Some(written));
    }
}

async fn a_written_profile_replaces_the_earlier_one_completely(node: Node) {
    add_user(&node, 1).await;
    put(&node, &full(1, 1)).await;
    let empty = Profile::empty(id(1), id(1));
    put(&node, &empty).await;
    assert_eq!(find(&node, id(1)).await, Some(empty));
}

async fn a_profile_belongs_only_to_its_user(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    put(&node, &full(1, 1)).await;
    put(&node, &Profile::empty(id(2), id(2))).await;
    assert_eq!(find(&node, id(1)).await, Some(full(1, 1)));
    assert_eq!(find(&node, id(2)).await, Some(Profile::empty(id(2), id(2))));
}
