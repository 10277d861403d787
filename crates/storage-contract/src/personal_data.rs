//! Personal data: all data of a user can be exported, and everything that identifies the user can be erased.

use domain::{
    accounts::{LinkKind, NotifiedAct, OpenLink, PersonalData, Profile, RefreshToken, Session, User},
    audit::{AuditAction, AuditEntry, AuditObject},
    cart::CartItem,
    id::{CommentId, UserId},
    library::Progress,
    notifications::{
        NewNotification, Notification, NotificationCause, NotificationKind, NotificationSettings,
        StreamTicket,
    },
    outbox::NewOutboxMessage,
    page::PageRequest,
    purchases::Purchase,
};

use crate::{
    fixtures::{add_movies, add_user, at, digest, facts, id, link, stored_user, user},
    node::Node,
    outbox::message,
};

crate::cases! { "personal_data":
    nothing_is_stored_about_an_unknown_user,
    all_data_of_a_user_are_collected_and_none_of_others,
    an_erased_user_is_never_found,
    the_address_of_an_erased_user_is_free_at_once,
    erasing_removes_the_data_of_the_user_and_keeps_that_of_others,
    erasing_a_user_keeps_the_purchases,
    a_dropped_erasure_has_no_effect,
    two_erased_users_do_not_conflict,
    a_cart_that_is_opened_after_the_erasure_is_removed_by_the_next_purge,
}

/// Adds the user with this number, and stores data of many kinds for this user. Also adds the user [`OTHER`], if that
/// user does not exist yet.
async fn fill(node: &Node, number: u64) -> User {
    let owner = add_user(node, number).await;
    if stored_user(node, id(OTHER)).await.is_none() {
        add_user(node, OTHER).await;
    }
    let mut unit = node.unit().await;
    unit.find_user_for_update(owner.id).await.unwrap();
    let profile =
        Profile { first_name: Some(format!("Zoë {number}")), ..Profile::empty(id(number), owner.id) };
    unit.put_profile(&profile).await.unwrap();
    unit.put_link(&link(number, owner.id, LinkKind::Activation)).await.unwrap();
    unit.put_link(&link(number, owner.id, LinkKind::PasswordReset)).await.unwrap();
    let session = session_of(number);
    unit.insert_session(&session).await.unwrap();
    unit.insert_refresh_token(&refresh_of(number)).await.unwrap();
    let deed = AuditEntry {
        id: id(number),
        at: at(10),
        action: AuditAction::SignedIn,
        actor: Some(owner.id),
        object: Some(AuditObject::User(owner.id)),
        before: None,
        after: None,
        ip: None,
        request_id: None,
    };
    unit.append_audit_entry(&deed).await.unwrap();
    let mail = NewOutboxMessage { user_id: Some(owner.id), ..message(number) };
    unit.push_message(mail).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(owner.id, id(number)).await.unwrap();
    let item = CartItem { id: id(number), movie_id: id(1), added_at: at(20) };
    assert!(unit.add_cart_item(cart, &item).await.unwrap());
    let bought = Purchase { id: id(number), user_id: owner.id, movie_id: id(2), purchased_at: at(30) };
    assert!(unit.insert_purchase(&bought).await.unwrap());
    let progress = Progress { position_seconds: 600, at: at(31), is_watched: false };
    unit.put_progress(owner.id, id(2), &progress).await.unwrap();
    let notify = |number, receiver, cause| NewNotification { id: id(number), receiver, cause, at: at(35) };
    let paid = NotificationCause::OrderPaid { order_id: id(number) };
    let like = NotificationCause::CommentLike { actor: owner.id, movie_id: id(1), comment_id: id(70) };
    let reply = NotificationCause::CommentReply { actor: owner.id, movie_id: id(1), reply_id: id(number) };
    for new in [
        notify(number, owner.id, paid),
        notify(100 + number, id(OTHER), like),
        notify(200 + number, id(OTHER), reply),
    ] {
        assert!(unit.push_notification(&new).await.unwrap().is_some());
    }
    let settings = NotificationSettings { mails_comment_reply: false, mails_comment_like: true };
    unit.put_notification_settings(owner.id, settings).await.unwrap();
    let ticket = StreamTicket {
        id: id(number),
        user_id: owner.id,
        session_id: id(number),
        digest: digest(number),
        expires_at: at(60),
    };
    unit.insert_stream_ticket(&ticket, at(35)).await.unwrap();
    unit.commit().await.unwrap();
    owner
}

