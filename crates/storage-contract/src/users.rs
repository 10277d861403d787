//! The list of users: filters match literally, every sort works, and no user is lost or repeated between two pages. A
//! position is a pagination cursor: the next page begins after it.

use domain::{
    accounts::{AccountState, Gender, Profile, Role, User, UserDetails, UserFilter, UserSort, UserSortKey},
    id::UserId,
    media::MediaKey,
    page::{Page, PageRequest, Position, Total},
    time::Instant,
};

use crate::{
    fixtures::{add_user, at, fresh, id, user, uuid},
    node::Node,
};

crate::cases! { "users":
    a_user_is_shown_with_the_profile,
    a_user_without_a_profile_is_shown_and_an_unknown_user_is_none,
    each_filter_narrows_the_list,
    a_part_of_an_address_is_matched_literally,
    every_sort_orders_and_breaks_ties_by_the_identifier,
    numbered_pages_and_positions_return_the_same_list,
    a_position_stays_valid_when_its_user_changes,
    a_page_past_the_end_has_the_total_and_no_items,
}

const DEACTIVATED: AccountState = AccountState::Deactivated { since: Instant::UNIX_EPOCH };

const NEWEST: [UserSort; 1] = [UserSort::NEWEST];

const fn by(key: UserSortKey, descending: bool) -> UserSort {
    UserSort { key, descending }
}

