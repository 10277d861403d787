//! The state of the REST API, and how it runs a use case.

use std::{fmt, future::Future, sync::Arc};

use app::{
    accounts::{OwnData, Profiles, Sessions, SignUp, Users},
    audit::Audit,
    cart::Carts,
    catalog::{Catalog, Posters},
    engagement::Engagement,
    library::Library,
    notifications::Notifications,
    orders::Orders,
    payments::Payments,
};
use domain::{
    id::IdGenerator, idempotency::IdempotencyKeys, payments::SandboxCheckouts, throttle::RateLimiter,
};
use tokio::runtime::Handle;

use crate::{
    edge::body_memory::BodyMemory,
    large_answers::LargeAnswers,
    library::transfers::Transfers,
    limits::RateLimitCounter,
    notifications::streams::LiveStreams,
    payments::webhook_limit::WebhookLimit,
    problem::{Failure, Problem, kinds},
    readiness::Readiness,
    rules::Rules,
    running_requests::RunningRequests,
    settings::ApiSettings,
    uploads::UploadLimit,
};

/// The parts that the composition root passes to the REST API.
#[derive(Clone)]
pub struct ApiState {
    /// The multi-thread runtime on which use cases run. Database connections belong to this runtime as well.
    pub runtime: Handle,
    /// Generates the ids of requests without a valid `X-Request-Id`, and of stored idempotency keys.
    pub ids: Arc<dyn IdGenerator>,
    /// Counts requests for rate limits.
    pub limiter: Arc<dyn RateLimiter>,
    /// The rules that the values in requests are checked against, in addition to their schemas.
    pub rules: Rules,
    /// Checks the components that the server uses.
    pub readiness: Arc<dyn Readiness>,
    /// The use cases of signing up.
    pub signup: Arc<SignUp>,
    /// The use cases of sessions and passwords.
    pub sessions: Arc<Sessions>,
    /// The use cases of profiles.
    pub profiles: Arc<Profiles>,
    /// The use cases of users, for administrators.
    pub users: Arc<Users>,
    /// The use cases of a user's own data.
    pub own_data: Arc<OwnData>,
    /// The use cases of the audit log.
    pub audit: Arc<Audit>,
    /// The use cases of the catalogue.
    pub catalog: Arc<Catalog>,
    /// The use cases of uploaded posters.
    pub posters: Arc<Posters>,
    /// The use cases of the cart.
    pub carts: Arc<Carts>,
    /// The use cases of reactions, ratings, favourites, comments and reports of comments.
    pub engagement: Arc<Engagement>,
    /// The use cases of the library.
    pub library: Arc<Library>,
    /// The use cases of notifications.
    pub notifications: Arc<Notifications>,
    /// The use cases of orders.
    pub orders: Arc<Orders>,
    /// The use cases of payments.
    pub payments: Arc<Payments>,
    /// Stores the responses to requests with idempotency keys.
    pub idempotency: Arc<dyn IdempotencyKeys>,
    /// The checkouts of the sandbox, if it is the payment provider.
    pub sandbox: Option<Arc<dyn SandboxCheckouts>>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").finish_non_exhaustive()
    }
}

/// Provides the use cases of an area, which the extractor [`UseCases`](crate::extract::UseCases) passes to handlers.
pub(crate) trait Provides<T> {
    fn use_cases(&self) -> &Arc<T>;
}

/// Implements [`Provides`] for the use cases in these fields of [`ApiState`].
macro_rules! provide {
    ($($field:ident: $area:ty),+ $(,)?) => {$(
        impl Provides<$area> for Api {
            fn use_cases(&self) -> &Arc<$area> {
                &self.state.$field
            }
        }
    )+};
}

provide! {
    signup: SignUp,
    sessions: Sessions,
    profiles: Profiles,
    users: Users,
    own_data: OwnData,
    audit: Audit,
    carts: Carts,
    catalog: Catalog,
    posters: Posters,
    engagement: Engagement,
    library: Library,
    notifications: Notifications,
    orders: Orders,
    payments: Payments,
}

/// The state that all requests share.
pub(crate) struct Api {
    pub(crate) state: ApiState,
    pub(crate) settings: ApiSettings,
    pub(crate) limits: RateLimitCounter,
    /// The requests with idempotency keys that this process is executing.
    pub(crate) running: RunningRequests,
    /// Limits simultaneous uploads of avatars, because each upload is held in memory.
    pub(crate) uploads: UploadLimit,
    /// Limits simultaneous uploads of posters, which are larger than avatars.
    pub(crate) poster_uploads: UploadLimit,
    /// Limits how many webhooks are received at the same time.
    pub(crate) webhooks: WebhookLimit,
    /// Limits the memory of the bodies that are being received.
    pub(crate) bodies: BodyMemory,
    /// Limits how many large responses are built, and how many exports are sent, at the same time.
    pub(crate) large_answers: LargeAnswers,
    /// The live streams of notifications that this server sends.
    pub(crate) streams: Arc<LiveStreams>,
    /// Tracks the films that this server is sending, and limits their number.
    pub(crate) transfers: Arc<Transfers>,
}

impl Api {
    /// Returns the use cases of signing up.
    pub(crate) fn signup(&self) -> Arc<SignUp> {
        Arc::clone(&self.state.signup)
    }

    /// Returns the use cases of sessions.
    pub(crate) fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.state.sessions)
    }

    /// Runs a use case as a task of the main runtime, which owns the database connections, and waits for it.
    ///
    /// An actix worker drops a handler whose client has disconnected. The task continues nevertheless, so that a
    /// transaction that was begun is completed.
    ///
    /// # Errors
    /// The error of the use case, 503 when the use case took longer than the time limit of a request, or 500 when it
    /// panicked.
    pub(crate) async fn run<T, E>(
        &self,
        use_case: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Failure<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.run_or(use_case, too_slow).await
    }

    /// Runs a use case like [`run`](Self::run), but returns the problem `on_timeout` when the use case took longer than
    /// the time limit of a request.
    ///
    /// # Errors
    /// The error of the use case, the problem `on_timeout`, or 500 when the use case panicked.
    pub(crate) async fn run_or<T, E>(
        &self,
        use_case: impl Future<Output = Result<T, E>> + Send + 'static,
        on_timeout: fn() -> Problem,
    ) -> Result<T, Failure<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        match self.outcome(use_case, on_timeout).await {
            Ok(outcome) => outcome.map_err(Failure::Refused),
            Err(problem) => Err(Failure::Problem(problem)),
        }
    }

    /// Runs any future as a task, like [`run`](Self::run).
    ///
    /// # Errors
    /// 503 when the future took longer than the time limit of a request, and 500 when it panicked.
    pub(crate) async fn run_any<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.outcome(future, too_slow).await
    }

    async fn outcome<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        on_timeout: fn() -> Problem,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.settings.request_timeout, self.state.runtime.spawn(future)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(Problem::new(&kinds::INTERNAL).caused_by(&panic)),
            Err(_) => Err(on_timeout()),
        }
    }
}

/// Returns the problem of a request that took too long.
pub(crate) fn too_slow() -> Problem {
    Problem::unavailable().because("The request took too long.")
}