/// The number of a user who gets notifications about the actions of the other users.
const OTHER: u64 = 50;

/// The comment, actor and count of each notification of the user [`OTHER`].
async fn told_to_the_other(node: &Node) -> Vec<(CommentId, Option<UserId>, u64)> {
    let request = PageRequest::numbered(1, 100).unwrap();
    let page = node.notification_page(id(OTHER), false, &request).await.unwrap();
    let told =
        |one: &Notification| (one.comment_id.unwrap(), one.actor.as_ref().map(|actor| actor.id), one.count);
    page.items.iter().map(told).collect()
}

fn session_of(number: u64) -> Session {
    Session {
        ended_at: Some(at(9)),
        ..Session::begin(id(number), id(number), domain::accounts::Device::default(), at(5))
    }
}

fn refresh_of(number: u64) -> RefreshToken {
    RefreshToken {
        id: id(number),
        session_id: id(number),
        user_id: id(number),
        digest: digest(number),
        issued_at: at(5),
        expires_at: at(500),
        rotated_at: Some(at(6)),
    }
}

async fn erase(node: &Node, number: u64) {
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(number)).await.unwrap();
    unit.erase_user(id(number), at(40)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn collect(node: &Node, number: u64) -> Option<PersonalData> {
    node.personal_data(id(number)).await.unwrap()
}

async fn movies(node: &Node) {
    add_movies(node, vec![facts("In the cart"), facts("Bought")]).await;
}

async fn nothing_is_stored_about_an_unknown_user(node: Node) {
    assert_eq!(collect(&node, 1).await, None);
}

async fn all_data_of_a_user_are_collected_and_none_of_others(node: Node) {
    movies(&node).await;
    fill(&node, 3).await;
    let owner = fill(&node, 4).await;
    let data = collect(&node, 4).await.unwrap();
    assert_eq!((data.user.id, data.user.email), (owner.id, owner.email));
    assert_eq!(data.user.profile.unwrap().first_name.as_deref(), Some("Zoë 4"));
    assert_eq!((data.sessions, data.refresh_tokens), (vec![session_of(4)], vec![refresh_of(4)]));
    let open = |kind| OpenLink { kind, expires_at: at(3600) };
    assert_eq!(data.links, [open(LinkKind::Activation), open(LinkKind::PasswordReset)]);
    let held = |movies: Vec<domain::accounts::HeldMovie>| -> Vec<_> {
        movies.into_iter().map(|movie| (movie.name, movie.since)).collect()
    };
    assert_eq!(held(data.cart), [("In the cart".to_owned(), at(20))]);
    let [purchase] = data.purchases.as_slice() else { panic!("{:?}", data.purchases) };
    assert_eq!((purchase.name.as_str(), purchase.purchased_at), ("Bought", at(30)));
    assert_eq!((purchase.suspended_at, purchase.revoked_at), (None, None));
    let [watched] = data.watched.as_slice() else { panic!("{:?}", data.watched) };
    assert_eq!((watched.name.as_str(), watched.progress.position_seconds), ("Bought", 600));
    // The audit entry is returned once, although the user is both its actor and its object.
    assert_eq!(data.audit.iter().map(|record| record.id).collect::<Vec<_>>(), [id(4)]);
    assert_eq!(data.pending_mails, 1);
    assert_eq!(data.notifications.iter().map(|one| one.id).collect::<Vec<_>>(), [id(4)]);
    assert!(!data.notification_settings.mails_comment_reply);
    let act = |kind, comment| NotifiedAct { kind, comment_id: Some(id(comment)), at: at(35) };
    assert_eq!(
        data.notified_acts,
        [act(NotificationKind::CommentReply, 4), act(NotificationKind::CommentLike, 70)]
    );
    assert_eq!(data.stream_tickets, [at(60)]);
    node.claim_all(at(100)).await;
    node.complete_message(id(4), at(100)).await.unwrap();
    assert_eq!(collect(&node, 4).await.unwrap().pending_mails, 0);
}

async fn an_erased_user_is_never_found(node: Node) {
    movies(&node).await;
    let owner = fill(&node, 1).await;
    erase(&node, 1).await;
    let mut unit = node.unit().await;
    assert_eq!(unit.find_user(owner.id).await.unwrap(), None);
    assert_eq!(unit.find_user_for_update(owner.id).await.unwrap(), None);
    let nameless = format!("deleted-{}@deleted.invalid", owner.id).parse().unwrap();
    for address in [&owner.email, &nameless] {
        assert_eq!(unit.find_user_by_email_for_update(address).await.unwrap(), None);
        assert_eq!(node.credentials(address).await.unwrap(), None);
    }
    drop(unit);
    assert_eq!(node.credentials_of(owner.id).await.unwrap(), None);
    assert_eq!(node.session_state(id(1), at(6)).await.unwrap(), None);
    assert_eq!(node.user_details(owner.id).await.unwrap(), None);
    assert_eq!(collect(&node, 1).await, None);
}

async fn the_address_of_an_erased_user_is_free_at_once(node: Node) {
    let owner = add_user(&node, 1).await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(owner.id).await.unwrap();
    unit.erase_user(owner.id, at(40)).await.unwrap();
    unit.insert_user(&User { id: id(2), ..owner.clone() }).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored_user(&node, id(2)).await.unwrap().email, owner.email);
}