async fn add(node: &Node, users: &[User]) {
    let mut unit = node.unit().await;
    for user in users {
        unit.insert_user(user).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn numbered(
    node: &Node,
    filter: &UserFilter,
    sorts: &[UserSort],
    number: u32,
    size: u32,
) -> Page<UserDetails> {
    let request = PageRequest::numbered(number, size).unwrap();
    node.user_page(filter, sorts, &request).await.unwrap()
}

async fn behind(node: &Node, sorts: &[UserSort], position: Position, size: u32) -> Page<UserDetails> {
    let request = PageRequest::after(position, size).unwrap();
    let page = node.user_page(&UserFilter::default(), sorts, &request).await.unwrap();
    assert_eq!(page.total, None, "a page after a position has no total");
    page
}

fn ids(page: &Page<UserDetails>) -> Vec<UserId> {
    page.items.iter().map(|user| user.id).collect()
}

/// The identifiers of the users that match the filter, sorted by the time of creation. Also checks the total.
async fn meeting(node: &Node, filter: UserFilter) -> Vec<UserId> {
    let page = numbered(node, &filter, &[by(UserSortKey::CreatedAt, false)], 1, 100).await;
    assert_eq!(page.total.unwrap().items, u64::try_from(page.items.len()).unwrap());
    ids(&page)
}

fn numbers(numbers: &[u64]) -> Vec<UserId> {
    numbers.iter().copied().map(id).collect()
}

async fn a_user_is_shown_with_the_profile(node: Node) {
    let ann = add_user(&node, 1).await;
    add_user(&node, 2).await;
    let profile = Profile {
        first_name: Some("Ann".to_owned()),
        gender: Some(Gender::Woman),
        date_of_birth: chrono::NaiveDate::from_ymd_opt(1984, 2, 29),
        avatar: Some(MediaKey::avatar(uuid(7))),
        ..Profile::empty(fresh(), ann.id)
    };
    let mut unit = node.unit().await;
    unit.find_user_for_update(ann.id).await.unwrap();
    unit.put_profile(&profile).await.unwrap();
    unit.commit().await.unwrap();
    let shown = node.user_details(ann.id).await.unwrap().unwrap();
    let expected = UserDetails {
        id: ann.id,
        email: ann.email,
        role: ann.role,
        is_active: true,
        created_at: ann.created_at,
        profile: Some(profile),
    };
    assert_eq!(shown, expected);
    let page = numbered(&node, &UserFilter::default(), &NEWEST, 1, 10).await;
    assert_eq!(page.items.into_iter().find(|user| user.id == expected.id), Some(expected));
}

async fn a_user_without_a_profile_is_shown_and_an_unknown_user_is_none(node: Node) {
    add(&node, &[User { role: Role::Moderator, state: DEACTIVATED, ..user(1) }]).await;
    let shown = node.user_details(id(1)).await.unwrap().unwrap();
    assert_eq!((shown.role, shown.is_active, shown.profile), (Role::Moderator, false, None));
    assert_eq!(shown.email.as_str(), "User1@example.com", "the spelling of the address must be kept");
    assert_eq!(node.user_details(id(2)).await.unwrap(), None);
}

async fn each_filter_narrows_the_list(node: Node) {
    let users = [
        user(1),
        User { role: Role::Moderator, ..user(2) },
        User { role: Role::Admin, state: DEACTIVATED, ..user(3) },
        User { state: DEACTIVATED, ..user(4) },
        User { email: "Andr\u{e9}@Other.example".parse().unwrap(), ..user(5) },
        User { email: "stra\u{df}e@xn--mnchen-3ya.example".parse().unwrap(), ..user(6) },
        User { email: "anton@stra\u{df}e.example".parse().unwrap(), ..user(7) },
    ];
    add(&node, &users).await;
    let all = UserFilter::default;
    let role = |role| UserFilter { role: Some(role), ..all() };
    let active = |is_active| UserFilter { is_active: Some(is_active), ..all() };
    let email = |part: &str| UserFilter { email: Some(part.to_owned()), ..all() };
    assert_eq!(meeting(&node, all()).await, numbers(&[1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(meeting(&node, role(Role::User)).await, numbers(&[1, 4, 5, 6, 7]));
    assert_eq!(meeting(&node, role(Role::Moderator)).await, numbers(&[2]));
    assert_eq!(meeting(&node, active(true)).await, numbers(&[1, 2, 5, 6, 7]));
    assert_eq!(meeting(&node, active(false)).await, numbers(&[3, 4]));
    assert_eq!(meeting(&node, email("USER")).await, numbers(&[1, 2, 3, 4]));
    assert_eq!(meeting(&node, email(" andre\u{301}@oth ")).await, numbers(&[5]));
    assert_eq!(meeting(&node, email("M\u{dc}NCHEN")).await, numbers(&[6]));
    assert_eq!(meeting(&node, email("stra\u{df}e")).await, numbers(&[6, 7]));
    assert_eq!(meeting(&node, email("STRAẞE@")).await, numbers(&[6]));
    assert_eq!(meeting(&node, email("strasse")).await, []);
    assert_eq!(meeting(&node, email("")).await, numbers(&[1, 2, 3, 4, 5, 6, 7]));
    let both = UserFilter { role: Some(Role::User), is_active: Some(false), ..email("4@") };
    assert_eq!(meeting(&node, both).await, numbers(&[4]));
}

async fn a_part_of_an_address_is_matched_literally(node: Node) {
    let addresses = ["100%ann@example.com", "100xann@example.com", "a_b@example.com", "a.b@example.com"];
    let users: Vec<User> =
        (1..).zip(addresses).map(|(n, text)| User { email: text.parse().unwrap(), ..user(n) }).collect();
    add(&node, &users).await;
    let cases: [(&str, &[u64]); 9] = [
        ("%", &[1]),
        ("100%a", &[1]),
        ("_", &[3]),
        ("a_b", &[3]),
        ("a.b", &[4]),
        ("\\", &[]),
        ("\\%", &[]),
        ("'; DROP TABLE users; --", &[]),
        ("%%", &[]),
    ];
    for (part, expected) in cases {
        let filter = UserFilter { email: Some(part.to_owned()), ..UserFilter::default() };
        assert_eq!(meeting(&node, filter).await, numbers(expected), "{part}");
    }
}

/// Twelve users. Several of them were created at the same time.
fn crowd() -> Vec<User> {
    (1..=12)
        .map(|number| {
            let name = ["zoe", "Ann", "b-ann", "ANDRE"][usize::try_from(number % 4).unwrap()];
            User {
                email: format!("{name}{number}@example.com").parse().unwrap(),
                created_at: at(i64::try_from(number % 3).unwrap()),
                ..user(number)
            }
        })
        .collect()
}

async fn every_sort_orders_and_breaks_ties_by_the_identifier(node: Node) {
    let mut users = crowd();
    add(&node, &users).await;
    for descending in [false, true] {
        users.sort_by_key(|user| (user.created_at, user.id));
        if descending {
            users.reverse();
        }
        let page =
            numbered(&node, &UserFilter::default(), &[by(UserSortKey::CreatedAt, descending)], 1, 100).await;
        assert_eq!(ids(&page), users.iter().map(|user| user.id).collect::<Vec<_>>());
        users.sort_by(|a, b| a.email.key().cmp(b.email.key()));
        if descending {
            users.reverse();
        }
        let page =
            numbered(&node, &UserFilter::default(), &[by(UserSortKey::Email, descending)], 1, 100).await;
        assert_eq!(ids(&page), users.iter().map(|user| user.id).collect::<Vec<_>>());
    }
    users.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.email.key().cmp(b.email.key())));
    let mixed = [UserSort::NEWEST, by(UserSortKey::Email, false)];
    let page = numbered(&node, &UserFilter::default(), &mixed, 1, 100).await;
    assert_eq!(ids(&page), users.iter().map(|user| user.id).collect::<Vec<_>>());
}

async fn numbered_pages_and_positions_return_the_same_list(node: Node) {
    add(&node, &crowd()).await;
    let sorts: [&[UserSort]; 4] = [
        &NEWEST,
        &[by(UserSortKey::Email, false)],
        &[by(UserSortKey::CreatedAt, false), by(UserSortKey::Email, true)],
        &[UserSort::NEWEST, by(UserSortKey::Email, false)],
    ];
    for sorts in sorts {
        let whole = ids(&numbered(&node, &UserFilter::default(), sorts, 1, 100).await);
        assert_eq!(whole.len(), 12);
        for size in [1, 5, 6, 12] {
            let mut pages = Vec::new();
            for number in 1..=12_u32.div_ceil(size) {
                let page = numbered(&node, &UserFilter::default(), sorts, number, size).await;
                assert_eq!(page.total, Some(Total { items: 12, is_estimate: false }));
                assert_eq!(page.next.is_some(), number < 12_u32.div_ceil(size));
                pages.extend(ids(&page));
            }
            assert_eq!(pages, whole, "{sorts:?}, numbered pages of {size}");
            let mut page = numbered(&node, &UserFilter::default(), sorts, 1, size).await;
            let mut chained = ids(&page);
            while let Some(position) = page.next {
                page = behind(&node, sorts, position, size).await;
                chained.extend(ids(&page));
            }
            assert_eq!(chained, whole, "{sorts:?}, pages of {size} after positions");
        }
    }
}

async fn a_position_stays_valid_when_its_user_changes(node: Node) {
    let users = crowd();
    add(&node, &users).await;
    let sorts = [by(UserSortKey::CreatedAt, false)];
    let whole = ids(&numbered(&node, &UserFilter::default(), &sorts, 1, 100).await);
    let first = numbered(&node, &UserFilter::default(), &sorts, 1, 5).await;
    let mut anchor = users.into_iter().find(|user| user.id == whole[4]).unwrap();
    anchor.set_role(Role::Admin, at(99));
    anchor.deactivate(at(99)).unwrap();
    let mut unit = node.unit().await;
    unit.update_user(&anchor).await.unwrap();
    unit.commit().await.unwrap();
    add_user(&node, 99).await;
    let rest = ids(&behind(&node, &sorts, first.next.unwrap(), 100).await);
    let known: Vec<UserId> = rest.into_iter().filter(|user| *user != id(99)).collect();
    assert_eq!(known, whole[5..]);
}

async fn a_page_past_the_end_has_the_total_and_no_items(node: Node) {
    add(&node, &crowd()).await;
    for number in [2, 100] {
        let page = numbered(&node, &UserFilter::default(), &NEWEST, number, 12).await;
        assert_eq!((page.items.len(), page.next), (0, None));
        assert_eq!(page.total, Some(Total { items: 12, is_estimate: false }));
    }
    let nobody = UserFilter { role: Some(Role::Admin), ..UserFilter::default() };
    let page = numbered(&node, &nobody, &NEWEST, 1, 12).await;
    let total = Some(Total { items: 0, is_estimate: false });
    assert_eq!(page, Page { items: Vec::new(), next: None, total });
}
