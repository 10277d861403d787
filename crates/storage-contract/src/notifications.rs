//! Notifications: writing, listing and counting them, and the settings and limits for mails about them.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use domain::{
    accounts::Profile,
    id::UserId,
    notifications::{
        MailedKind, NewNotification, Notification, NotificationCause, NotificationKind, NotificationSettings,
        PushedNotification, ReadSelection, SettingsChanges, UnreadCounts,
    },
    page::PageRequest,
    time::Instant,
};

use crate::{
    fixtures::{add_movie, add_user, at, facts, fresh, id},
    node::Node,
    parallel::at_once,
};

crate::cases! { "notifications":
    each_kind_reads_back_as_it_was_pushed,
    the_newest_notification_comes_first_on_every_page,
    a_second_notification_of_the_same_cause_is_dropped,
    likes_of_one_comment_are_one_notification,
    a_like_makes_the_notification_unread_again_and_the_newest,
    a_user_likes_a_comment_once,
    a_withdrawn_like_lowers_the_count_and_the_last_one_removes_the_notification,
    withdrawing_a_like_without_a_notification_changes_nothing,
    the_time_of_the_mail_is_kept_when_a_comment_is_liked_again,
    concurrent_likes_are_all_counted,
    concurrently_removed_likes_leave_no_notification,
    the_notifications_of_a_removed_comment_are_deleted,
    marking_as_read_changes_only_the_named_notifications_of_the_user,
    unread_notifications_are_counted_by_kind,
    settings_are_the_default_ones_until_they_are_changed,
    concurrent_changes_of_settings_are_not_lost,
    a_mail_has_the_content_that_its_receiver_needs,
    switched_off_notifications_have_no_mail,
    a_dropped_unit_notifies_nobody,
    withdrawn_notifications_are_removed_after_some_time,
    a_like_during_a_purge_is_notified,
    mails_about_notifications_are_counted_for_a_day,
    an_erased_user_has_no_settings_and_gets_no_notifications,
}

/// Adds the users 1 to `users`, and movie 1.
pub(crate) async fn prepare(node: &Node, users: u64) {
    for number in 1..=users {
        add_user(node, number).await;
    }
    add_movie(node, 1, facts("Heat")).await;
}

pub(crate) fn reply(actor: u64, comment: u64) -> NotificationCause {
    NotificationCause::CommentReply { actor: id(actor), movie_id: id(1), reply_id: id(comment) }
}

pub(crate) fn like(actor: u64, comment: u64) -> NotificationCause {
    NotificationCause::CommentLike { actor: id(actor), movie_id: id(1), comment_id: id(comment) }
}

/// Pushes a notification for user `receiver`.
pub(crate) async fn push(
    node: &Node,
    receiver: u64,
    cause: NotificationCause,
    at: Instant,
) -> Option<PushedNotification> {
    let mut unit = node.unit().await;
    let new = NewNotification { id: fresh(), receiver: id(receiver), cause, at };
    let pushed = unit.push_notification(&new).await.unwrap();
    unit.commit().await.unwrap();
    pushed
}