async fn erasing_removes_the_data_of_the_user_and_keeps_that_of_others(node: Node) {
    movies(&node).await;
    fill(&node, 1).await;
    fill(&node, 2).await;
    let before = collect(&node, 2).await;
    let one = |comment, actor, count| (id(comment), Some(id(actor)), count);
    assert_eq!(told_to_the_other(&node).await, [one(2, 2, 1), one(70, 2, 2), one(1, 1, 1)]);
    erase(&node, 1).await;
    assert_eq!(collect(&node, 2).await, before);
    assert_eq!(told_to_the_other(&node).await, [one(2, 2, 1), one(70, 2, 1)]);
    let request = PageRequest::numbered(1, 100).unwrap();
    assert_eq!(node.notification_page(id(1), false, &request).await.unwrap().items, []);
    assert_eq!(node.unit().await.take_stream_ticket(&digest(1)).await.unwrap(), None);
    let mut unit = node.unit().await;
    assert_eq!(unit.find_session_for_update(id(1)).await.unwrap(), None);
    assert_eq!(unit.find_refresh_token(&digest(1)).await.unwrap(), None);
    for kind in [LinkKind::Activation, LinkKind::PasswordReset] {
        assert_eq!(unit.find_link(kind, &digest(1)).await.unwrap(), None);
    }
    drop(unit);
    let mut unit = node.unit().await;
    assert!(!unit.cart_movies(id(1)).await.unwrap().contains(&id(1)));
    assert!(unit.cart_movies(id(2)).await.unwrap().contains(&id(1)));
    drop(unit);
    let claimed = node.claim_all(at(100)).await;
    assert_eq!(claimed.iter().map(|message| message.id).collect::<Vec<_>>(), [id(2)]);
}

async fn erasing_a_user_keeps_the_purchases(node: Node) {
    movies(&node).await;
    fill(&node, 1).await;
    erase(&node, 1).await;
    let mut unit = node.unit().await;
    assert!(unit.is_purchased(id(1), id(2)).await.unwrap());
}

async fn a_dropped_erasure_has_no_effect(node: Node) {
    movies(&node).await;
    fill(&node, 1).await;
    let before = collect(&node, 1).await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(1)).await.unwrap();
    unit.erase_user(id(1), at(40)).await.unwrap();
    drop(unit);
    assert_eq!(collect(&node, 1).await, before);
}

async fn two_erased_users_do_not_conflict(node: Node) {
    for number in [1, 2] {
        add_user(&node, number).await;
        erase(&node, number).await;
    }
    let mut unit = node.unit().await;
    unit.insert_user(&user(3)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_cart_that_is_opened_after_the_erasure_is_removed_by_the_next_purge(node: Node) {
    movies(&node).await;
    add_user(&node, 1).await;
    erase(&node, 1).await;
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(1), id(1)).await.unwrap();
    let item = CartItem { id: id(1), movie_id: id(1), added_at: at(41) };
    assert!(unit.add_cart_item(cart, &item).await.unwrap());
    unit.commit().await.unwrap();
    node.purge_expired(at(50), at(0), 100).await.unwrap();
    assert!(!node.unit().await.cart_movies(cart).await.unwrap().contains(&id(1)));
}
