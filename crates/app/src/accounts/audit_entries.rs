//! Tests of the entries that the use cases of accounts write to the audit log.

use std::sync::atomic::Ordering;

use domain::{
    accounts::{Device, Origin, PasswordHash},
    audit::{AuditAction as Action, AuditEntry, AuditObject, AuditState},
};

use crate::accounts::{
    MailQuota,
    doubles::{ORIGIN, PASSWORD, World, ann, email, password, token_in},
};

const WRONG: &str = "other harbour 8";

/// Returns the audit log entries that were written since the previous call of this function.
async fn told(world: &World) -> Vec<AuditEntry> {
    let entries = world.store.rows().await.audit;
    let known = world.known_entries.swap(entries.len(), Ordering::Relaxed);
    entries.into_iter().skip(known).collect()
}

fn actions(entries: &[AuditEntry]) -> Vec<Action> {
    entries.iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn an_action_is_recorded_with_its_time_and_origin() {
    let world = World::new().await;
    let device = Device { user_agent: Some("Firefox".to_owned()), ip: Some([203, 0, 113, 9].into()) };
    let origin = Origin { device, request_id: Some("request-1".to_owned()) };
    world.signup.register(ann(), password(PASSWORD), MailQuota::Left, &origin).await.unwrap();
    let [entry] = &told(&world).await[..] else { panic!("one entry") };
    let user = world.user(&ann()).await;
    assert_eq!((entry.action, entry.actor), (Action::Registered, None));
    assert_eq!((entry.object, entry.at), (Some(AuditObject::User(user.id)), user.created_at));
    assert_eq!(
        (entry.network().as_deref(), entry.request_id.as_deref()),
        (Some("203.0.113.0/24"), Some("request-1"))
    );
}

#[tokio::test]
async fn the_events_from_registration_to_password_reset_are_in_the_audit_log() {
    let world = World::new().await;
    let pair = world.signed_in(&ann()).await;
    let user = AuditObject::User(world.user(&ann()).await.id);
    let actor = world.sessions.authenticate(&pair.access).await.unwrap();
    let session = AuditObject::Session(actor.session_id);
    let entries = told(&world).await;
    assert_eq!(actions(&entries), [Action::Registered, Action::Activated, Action::SignedIn]);
    assert_eq!([entries[0].object, entries[1].object, entries[2].object], [user, user, session].map(Some));
    assert_eq!([entries[0].actor, entries[1].actor, entries[2].actor], [None, None, Some(actor.user_id)]);
    for _ in 0..2 {
        world.sessions.log_out(&pair.refresh, ORIGIN).await.unwrap();
    }
    world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
    let link = token_in(&world.last_mail());
    world.sessions.reset_password(&link, password(WRONG), ORIGIN).await.unwrap();
    let entries = told(&world).await;
    assert_eq!(actions(&entries), [Action::SignedOut, Action::PasswordReset]);
    assert_eq!((entries[0].actor, entries[0].object), (Some(actor.user_id), Some(session)));
    assert_eq!((entries[1].actor, entries[1].object), (None, Some(user)));
}

#[tokio::test]
async fn a_refused_sign_in_is_recorded_for_known_and_unknown_addresses() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let user = AuditObject::User(world.user(&ann()).await.id);
    told(&world).await;
    let reason = |reason| Some(AuditState::of([("reason", reason)]));
    for (address, typed, object, why) in [
        (email("bob@example.com"), PASSWORD, None, "invalid_credentials"),
        (ann(), WRONG, Some(user), "invalid_credentials"),
        (ann(), PASSWORD, Some(user), "account_inactive"),
    ] {
        assert!(world.sessions.log_in(&address, &password(typed), MailQuota::Left, ORIGIN).await.is_err());
        let [entry] = &told(&world).await[..] else { panic!("one entry: {why}") };
        assert_eq!((entry.action, entry.actor), (Action::SignInFailed, None));
        assert_eq!((entry.object, &entry.after), (object, &reason(why)));
    }
    world.store.interfere(|rows| {
        let at = rows.users[0].created_at;
        rows.users[0].set_password(PasswordHash::from_phc("1$new harbour 9".to_owned()), at);
    });
    assert!(world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await.is_err());
    assert_eq!(told(&world).await[0].after, reason("invalid_credentials"));
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_a_store_error_for_known_and_unknown_addresses() {
    let world = World::new().await;
    world.active(&ann()).await;
    world.fail_on_commit();
    for address in [ann(), email("bob@example.com")] {
        let failed = world.sessions.log_in(&address, &password(WRONG), MailQuota::Left, ORIGIN).await;
        assert!(matches!(failed, Err(crate::accounts::LogInError::Store(_))));
    }
}

#[tokio::test]
async fn a_reused_token_is_recorded_with_the_session_that_it_ended() {
    let world = World::new().await;
    let pair = world.signed_in(&ann()).await;
    world.sessions.refresh(&pair.refresh, ORIGIN).await.unwrap();
    world.seconds_pass(31);
    told(&world).await;
    assert!(world.sessions.refresh(&pair.refresh, ORIGIN).await.is_err());
    assert!(world.sessions.refresh(&pair.refresh, ORIGIN).await.is_err());
    let [entry] = &told(&world).await[..] else { panic!("one entry") };
    let session = world.store.rows().await.sessions[0].id.to_string();
    assert_eq!((entry.action, entry.actor), (Action::RefreshReused, None));
    assert_eq!(entry.object, Some(AuditObject::User(world.user(&ann()).await.id)));
    assert_eq!(entry.after, Some(AuditState::of([("ended_session", session)])));
}

#[tokio::test]
async fn registering_again_is_recorded_only_if_the_password_differs() {
    let world = World::new().await;
    world.registered(&ann()).await;
    told(&world).await;
    world.registered(&ann()).await;
    assert_eq!(told(&world).await, []);
    world.signup.register(ann(), password(WRONG), MailQuota::Left, ORIGIN).await.unwrap();
    assert_eq!(told(&world).await[0].after, Some(AuditState::of([("password", "contested")])));
}

#[tokio::test]
async fn unknown_tokens_and_failed_commits_are_not_recorded() {
    let world = World::new().await;
    let token = world.registered(&ann()).await;
    told(&world).await;
    let unknown = domain::entropy::PlainToken::new("made up".to_owned());
    assert!(world.signup.activate(&unknown, ORIGIN).await.is_err());
    assert!(world.sessions.reset_password(&unknown, password(PASSWORD), ORIGIN).await.is_err());
    world.sessions.log_out("made up", ORIGIN).await.unwrap();
    world.fail_on_commit();
    assert!(world.signup.activate(&token, ORIGIN).await.is_err());
    assert_eq!(told(&world).await, []);
}
