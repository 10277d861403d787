//! Tests that use cases of accounts are retried when a transaction loses a race (it is aborted because it conflicts
//! with a concurrent transaction), and that they then have the same effects as without the race.

use std::error::Error;

use domain::{
    accounts::{Change, Device, EmailAddress, MAX_SESSIONS, Origin, ProfileChanges, Role},
    id::UserId,
    store::{LostRace, StoreError},
};

use super::{
    Actor, LogInError, MailQuota, RefreshError, UserChanges,
    doubles::{ORIGIN, PASSWORD, World, ann, password, token_in},
};

type Ended = Result<(), Box<dyn Error>>;

/// Counts the rows of each table that these use cases write, and the passwords that were hashed or verified since the
/// last count.
async fn traces(world: &World) -> [usize; 9] {
    let rows = world.store.rows().await;
    [
        rows.users.len(),
        rows.links.len(),
        rows.profiles.len(),
        rows.devices.len(),
        rows.sessions.len(),
        rows.refresh.len(),
        rows.audit.len(),
        rows.outbox.len(),
        world.passwords.take_count(),
    ]
}

/// Checks a use case without a lost race, with four commits that lose a race (the fifth attempt succeeds), with six
/// such commits (all five attempts fail and nothing is stored), and with a lost race in a repository call.
async fn check<P>(prepare: impl AsyncFn(&World) -> P, deed: impl AsyncFn(&World, &P) -> Ended) {
    let mut left = Vec::new();
    for (lost, run) in [(0, 1), (4, 5)] {
        let world = World::new().await;
        let prepared = prepare(&world).await;
        world.passwords.take_count();
        world.store.take_commits();
        world.store.lose_commits(lost);
        deed(&world, &prepared).await.unwrap();
        assert_eq!(world.store.take_commits(), run);
        left.push(traces(&world).await);
    }
    assert_eq!(left[0], left[1]);

    let world = World::new().await;
    let prepared = prepare(&world).await;
    let before = world.store.rows().await;
    world.store.take_commits();
    world.store.lose_commits(6);
    let error = deed(&world, &prepared).await.unwrap_err();
    assert!(LostRace::is_behind(&*error), "{error}");
    assert_eq!(world.store.take_commits(), 5);
    assert_eq!(world.store.rows().await, before);

    // A race that is lost in a repository call, before the commit, also leads to a retry.
    let world = World::new().await;
    let prepared = prepare(&world).await;
    world.passwords.take_count();
    world.store.lose_repository_call(3);
    deed(&world, &prepared).await.unwrap();
    assert_eq!(traces(&world).await, left[0]);
}

#[tokio::test]
async fn registering() {
    let register = async |world: &World, (): &()| -> Ended {
        Ok(world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await?)
    };
    check(async |_| (), register).await;
}

#[tokio::test]
async fn registering_again_with_another_password() {
    let prepare = async |world: &World| drop(world.registered(&ann()).await);
    let register = async |world: &World, (): &()| -> Ended {
        Ok(world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await?)
    };
    check(prepare, register).await;
}

#[tokio::test]
async fn activating_an_account_with_a_contested_password() {
    let prepare = async |world: &World| {
        world.registered(&ann()).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        token_in(&world.last_mail())
    };
    check(prepare, async |world, token| Ok(world.signup.activate(token, ORIGIN).await?)).await;
}

#[tokio::test]
async fn requesting_links() {
    let prepare = async |_: &World| ();
    check(prepare, async |world, ()| Ok(world.signup.resend_activation(ann()).await?)).await;
    check(prepare, async |world, ()| Ok(world.sessions.request_password_reset(ann()).await?)).await;
}

#[tokio::test]
async fn sending_links() {
    let waiting = async |world: &World| {
        world.registered(&ann()).await;
        world.wish().await
    };
    check(waiting, async |world, wish| Ok(world.signup.send_requested_activation(*wish, &ann()).await?))
        .await;
    let active = async |world: &World| {
        world.active(&ann()).await;
        world.wish().await
    };
    check(active, async |world, wish| {
        Ok(world.sessions.send_requested_password_reset(*wish, &ann()).await?)
    })
    .await;
}

#[tokio::test]
async fn setting_a_new_password() {
    let prepare = async |world: &World| {
        world.signed_in(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        token_in(&world.last_mail())
    };
    check(prepare, async |world, token| {
        Ok(world.sessions.reset_password(token, password("louder harbour 8"), ORIGIN).await?)
    })
    .await;
}

#[tokio::test]
async fn logging_in_with_an_outdated_hash() {
    let prepare = async |world: &World| {
        world.active(&ann()).await;
        world.passwords.change_parameters();
    };
    let log_in = async |world: &World, (): &()| -> Ended {
        world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await?;
        Ok(())
    };
    check(prepare, log_in).await;
}

#[tokio::test]
async fn checking_a_password() {
    let prepare = async |world: &World| world.active(&ann()).await;
    let check_password = async |world: &World, (): &()| -> Ended {
        Ok(world.sessions.check_password(&ann(), &password(PASSWORD), ORIGIN).await?)
    };
    check(prepare, check_password).await;
}

#[tokio::test]
async fn logging_in_beyond_the_session_limit_from_a_new_device() {
    let prepare = async |world: &World| {
        world.active(&ann()).await;
        for _ in 0..MAX_SESSIONS {
            world.log_in(&ann()).await;
        }
    };
    let log_in = async |world: &World, (): &()| -> Ended {
        let device = Device { user_agent: Some("curl/8".to_owned()), ip: None };
        let origin = Origin { device, request_id: None };
        world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, &origin).await?;
        Ok(())
    };
    check(prepare, log_in).await;
}

