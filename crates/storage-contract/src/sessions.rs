//! Sessions and their refresh tokens.

use domain::{
    accounts::{Device, RefreshToken, Role, SESSION_LIFETIME, Session, SessionState, User},
    id::UserId,
    time::Instant,
};

use crate::{
    fixtures::{add_user, at, digest, id, shifted},
    node::Node,
    parallel::{at_once, count},
};

crate::cases! { "sessions":
    a_session_reads_back_as_written,
    an_unknown_session_is_none,
    an_update_writes_only_last_use_and_end,
    a_refresh_token_reads_back_as_written,
    the_time_of_a_rotation_is_stored,
    a_locked_session_rotates_its_token_once,
    removed_refresh_tokens_are_those_of_the_session,
    ending_all_sessions_ends_only_the_active_ones_of_the_user,
    the_active_sessions_are_those_of_the_user_most_recently_used_first,
    ending_some_sessions_ends_only_these_and_removes_their_refresh_tokens,
    ending_no_sessions_changes_nothing,
    a_session_is_live_until_the_moment_it_expires,
    a_session_that_ended_is_not_live,
    a_session_of_an_inactive_user_is_not_live,
    a_session_has_the_current_role_of_its_user,
}

pub(crate) fn session(number: u64, user_id: UserId) -> Session {
    Session::begin(id(number), user_id, Device::default(), at(10))
}

pub(crate) fn refresh(number: u64, session: &Session) -> RefreshToken {
    RefreshToken {
        id: id(number),
        session_id: session.id,
        user_id: session.user_id,
        digest: digest(number),
        issued_at: at(11),
        expires_at: at(500),
        rotated_at: None,
    }
}

/// Stores these sessions, each with a refresh token of the given number.
async fn add(node: &Node, sessions: &[(u64, Session)]) {
    let mut unit = node.unit().await;
    for (number, session) in sessions {
        unit.insert_session(session).await.unwrap();
        unit.insert_refresh_token(&refresh(*number, session)).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn stored(node: &Node, number: u64) -> Option<Session> {
    node.unit().await.find_session_for_update(id(number)).await.unwrap()
}

async fn stored_refresh(node: &Node, number: u64) -> Option<RefreshToken> {
    node.unit().await.find_refresh_token(&digest(number)).await.unwrap()
}

async fn state(node: &Node, number: u64, now: Instant) -> Option<SessionState> {
    node.session_state(id(number), now).await.unwrap()
}

async fn a_session_reads_back_as_written(node: Node) {
    add_user(&node, 1).await;
    let devices = [
        Device::default(),
        Device { user_agent: Some("Mozilla/5.0 🎬".to_owned()), ip: Some([192, 0, 2, 7].into()) },
        Device { user_agent: Some("é".repeat(255)), ip: Some([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()) },
    ];
    for (number, device) in (1..).zip(devices) {
        let written = Session { device, ended_at: (number == 3).then(|| at(12)), ..session(number, id(1)) };
        add(&node, &[(number, written.clone())]).await;
        assert_eq!(stored(&node, number).await, Some(written));
    }
}

async fn an_unknown_session_is_none(node: Node) {
    assert_eq!(stored(&node, 1).await, None);
    assert_eq!(stored_refresh(&node, 1).await, None);
    assert_eq!(state(&node, 1, at(0)).await, None);
}

async fn an_update_writes_only_last_use_and_end(node: Node) {
    add_user(&node, 1).await;
    let before = session(1, id(1));
    add(&node, &[(1, before.clone()), (2, session(2, id(1)))]).await;
    let after = Session { last_used_at: shifted(at(20), 1), ended_at: Some(shifted(at(30), 1)), ..before };
    let ignored = Session { created_at: at(1), expires_at: at(2), ..after.clone() };
    let mut unit = node.unit().await;
    unit.update_session(&ignored).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored(&node, 1).await, Some(after));
    assert_eq!(stored(&node, 2).await, Some(session(2, id(1))));
}

async fn a_refresh_token_reads_back_as_written(node: Node) {
    add_user(&node, 1).await;
    let session = session(1, id(1));
    add(&node, &[(1, session.clone())]).await;
    let rotated = RefreshToken { rotated_at: Some(shifted(at(12), 1)), ..refresh(2, &session) };
    let mut unit = node.unit().await;
    unit.insert_refresh_token(&rotated).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored_refresh(&node, 1).await, Some(refresh(1, &session)));
    assert_eq!(stored_refresh(&node, 2).await, Some(rotated));
}

async fn the_time_of_a_rotation_is_stored(node: Node) {
    add_user(&node, 1).await;
    let session = session(1, id(1));
    add(&node, &[(1, session.clone())]).await;
    let mut unit = node.unit().await;
    unit.mark_refresh_token_rotated(&digest(1), shifted(at(40), 1)).await.unwrap();
    unit.commit().await.unwrap();
    let expected = RefreshToken { rotated_at: Some(shifted(at(40), 1)), ..refresh(1, &session) };
    assert_eq!(stored_refresh(&node, 1).await, Some(expected));
}

async fn a_locked_session_rotates_its_token_once(node: Node) {
    add_user(&node, 1).await;
    add(&node, &[(1, session(1, id(1)))]).await;
    let rotated = at_once(50, |number| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let session = unit.find_session_for_update(id(1)).await.unwrap().unwrap();
            let token = unit.find_refresh_token(&digest(1)).await.unwrap().unwrap();
            if token.rotated_at.is_some() {
                return false;
            }
            unit.mark_refresh_token_rotated(&digest(1), at(40)).await.unwrap();
            unit.insert_refresh_token(&refresh(number + 100, &session)).await.unwrap();
            unit.commit().await.unwrap();
            true
        }
    })
    .await;
    assert_eq!(count(&rotated), 1);
}