async fn withdraw(node: &Node, comment: u64, actor: u64) {
    let mut unit = node.unit().await;
    unit.withdraw_like_notification(id(comment), id(actor)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn read(node: &Node, receiver: u64, selection: ReadSelection, at: Instant) {
    let mut unit = node.unit().await;
    unit.mark_notifications_read(id(receiver), &selection, at).await.unwrap();
    unit.commit().await.unwrap();
}

async fn list(node: &Node, receiver: u64) -> Vec<Notification> {
    let request = PageRequest::numbered(1, 100).unwrap();
    node.notification_page(id(receiver), false, &request).await.unwrap().items
}

async fn counts(node: &Node, receiver: u64) -> Vec<(NotificationKind, u64)> {
    node.unread_counts(id(receiver)).await.unwrap().by_kind
}

async fn change_settings(node: &Node, user: u64, changes: SettingsChanges) {
    let mut unit = node.unit().await;
    let settings = unit.notification_settings_for_update(id(user)).await.unwrap().unwrap();
    unit.put_notification_settings(id(user), settings.changed(changes)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn an_erased_user_has_no_settings_and_gets_no_notifications(node: Node) {
    prepare(&node, 2).await;
    assert!(push(&node, 1, like(2, 10), at(1)).await.is_some());
    let mut unit = node.unit().await;
    unit.erase_user(id(1), at(2)).await.unwrap();
    unit.commit().await.unwrap();
    assert!(push(&node, 1, like(2, 11), at(3)).await.is_none());
    let mut unit = node.unit().await;
    assert_eq!(unit.notification_settings_for_update(id(1)).await.unwrap(), None);
    assert_eq!(unit.notification_settings_for_update(id(9)).await.unwrap(), None, "no user has this id");
    unit.commit().await.unwrap();
    assert_eq!(list(&node, 1).await, []);
}

async fn each_kind_reads_back_as_it_was_pushed(node: Node) {
    prepare(&node, 3).await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(3)).await.unwrap();
    let profile = Profile { first_name: Some("Zoë".to_owned()), ..Profile::empty(id(3), id(3)) };
    unit.put_profile(&profile).await.unwrap();
    unit.commit().await.unwrap();
    let causes = [
        reply(2, 10),
        like(3, 11),
        NotificationCause::OrderPaid { order_id: id(20) },
        NotificationCause::OrderRefunded { order_id: id(20), refund_id: id(30) },
        NotificationCause::MovieRemovedFromCart { movie_id: id(99), movie_name: "Gone".to_owned() },
    ];
    for (second, cause) in (0..).zip(&causes) {
        assert!(push(&node, 1, cause.clone(), at(second)).await.is_some());
    }
    let found = list(&node, 1).await;
    assert_eq!(found.len(), causes.len());
    for ((second, cause), found) in (0..).zip(&causes).zip(found.iter().rev()) {
        assert_eq!((found.kind, found.notified_at, found.read_at), (cause.kind(), at(second), None));
        assert_eq!(found.count, 1);
    }
    let actors: Vec<_> =
        found.iter().rev().map(|one| one.actor.as_ref().map(|user| (user.id, user.name.clone()))).collect();
    let member: UserId = id(2);
    let member = format!("Member {}", &member.to_string()[32..]);
    assert_eq!(actors, [Some((id(2), member)), Some((id(3), "Zoë".to_owned())), None, None, None]);
    let movies: Vec<_> = found
        .iter()
        .rev()
        .map(|one| one.movie.as_ref().map(|movie| (movie.id, movie.name.clone())))
        .collect();
    let heat = Some((id(1), "Heat".to_owned()));
    assert_eq!(movies, [heat.clone(), heat, None, None, Some((id(99), "Gone".to_owned()))]);
    let comments: Vec<_> = found.iter().rev().map(|one| one.comment_id).collect();
    assert_eq!(comments, [Some(id(10)), Some(id(11)), None, None, None]);
    let orders: Vec<_> = found.iter().rev().map(|one| one.order_id).collect();
    assert_eq!(orders, [None, None, Some(id(20)), Some(id(20)), None]);
}

async fn the_newest_notification_comes_first_on_every_page(node: Node) {
    prepare(&node, 2).await;
    for comment in 0..5 {
        // All notifications have the same time, so the one that was pushed last is the newest.
        push(&node, 1, reply(2, 10 + comment), at(5)).await;
        push(&node, 2, reply(1, 20 + comment), at(5)).await;
    }
    let mut request = PageRequest::numbered(1, 2).unwrap();
    let mut found = Vec::new();
    loop {
        let page = node.notification_page(id(1), false, &request).await.unwrap();
        if found.is_empty() {
            assert_eq!(page.total.unwrap().items, 5);
        }
        found.extend(page.items.into_iter().map(|one| one.comment_id.unwrap()));
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 2).unwrap();
    }
    assert_eq!(found, [14, 13, 12, 11, 10].map(id));
}

async fn a_second_notification_of_the_same_cause_is_dropped(node: Node) {
    prepare(&node, 3).await;
    for cause in [reply(2, 10), NotificationCause::OrderPaid { order_id: id(20) }] {
        assert!(push(&node, 1, cause.clone(), at(1)).await.is_some());
        assert_eq!(push(&node, 1, cause.clone(), at(2)).await, None);
        assert!(push(&node, 3, cause, at(3)).await.is_some(), "another receiver");
    }
    assert_eq!(list(&node, 1).await.iter().map(|one| one.notified_at).collect::<Vec<_>>(), [at(1), at(1)]);
}

async fn likes_of_one_comment_are_one_notification(node: Node) {
    prepare(&node, 4).await;
    let first = push(&node, 1, like(2, 10), at(1)).await.unwrap();
    let second = push(&node, 1, like(3, 10), at(2)).await.unwrap();
    push(&node, 1, like(3, 11), at(3)).await.unwrap();
    assert_eq!(first.id, second.id);
    let found = list(&node, 1).await;
    assert_eq!(
        found.iter().map(|one| (one.comment_id, one.count)).collect::<Vec<_>>(),
        [(Some(id(11)), 1), (Some(id(10)), 2)]
    );
    assert_eq!(found[1].actor.as_ref().unwrap().id, id(3), "the last user who liked it");
    assert_eq!(found[1].notified_at, at(2));
}

async fn a_like_makes_the_notification_unread_again_and_the_newest(node: Node) {
    prepare(&node, 3).await;
    push(&node, 1, like(2, 10), at(1)).await;
    push(&node, 1, reply(2, 11), at(2)).await;
    read(&node, 1, ReadSelection::All, at(3)).await;
    assert_eq!(counts(&node, 1).await, []);
    push(&node, 1, like(3, 10), at(4)).await.unwrap();
    let found = list(&node, 1).await;
    assert_eq!(
        found.iter().map(|one| (one.comment_id, one.read_at)).collect::<Vec<_>>(),
        [(Some(id(10)), None), (Some(id(11)), Some(at(3)))]
    );
    assert_eq!(counts(&node, 1).await, [(NotificationKind::CommentLike, 1)]);
}

async fn a_user_likes_a_comment_once(node: Node) {
    prepare(&node, 2).await;
    push(&node, 1, like(2, 10), at(1)).await.unwrap();
    read(&node, 1, ReadSelection::All, at(2)).await;
    assert_eq!(push(&node, 1, like(2, 10), at(3)).await, None);
    let found = list(&node, 1).await;
    assert_eq!((found[0].count, found[0].read_at), (1, Some(at(2))));
}

async fn a_withdrawn_like_lowers_the_count_and_the_last_one_removes_the_notification(node: Node) {
    prepare(&node, 3).await;
    push(&node, 1, like(2, 10), at(1)).await;
    push(&node, 1, like(3, 10), at(2)).await;
    withdraw(&node, 10, 3).await;
    let found = list(&node, 1).await;
    assert_eq!((found[0].count, found[0].actor.as_ref().unwrap().id), (1, id(2)));
    withdraw(&node, 10, 2).await;
    assert_eq!(list(&node, 1).await, []);
    assert_eq!(counts(&node, 1).await, []);
    push(&node, 1, like(3, 10), at(5)).await.unwrap();
    let found = list(&node, 1).await;
    assert_eq!((found[0].count, found[0].notified_at), (1, at(5)));
}

async fn withdrawing_a_like_without_a_notification_changes_nothing(node: Node) {
    prepare(&node, 3).await;
    withdraw(&node, 10, 2).await;
    push(&node, 1, like(2, 10), at(1)).await;
    withdraw(&node, 10, 3).await;
    withdraw(&node, 11, 2).await;
    assert_eq!(list(&node, 1).await[0].count, 1);
}

async fn the_time_of_the_mail_is_kept_when_a_comment_is_liked_again(node: Node) {
    prepare(&node, 3).await;
    let pushed = push(&node, 1, like(2, 10), at(1)).await.unwrap();
    assert_eq!(pushed.mail.unwrap().mailed_at, None);
    let mut unit = node.unit().await;
    unit.mark_notification_mailed(pushed.id, at(1)).await.unwrap();
    unit.commit().await.unwrap();
    for actor in [3, 2] {
        withdraw(&node, 10, 2).await;
        let mail = push(&node, 1, like(actor, 10), at(2)).await.unwrap().mail.unwrap();
        assert_eq!(mail.mailed_at, Some(at(1)));
    }
}

async fn concurrent_likes_are_all_counted(node: Node) {
    prepare(&node, 21).await;
    let nodes = [node.clone(), node.another().await];
    at_once(20, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move { push(&node, 21, like(number + 1, 10), at(1)).await.unwrap() }
    })
    .await;
    let found = list(&node, 21).await;
    assert_eq!((found.len(), found[0].count), (1, 20));
}

async fn concurrently_removed_likes_leave_no_notification(node: Node) {
    prepare(&node, 21).await;
    for actor in 1..=20 {
        push(&node, 21, like(actor, 10), at(1)).await;
    }
    at_once(40, |number| {
        let node = node.clone();
        // Withdraws each of the 20 likes twice.
        async move { withdraw(&node, 10, number % 20 + 1).await }
    })
    .await;
    assert_eq!(list(&node, 21).await, []);
}

async fn the_notifications_of_a_removed_comment_are_deleted(node: Node) {
    prepare(&node, 3).await;
    push(&node, 1, reply(2, 10), at(1)).await;
    push(&node, 2, like(3, 10), at(2)).await;
    push(&node, 1, like(3, 11), at(3)).await;
    let mut unit = node.unit().await;
    unit.remove_comment_notifications(id(10)).await.unwrap();
    unit.remove_comment_notifications(id(99)).await.expect("a comment without notifications can be removed");
    unit.commit().await.unwrap();
    assert_eq!(list(&node, 1).await.iter().map(|one| one.comment_id).collect::<Vec<_>>(), [Some(id(11))]);
    assert_eq!(list(&node, 2).await, []);
    assert_eq!((counts(&node, 1).await.len(), counts(&node, 2).await.len()), (1, 0));
}

async fn marking_as_read_changes_only_the_named_notifications_of_the_user(node: Node) {
    prepare(&node, 2).await;
    let mine = [
        push(&node, 1, reply(2, 10), at(1)).await.unwrap().id,
        push(&node, 1, reply(2, 11), at(1)).await.unwrap().id,
    ];
    let other = push(&node, 2, reply(1, 12), at(1)).await.unwrap().id;
    read(&node, 1, ReadSelection::Ids(vec![mine[0], other, fresh()]), at(2)).await;
    read(&node, 1, ReadSelection::Ids(vec![mine[0]]), at(3)).await;
    let states = |found: Vec<Notification>| -> Vec<_> { found.iter().map(|one| one.read_at).collect() };
    assert_eq!(states(list(&node, 1).await), [None, Some(at(2))]);
    read(&node, 1, ReadSelection::Ids(vec![]), at(4)).await;
    assert_eq!(states(list(&node, 1).await), [None, Some(at(2))]);
    read(&node, 1, ReadSelection::All, at(5)).await;
    assert_eq!(states(list(&node, 1).await), [Some(at(5)), Some(at(2))]);
    assert_eq!(states(list(&node, 2).await), [None]);
}

async fn unread_notifications_are_counted_by_kind(node: Node) {
    prepare(&node, 2).await;
    assert_eq!(node.unread_counts(id(1)).await.unwrap(), UnreadCounts::default());
    for comment in 10..13 {
        push(&node, 1, reply(2, comment), at(1)).await;
    }
    let paid = push(&node, 1, NotificationCause::OrderPaid { order_id: id(20) }, at(1)).await.unwrap();
    push(&node, 1, like(2, 10), at(1)).await;
    push(&node, 2, like(1, 11), at(1)).await;
    read(&node, 1, ReadSelection::Ids(vec![paid.id]), at(2)).await;
    let counts = node.unread_counts(id(1)).await.unwrap();
    assert_eq!(counts.by_kind, [(NotificationKind::CommentReply, 3), (NotificationKind::CommentLike, 1)]);
    assert_eq!(counts.total(), 4);
    let request = PageRequest::numbered(1, 100).unwrap();
    let unread = node.notification_page(id(1), true, &request).await.unwrap();
    assert_eq!((unread.items.len(), unread.total.unwrap().items), (4, 4));
    assert!(unread.items.iter().all(|one| one.read_at.is_none()));
}

async fn settings_are_the_default_ones_until_they_are_changed(node: Node) {
    prepare(&node, 2).await;
    assert_eq!(node.notification_settings(id(1)).await.unwrap(), NotificationSettings::default());
    change_settings(&node, 1, SettingsChanges::without_mails(MailedKind::CommentLike)).await;
    let wanted = NotificationSettings { mails_comment_reply: true, mails_comment_like: false };
    assert_eq!(node.notification_settings(id(1)).await.unwrap(), wanted);
    push(&node, 1, reply(2, 10), at(1)).await;
    assert_eq!(node.notification_settings(id(1)).await.unwrap(), wanted);
    assert_eq!(node.notification_settings(id(2)).await.unwrap(), NotificationSettings::default());
}

async fn concurrent_changes_of_settings_are_not_lost(node: Node) {
    prepare(&node, 1).await;
    at_once(2, |number| {
        let node = node.clone();
        let kind = [MailedKind::CommentReply, MailedKind::CommentLike][usize::try_from(number).unwrap()];
        async move { change_settings(&node, 1, SettingsChanges::without_mails(kind)).await }
    })
    .await;
    let settings = node.notification_settings(id(1)).await.unwrap();
    assert_eq!(settings, NotificationSettings { mails_comment_reply: false, mails_comment_like: false });
}

async fn a_mail_has_the_content_that_its_receiver_needs(node: Node) {
    prepare(&node, 3).await;
    let pushed = push(&node, 1, reply(2, 10), at(1)).await.unwrap();
    let mail = pushed.mail.unwrap();
    assert_eq!((mail.id, mail.kind, mail.count), (pushed.id, MailedKind::CommentReply, 1));
    assert_eq!((mail.to.as_str(), mail.movie_name.as_str()), ("User1@example.com", "Heat"));
    assert!(mail.actor_name.starts_with("Member "), "{}", mail.actor_name);
    push(&node, 1, like(2, 11), at(2)).await;
    let mail = push(&node, 1, like(3, 11), at(3)).await.unwrap().mail.unwrap();
    assert_eq!((mail.kind, mail.count, mail.mailed_at), (MailedKind::CommentLike, 2, None));
}

async fn switched_off_notifications_have_no_mail(node: Node) {
    prepare(&node, 2).await;
    let paid = push(&node, 1, NotificationCause::OrderPaid { order_id: id(20) }, at(1)).await.unwrap();
    assert_eq!(paid.mail, None);
    change_settings(&node, 1, SettingsChanges::without_mails(MailedKind::CommentReply)).await;
    assert_eq!(push(&node, 1, reply(2, 10), at(1)).await.unwrap().mail, None);
    assert!(push(&node, 1, like(2, 11), at(1)).await.unwrap().mail.is_some());
    let mut unit = node.unit().await;
    let mut user = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
    user.deactivate(at(2)).unwrap();
    unit.update_user(&user).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(push(&node, 1, like(2, 12), at(3)).await.unwrap().mail, None, "the account is not active");
    assert_eq!(list(&node, 1).await.len(), 4);
}

async fn a_dropped_unit_notifies_nobody(node: Node) {
    prepare(&node, 2).await;
    let mut unit = node.unit().await;
    let new = NewNotification { id: fresh(), receiver: id(1), cause: reply(2, 10), at: at(1) };
    assert!(unit.push_notification(&new).await.unwrap().is_some());
    drop(unit);
    assert_eq!(list(&node, 1).await, []);
    assert!(push(&node, 1, reply(2, 10), at(2)).await.is_some());
}

async fn withdrawn_notifications_are_removed_after_some_time(node: Node) {
    prepare(&node, 2).await;
    push(&node, 1, like(2, 10), at(1)).await;
    push(&node, 1, like(2, 11), at(1)).await;
    push(&node, 1, like(2, 12), at(9)).await;
    withdraw(&node, 10, 2).await;
    withdraw(&node, 12, 2).await;
    assert_eq!(node.purge_expired(at(20), at(5), 100).await.unwrap(), 1);
    assert_eq!(list(&node, 1).await.iter().map(|one| one.comment_id).collect::<Vec<_>>(), [Some(id(11))]);
    assert_eq!(node.purge_expired(at(20), at(10), 100).await.unwrap(), 1);
}

async fn a_like_during_a_purge_is_notified(node: Node) {
    prepare(&node, 2).await;
    for comment in 10..30 {
        push(&node, 1, like(2, comment), at(1)).await;
        withdraw(&node, comment, 2).await;
    }
    let cleaning = node.clone();
    let cleaned = tokio::spawn(async move {
        for _ in 0..20 {
            cleaning.purge_expired(at(20), at(5), 1).await.unwrap();
        }
    });
    at_once(20, |number| {
        let node = node.clone();
        async move { push(&node, 1, like(2, 10 + number), at(2)).await.unwrap() }
    })
    .await;
    cleaned.await.unwrap();
    assert_eq!(list(&node, 1).await.len(), 20);
}

async fn mails_about_notifications_are_counted_for_a_day(node: Node) {
    const DAY: i64 = 86_400;
    prepare(&node, 3).await;
    let mut comment = 10;
    for (second, counted) in [(0, 0), (1, 2), (DAY - 1, 4), (DAY, 0), (DAY + 5, 2)] {
        comment += 1;
        let pushed = push(&node, 1, reply(2, comment), at(second)).await.unwrap();
        assert_eq!(pushed.mail.unwrap().recent_mails, counted, "{second}");
        let liked = push(&node, 1, like(2, 100 + comment), at(second)).await.unwrap();
        assert_eq!(liked.mail.unwrap().recent_mails, counted, "{second}");
        let mut unit = node.unit().await;
        unit.mark_notification_mailed(pushed.id, at(second)).await.unwrap();
        unit.mark_notification_mailed(liked.id, at(second)).await.unwrap();
        unit.commit().await.unwrap();
    }
    // Mails to another user are not counted, and mails about a removed reply are still counted.
    assert_eq!(push(&node, 3, reply(2, 200), at(DAY + 6)).await.unwrap().mail.unwrap().recent_mails, 0);
    let mut unit = node.unit().await;
    unit.remove_comment_notifications(id(comment)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(push(&node, 1, reply(2, 201), at(DAY + 7)).await.unwrap().mail.unwrap().recent_mails, 4);
}
