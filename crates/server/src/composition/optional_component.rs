//! Checks of components that the server can temporarily do without.

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

/// The maximum duration of a check.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the outcome of a check is cached, so that frequent readiness requests cause few checks.
const CACHED_FOR: Duration = Duration::from_secs(5);

/// A component that can be checked. The error must not contain network addresses or secrets, because the response to
/// a readiness request shows it.
#[async_trait]
pub(super) trait Check: Send + Sync {
    /// Checks the component; the error describes the problem.
    async fn check(&self) -> Result<(), String>;
}

/// A component, and the cached outcome of its last check.
pub(super) struct OptionalComponent {
    pub(super) name: &'static str,
    component: Box<dyn Check>,
    cached_for: Duration,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl OptionalComponent {
    pub(super) fn redis(redis: Arc<RedisThrottle>) -> Self {
        Self::new("redis", Box::new(Redis(redis)), CACHED_FOR)
    }

    pub(super) fn media(media: Arc<dyn MediaStore>) -> Self {
        Self::new("media", Box::new(Media(media)), CACHED_FOR)
    }

    fn new(name: &'static str, component: Box<dyn Check>, cached_for: Duration) -> Self {
        Self { name, component, cached_for, last: Mutex::default() }
    }

    /// Returns the outcome of the last check. Checks the component again if that outcome is too old.
    pub(super) async fn state(&self) -> Result<(), String> {
        let mut last = self.last.lock().await;
        match &*last {
            Some((at, state)) if at.elapsed() < self.cached_for => state.clone(),
            _ => {
                let state = timeout(PATIENCE, self.component.check()).await;
                let state = state.unwrap_or_else(|_| Err("takes too long to answer".to_owned()));
                *last = Some((Instant::now(), state.clone()));
                state
            }
        }
    }
}

struct Redis(Arc<RedisThrottle>);

#[async_trait]
impl Check for Redis {
    async fn check(&self) -> Result<(), String> {
        if self.0.is_there().await { Ok(()) } else { Err("away: this node counts separately".to_owned()) }
    }
}

struct Media(Arc<dyn MediaStore>);

#[async_trait]
impl Check for Media {
    async fn check(&self) -> Result<(), String> {
        read_nothing(&*self.0).await.map_err(|error| {
            tracing::debug!(error = error_chain(&error), "the media store does not work");
            "does not work: pictures cannot be shown or uploaded".to_owned()
        })
    }
}

/// Logs a warning if the media store does not work, for example because of a wrong bucket or wrong keys. The server
/// starts anyway.
pub(super) async fn warn_of_media(media: Arc<dyn MediaStore>) {
    if let Err(error) = read_nothing(&*media).await {
        tracing::warn!(
            error = error_chain(&error),
            "the media store does not work: pictures cannot be shown or uploaded until it does"
        );
    }
}

/// Reads a picture that does not exist. This succeeds only if the store works.
async fn read_nothing(media: &dyn MediaStore) -> Result<(), StoreError> {
    media.get(&MediaKey::avatar(uuid::Uuid::nil())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A component that counts its checks and fails every second one.
    #[derive(Clone, Default)]
    struct Flickering(Arc<AtomicU32>);

    #[async_trait]
    impl Check for Flickering {
        async fn check(&self) -> Result<(), String> {
            if self.0.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                Ok(())
            } else {
                Err("broken".to_owned())
            }
        }
    }

    #[tokio::test]
    async fn a_component_is_not_checked_again_while_the_outcome_is_cached() {
        let thing = Flickering::default();
        let kept = OptionalComponent::new("thing", Box::new(thing.clone()), Duration::from_hours(1));
        for state in futures_util::future::join_all((0..50).map(|_| kept.state())).await {
            assert_eq!(state, Ok(()));
        }
        assert_eq!(thing.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_component_is_checked_again_when_the_outcome_is_stale() {
        let passing = OptionalComponent::new("thing", Box::new(Flickering::default()), Duration::ZERO);
        assert_eq!(passing.state().await, Ok(()));
        assert_eq!(passing.state().await, Err("broken".to_owned()));
        assert_eq!(passing.state().await, Ok(()));
    }

    /// A component whose check never ends.
    struct Silent;

    #[async_trait]
    impl Check for Silent {
        async fn check(&self) -> Result<(), String> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_check_that_takes_too_long_is_abandoned() {
        let silent = OptionalComponent::new("thing", Box::new(Silent), CACHED_FOR);
        assert_eq!(silent.state().await, Err("takes too long to answer".to_owned()));
    }
}