/// Signs one user in twice; returns the actor of the calling session and the actor of the other session.
async fn two_sign_ins(world: &World) -> (Actor, Actor) {
    let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
    let calling = world.sessions.authenticate(&laptop.access).await.unwrap();
    (calling, world.sessions.authenticate(&phone.access).await.unwrap())
}

#[tokio::test]
async fn changing_the_password() {
    check(two_sign_ins, async |world, (calling, _)| {
        let new = password("louder harbour 8");
        Ok(world.sessions.change_password(*calling, &password(PASSWORD), &new, ORIGIN).await?)
    })
    .await;
}

#[tokio::test]
async fn ending_sessions() {
    check(two_sign_ins, async |world, (calling, other)| {
        Ok(world.sessions.end(*calling, other.session_id, ORIGIN).await?)
    })
    .await;
    check(two_sign_ins, async |world, (calling, _)| Ok(world.sessions.end_others(*calling, ORIGIN).await?))
        .await;
}

#[tokio::test]
async fn refreshing_and_logging_out() {
    let prepare = async |world: &World| world.signed_in(&ann()).await.refresh;
    let refresh = async |world: &World, token: &String| -> Ended {
        world.sessions.refresh(token, ORIGIN).await?;
        Ok(())
    };
    check(prepare, refresh).await;
    check(prepare, async |world, token| Ok(world.sessions.log_out(token, ORIGIN).await?)).await;
}

#[tokio::test]
async fn ending_a_session_whose_refresh_token_was_reused() {
    let world = World::new().await;
    let first = world.signed_in(&ann()).await;
    world.sessions.refresh(&first.refresh, ORIGIN).await.unwrap();
    world.seconds_pass(31);
    world.store.lose_commits(6);
    let lost = world.sessions.refresh(&first.refresh, ORIGIN).await;
    assert!(matches!(lost, Err(RefreshError::Store(StoreError::Conflict(_)))));
    assert_eq!(world.store.rows().await.refresh.len(), 2);
    world.store.lose_commits(4);
    assert!(matches!(world.sessions.refresh(&first.refresh, ORIGIN).await, Err(RefreshError::Invalid)));
    assert!(world.store.rows().await.refresh.is_empty());
}

#[tokio::test]
async fn creating_an_admin() {
    check(async |_| (), async |world, ()| Ok(world.signup.create_admin(ann(), password(PASSWORD)).await?))
        .await;
}

#[tokio::test]
async fn changing_a_user() {
    let prepare = async |world: &World| {
        let root: EmailAddress = "root@example.com".parse().unwrap();
        world.signup.create_admin(root.clone(), password(PASSWORD)).await.unwrap();
        world.signed_in(&ann()).await;
        let admin = world.user(&root).await.id;
        (world.actor(admin).await, world.user(&ann()).await.id)
    };
    let change = async |world: &World, (admin, id): &(Actor, UserId)| -> Ended {
        let changes = UserChanges { role: Some(Role::Moderator), is_active: Some(false) };
        world.users.change(*admin, *id, changes, ORIGIN).await?;
        Ok(())
    };
    check(prepare, change).await;
}

#[tokio::test]
async fn other_failures_are_not_retried() {
    let world = World::new().await;
    world.active(&ann()).await;
    world.fail_on_commit();
    world.store.take_commits();
    let failed = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
    assert!(matches!(failed, Err(LogInError::Store(StoreError::Failed(_)))));
    assert_eq!(world.store.take_commits(), 1);
}

#[tokio::test]
async fn changing_a_profile_and_removing_the_avatar() {
    let with_avatar = async |world: &World| {
        world.active(&ann()).await;
        let actor = world.actor(world.user(&ann()).await.id).await;
        world.profiles.set_avatar(actor, b"photo".to_vec()).await.unwrap();
        actor
    };
    let name =
        ProfileChanges { first_name: Change::Set("Ann".parse().unwrap()), ..ProfileChanges::default() };
    let change = async |world: &World, actor: &Actor| -> Ended {
        world.profiles.change(*actor, name.clone()).await?;
        Ok(())
    };
    check(with_avatar, change).await;
    let remove =
        async |world: &World, actor: &Actor| -> Ended { Ok(world.profiles.remove_avatar(*actor).await?) };
    check(with_avatar, remove).await;
}