async fn removed_refresh_tokens_are_those_of_the_session(node: Node) {
    add_user(&node, 1).await;
    let kept = session(2, id(1));
    add(&node, &[(1, session(1, id(1))), (2, kept.clone())]).await;
    let mut unit = node.unit().await;
    unit.remove_refresh_tokens(id(1)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored_refresh(&node, 1).await, None);
    assert_eq!(stored_refresh(&node, 2).await, Some(refresh(2, &kept)));
    assert!(stored(&node, 1).await.is_some(), "the session stays");
}

async fn ending_all_sessions_ends_only_the_active_ones_of_the_user(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    let ended = Session { ended_at: Some(at(15)), ..session(2, id(1)) };
    let sessions =
        [(1, session(1, id(1))), (2, ended.clone()), (3, session(3, id(1))), (4, session(4, id(2)))];
    add(&node, &sessions).await;
    let mut unit = node.unit().await;
    unit.end_all_sessions(id(1), at(50)).await.unwrap();
    unit.commit().await.unwrap();
    for number in [1, 3] {
        assert_eq!(stored(&node, number).await.unwrap().ended_at, Some(at(50)));
        assert_eq!(stored_refresh(&node, number).await, None);
    }
    assert_eq!(stored(&node, 2).await, Some(ended), "session 2 had ended before");
    assert_eq!(stored(&node, 4).await, Some(session(4, id(2))), "another user has session 4");
    assert!(stored_refresh(&node, 4).await.is_some());
}

