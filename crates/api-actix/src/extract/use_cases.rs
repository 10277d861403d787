//! Extractor of the use cases that a handler calls.

use std::{
    future::{Future, Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};

use super::api_of;
use crate::{
    problem::{Failure, OrNotFound, Problem},
    state::{Api, Provides, too_slow},
};

/// The use cases of one area of the application.
pub(crate) struct UseCases<T> {
    area: Arc<T>,
    api: web::Data<Api>,
    on_timeout: fn() -> Problem,
}

impl<T> UseCases<T> {
    /// Sets the problem that is returned when a use case takes longer than the time limit of requests. The default is a
    /// 503.
    pub(crate) fn on_timeout(self, problem: fn() -> Problem) -> Self {
        Self { on_timeout: problem, ..self }
    }

    /// Runs one use case to its end, even when the client disconnects (see [`Api::run`]).
    ///
    /// # Errors
    /// The error of the use case, 503 (unless changed by [`on_timeout`](Self::on_timeout)) when the use case took too
    /// long, or 500 when it panicked.
    pub(crate) async fn run<V, E, F>(&self, use_case: impl FnOnce(Arc<T>) -> F) -> Result<V, Failure<E>>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: Send + 'static,
        E: Send + 'static,
    {
        self.api.run_or(use_case(Arc::clone(&self.area)), self.on_timeout).await
    }

    /// Runs a use case that looks up one object. The results `None` and `false` lead to a 404 response.
    ///
    /// # Errors
    /// Those of [`run`](Self::run), and [`OrNotFound::NotFound`].
    pub(crate) async fn find<V, E, F>(
        &self,
        use_case: impl FnOnce(Arc<T>) -> F,
    ) -> Result<V::Thing, Failure<OrNotFound<E>>>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: Found + Send + 'static,
        E: Send + 'static,
    {
        let found = self.run(use_case).await?;
        found.thing().ok_or(Failure::Refused(OrNotFound::NotFound))
    }
}

/// The result of a use case that looks up one object.
pub(crate) trait Found {
    /// The type of the found object.
    type Thing;

    /// Returns the found object; `None` when it does not exist.
    fn thing(self) -> Option<Self::Thing>;
}

impl<V> Found for Option<V> {
    type Thing = V;

    fn thing(self) -> Self {
        self
    }
}

impl Found for bool {
    type Thing = ();

    fn thing(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> FromRequest for UseCases<T>
where
    Api: Provides<T>,
{
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(api_of(request).map(|api| Self {
            area: Arc::clone(api.use_cases()),
            api,
            on_timeout: too_slow,
        }))
    }
}

impl<T> Apiv2Schema for UseCases<T> {}
impl<T> OperationModifier for UseCases<T> {}
