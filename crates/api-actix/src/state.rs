//! What handlers share, and how they call a use case.

use std::{fmt, future::Future, sync::Arc};

use app::{accounts::Accounts, cart::Carts, catalog::Catalog};
use domain::{id::IdGenerator, throttle::RateLimiter};
use tokio::runtime::Handle;

use crate::{
    extract::UploadPlaces,
    health::Readiness,
    limits::Limits,
    problem::{Failure, Problem, kinds},
    rules::Rules,
    settings::ApiSettings,
};

/// What the composition root gives to the REST layer.
#[derive(Clone)]
pub struct ApiState {
    /// The multi-thread runtime that use cases run on; connections live there too.
    pub runtime: Handle,
    /// Makes the ids of requests that bring none.
    pub ids: Arc<dyn IdGenerator>,
    /// Counts what is limited.
    pub limiter: Arc<dyn RateLimiter>,
    /// What values of requests are checked against.
    pub rules: Rules,
    /// Knows whether the server can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// The use cases of accounts.
    pub accounts: Arc<Accounts>,
    /// The use cases of the catalogue.
    pub catalog: Arc<Catalog>,
    /// The use cases of the cart.
    pub carts: Arc<Carts>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").finish_non_exhaustive()
    }
}

/// What handlers and extractors work with.
pub(crate) struct Api {
    pub(crate) state: ApiState,
    pub(crate) settings: ApiSettings,
    pub(crate) limits: Limits,
    /// The files that are being uploaded: each is held in memory.
    pub(crate) uploads: UploadPlaces,
}

impl Api {
    /// Gives a use case of accounts to [`run`](Self::run).
    pub(crate) fn accounts(&self) -> Arc<Accounts> {
        Arc::clone(&self.state.accounts)
    }

    /// Gives a use case of the catalogue to [`run`](Self::run).
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.state.catalog)
    }

    /// Gives a use case of the cart to [`run`](Self::run).
    pub(crate) fn carts(&self) -> Arc<Carts> {
        Arc::clone(&self.state.carts)
    }

    /// Runs a use case where its connections live, to its end, even when nobody waits any more.
    ///
    /// An actix worker is a current-thread runtime, and it drops a handler whose client went away: neither may
    /// happen to a transaction. So a use case is a task of the main runtime, which the handler only waits for.
    pub(crate) async fn run<T, E>(
        &self,
        use_case: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Failure<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        match self.run_any(use_case).await {
            Ok(outcome) => outcome.map_err(Failure::Refused),
            Err(problem) => Err(Failure::Broken(problem)),
        }
    }

    /// Runs what cannot be refused.
    pub(crate) async fn run_any<T: Send + 'static>(
        &self,
        deed: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.settings.request_timeout, self.state.runtime.spawn(deed)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(broken)) => Err(Problem::new(&kinds::INTERNAL).caused_by(&broken)),
            Err(_) => Err(Problem::unavailable().because("The request took too long.")),
        }
    }
}