async fn the_active_sessions_are_those_of_the_user_most_recently_used_first(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    let used = |number, seconds| Session {
        device: Device { user_agent: Some(format!("browser {number}")), ip: Some([192, 0, 2, 7].into()) },
        last_used_at: at(seconds),
        ..session(number, id(1))
    };
    let now = at(1_000);
    let sessions = [
        used(1, 30),
        used(2, 50),
        used(3, 40),
        used(4, 50),
        Session { ended_at: Some(at(60)), ..used(5, 60) },
        Session { expires_at: now, ..used(6, 60) },
        Session { expires_at: shifted(now, 1), ..used(7, 20) },
        session(8, id(2)),
    ];
    let numbered: Vec<_> = (1..).zip(sessions.clone()).collect();
    add(&node, &numbered).await;
    let wanted: Vec<_> = [4, 2, 3, 1, 7].map(|number: usize| sessions[number - 1].clone()).into();
    assert_eq!(node.live_sessions(id(1), now).await.unwrap(), wanted);
    let mut unit = node.unit().await;
    let ids = unit.find_live_sessions_for_update(id(1), now).await.unwrap();
    assert_eq!(ids, wanted.iter().map(|session| session.id).collect::<Vec<_>>());
    assert_eq!(node.live_sessions(id(9), now).await.unwrap(), []);
}

async fn ending_some_sessions_ends_only_these_and_removes_their_refresh_tokens(node: Node) {
    add_user(&node, 1).await;
    let ended = Session { ended_at: Some(at(15)), ..session(2, id(1)) };
    let sessions =
        [(1, session(1, id(1))), (2, ended.clone()), (3, session(3, id(1))), (4, session(4, id(1)))];
    add(&node, &sessions).await;
    let mut unit = node.unit().await;
    unit.end_sessions(&[id(1), id(2), id(3), id(99)], at(50)).await.unwrap();
    unit.commit().await.unwrap();
    for number in [1, 3] {
        assert_eq!(stored(&node, number).await.unwrap().ended_at, Some(at(50)));
        assert_eq!(stored_refresh(&node, number).await, None);
    }
    assert_eq!(stored(&node, 2).await, Some(ended), "session 2 had ended before");
    assert_eq!(stored(&node, 4).await, Some(session(4, id(1))));
    assert!(stored_refresh(&node, 4).await.is_some());
}

async fn ending_no_sessions_changes_nothing(node: Node) {
    add_user(&node, 1).await;
    add(&node, &[(1, session(1, id(1)))]).await;
    let mut unit = node.unit().await;
    unit.end_sessions(&[], at(50)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(stored(&node, 1).await, Some(session(1, id(1))));
    assert!(stored_refresh(&node, 1).await.is_some());
}

async fn a_session_is_live_until_the_moment_it_expires(node: Node) {
    add_user(&node, 1).await;
    add(&node, &[(1, session(1, id(1)))]).await;
    let end = at(10).checked_add_signed(SESSION_LIFETIME).unwrap();
    let live = SessionState { user_id: id(1), role: Role::User, is_live: true };
    assert_eq!(state(&node, 1, at(10)).await, Some(live));
    assert_eq!(state(&node, 1, shifted(end, -1)).await, Some(live));
    assert_eq!(state(&node, 1, end).await, Some(SessionState { is_live: false, ..live }));
}

async fn a_session_that_ended_is_not_live(node: Node) {
    add_user(&node, 1).await;
    add(&node, &[(1, Session { ended_at: Some(at(15)), ..session(1, id(1)) })]).await;
    assert!(!state(&node, 1, at(20)).await.unwrap().is_live);
}

async fn a_session_of_an_inactive_user_is_not_live(node: Node) {
    let mut user = add_user(&node, 1).await;
    add(&node, &[(1, session(1, id(1)))]).await;
    user.deactivate(at(12)).unwrap();
    let mut unit = node.unit().await;
    unit.update_user(&user).await.unwrap();
    unit.commit().await.unwrap();
    assert!(!state(&node, 1, at(20)).await.unwrap().is_live);
}

async fn a_session_has_the_current_role_of_its_user(node: Node) {
    let user = add_user(&node, 1).await;
    add(&node, &[(1, session(1, id(1)))]).await;
    for role in [Role::Admin, Role::Moderator] {
        let mut unit = node.unit().await;
        unit.update_user(&User { role, ..user.clone() }).await.unwrap();
        unit.commit().await.unwrap();
        let other = node.another().await;
        assert_eq!(state(&other, 1, at(20)).await.unwrap().role, role);
    }
}
