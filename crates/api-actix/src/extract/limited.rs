//! Extractor that counts a request against a rate limit.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{api_of, nothing::Nothing};
use crate::{
    edge::context::SignedIn,
    openapi::describe,
    problem::{Problem, kinds},
    state::Api,
};

/// Extracts `R` from a request, then counts the request against the rate limit `L`. The first field is the extracted
/// `R`, the second field is the outcome of counting.
///
/// The request is counted only after `R` was extracted, so that an invalid request does not use up the quota.
pub(crate) struct Limited<L: Limit<R>, R = Nothing>(pub(crate) R, pub(crate) L::Outcome);

/// A rate limit of one or more operations. [`rate_limits!`](crate::rate_limits) declares the limits that count either
/// by client or by user, and by nothing else.
pub(crate) trait Limit<R> {
    /// The value that the handler gets when the request is within the limit.
    type Outcome;

    /// Counts the request; `rest` is what [`Limited`] extracted from it before.
    ///
    /// # Errors
    /// 429 when the quota is used up.
    fn count(
        request: &HttpRequest,
        api: &Api,
        rest: &R,
    ) -> impl Future<Output = Result<Self::Outcome, Problem>>;
}

/// Declares rate limits for handlers, each counted per client or per signed-in user.
#[macro_export]
macro_rules! rate_limits {
    ($($(#[$doc:meta])* $name:ident by $subject:ident: $limit:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl<R> $crate::extract::Limit<R> for $name {
            type Outcome = ();

            async fn count(
                request: &::actix_web::HttpRequest,
                api: &$crate::state::Api,
                _rest: &R,
            ) -> Result<(), $crate::problem::Problem> {
                $crate::rate_limits!(@count $subject, request, api, $limit)
            }
        }
    )*};
    (@count client, $request:ident, $api:ident, $limit:expr) => {
        $api.limits.count_client($request, $limit).await
    };
    (@count user, $request:ident, $api:ident, $limit:expr) => {
        $api.limits.count($request, $limit, &$crate::extract::user_of($request)?).await
    };
}

/// Returns the identifier of the signed-in user who sent a request.
///
/// # Errors
/// 500 when no user is signed in. An extractor that calls this must be the inner one of an extractor that requires a
/// user, such as [`Caller`](super::Caller), which signs the user in first: `Caller<Limited<…>>`.
pub(crate) fn user_of(request: &HttpRequest) -> Result<String, Problem> {
    let SignedIn(user) = request.extensions().get().cloned().ok_or_else(|| Problem {
        cause: Some("the extractor needs a signed-in user".into()),
        ..Problem::new(&kinds::INTERNAL)
    })?;
    Ok(user)
}

impl<L, R> FromRequest for Limited<L, R>
where
    L: Limit<R> + 'static,
    R: FromRequest<Error = Problem> + 'static,
{
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let rest = R::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let rest = rest.await?;
            let outcome = L::count(&request, &*api_of(&request)?, &rest).await?;
            Ok(Self(rest, outcome))
        })
    }
}

impl<L: Limit<R>, R> Apiv2Schema for Limited<L, R> {}

impl<L: Limit<R>, R: OperationModifier> OperationModifier for Limited<L, R> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_problem(op, &kinds::RATE_LIMITED);
        R::update_parameter(op);
    }
}
