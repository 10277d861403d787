//! What the server does without for a while.

use std::{sync::Arc, time::Duration};

use adapter_throttle::RedisThrottle;
use async_trait::async_trait;
use domain::{
    media::{MediaKey, MediaStore},
    store::StoreError,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::error_chain;

/// How long it may take to answer (quality E1).
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an answer holds: whoever asks for the server's health asks often, and others ask too.
const KEPT: Duration = Duration::from_secs(5);

/// Something that has a state, told without addresses and secrets.
#[async_trait]
pub(super) trait Look: Send + Sync {
    /// What is wrong with it, if anything.
    async fn look(&self) -> Result<(), String>;
}

/// Something that is looked at every few seconds at most, however many ask.
pub(super) struct Dispensable {
    pub(super) name: &'static str,
    thing: Box<dyn Look>,
    kept: Duration,
    seen: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Dispensable {
    pub(super) fn redis(redis: Arc<RedisThrottle>) -> Self {
        Self::new("redis", Box::new(Redis(redis)), KEPT)
    }

    pub(super) fn media(media: Arc<dyn MediaStore>) -> Self {
        Self::new("media", Box::new(Media(media)), KEPT)
    }

    fn new(name: &'static str, thing: Box<dyn Look>, kept: Duration) -> Self {
        Self { name, thing, kept, seen: Mutex::default() }
    }

    /// How it was when it was looked at last, which may be now.
    pub(super) async fn state(&self) -> Result<(), String> {
        let mut seen = self.seen.lock().await;
        match &*seen {
            Some((at, state)) if at.elapsed() < self.kept => state.clone(),
            _ => {
                let state = timeout(PATIENCE, self.thing.look()).await;
                let state = state.unwrap_or_else(|_| Err("takes too long to answer".to_owned()));
                *seen = Some((Instant::now(), state.clone()));
                state
            }
        }
    }
}

struct Redis(Arc<RedisThrottle>);

#[async_trait]
impl Look for Redis {
    async fn look(&self) -> Result<(), String> {
        if self.0.is_there().await { Ok(()) } else { Err("away: this node counts by itself".to_owned()) }
    }
}

struct Media(Arc<dyn MediaStore>);

#[async_trait]
impl Look for Media {
    async fn look(&self) -> Result<(), String> {
        look_for_nothing(&*self.0).await.map_err(|error| {
            tracing::debug!(error = error_chain(&error), "the media store does not do its work");
            "does not do its work: pictures are not shown and not taken".to_owned()
        })
    }
}

/// Says in the log when the media store does not do its work, as with a wrong bucket or wrong keys: the start goes on.
pub(super) async fn warn_of_media(media: Arc<dyn MediaStore>) {
    if let Err(error) = look_for_nothing(&*media).await {
        tracing::warn!(
            error = error_chain(&error),
            "the media store does not do its work: pictures are not shown and not taken until it does"
        );
    }
}

/// Asks for a picture that nobody has: who says that there is none does his work.
async fn look_for_nothing(media: &dyn MediaStore) -> Result<(), StoreError> {
    media.get(&MediaKey::avatar(uuid::Uuid::nil())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts how often it was looked at, and is broken every second time.
    #[derive(Clone, Default)]
    struct Flickering(Arc<AtomicU32>);

    #[async_trait]
    impl Look for Flickering {
        async fn look(&self) -> Result<(), String> {
            if self.0.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                Ok(())
            } else {
                Err("broken".to_owned())
            }
        }
    }

    #[tokio::test]
    async fn however_many_ask_it_is_looked_at_once_while_the_answer_holds() {
        let thing = Flickering::default();
        let kept = Dispensable::new("thing", Box::new(thing.clone()), Duration::from_hours(1));
        for state in futures_util::future::join_all((0..50).map(|_| kept.state())).await {
            assert_eq!(state, Ok(()));
        }
        assert_eq!(thing.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_hold_any_more_is_asked_for_again() {
        let passing = Dispensable::new("thing", Box::new(Flickering::default()), Duration::ZERO);
        assert_eq!(passing.state().await, Ok(()));
        assert_eq!(passing.state().await, Err("broken".to_owned()));
        assert_eq!(passing.state().await, Ok(()));
    }

    struct Silent;

    #[async_trait]
    impl Look for Silent {
        async fn look(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn what_does_not_answer_is_not_waited_for() {
        let silent = Dispensable::new("thing", Box::new(Silent), KEPT);
        assert_eq!(silent.state().await, Err("takes too long to answer".to_owned()));
    }
}
