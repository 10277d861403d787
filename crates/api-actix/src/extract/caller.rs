//! Extractors that authenticate and authorise the caller. They do so before the rest of the request is read: an
//! invalid token, or the lack of a required token, leads to a 401 response, and an insufficient role to a 403
//! response, even if the request has other errors.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use app::accounts::{Actor, AuthenticateError};
use domain::accounts::Role;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{api_of, bearer::BearerToken, nothing::Nothing};
use crate::{
    edge::context::SignedIn,
    openapi::describe,
    problem::{Problem, Refusal, kinds},
    refusals,
};

refusals! {
    AuthenticateError {
        Invalid => ACCESS_TOKEN_INVALID,
        Expired => ACCESS_TOKEN_EXPIRED;
        via Store: domain::store::StoreError,
    }
}

/// Extracts any caller, signed in or not, and the rest of the request. A token is optional, but a token that is sent
/// must be valid.
#[derive(Debug)]
pub(crate) struct Visitor<R = Nothing>(pub(crate) Option<Actor>, pub(crate) R);

/// Authenticates the caller by the bearer token; `None` without a token.
///
/// # Errors
/// 401 when the `Authorization` header is malformed, or its token is invalid or has expired; 503 or 500 when the
/// token could not be checked.
pub(crate) async fn authenticated(request: &HttpRequest) -> Result<Option<Actor>, Problem> {
    let BearerToken::Sent(token) = BearerToken::of(request)? else { return Ok(None) };
    let api = api_of(request)?;
    let sessions = api.sessions();
    let actor = api
        .run_any(async move { sessions.authenticate(&token).await })
        .await?
        .map_err(|refusal| refusal.problem())?;
    request.extensions_mut().insert(SignedIn(actor.user_id.to_string()));
    Ok(Some(actor))
}

impl<R: FromRequest<Error = Problem> + 'static> FromRequest for Visitor<R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let actor = authenticated(&request).await?;
            let rest = R::from_request(&request, &mut payload).await?;
            Ok(Self(actor, rest))
        })
    }
}

impl<R> Apiv2Schema for Visitor<R> {}

impl<R: OperationModifier> OperationModifier for Visitor<R> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_problem(op, &kinds::ACCESS_TOKEN_INVALID);
        describe::add_problem(op, &kinds::ACCESS_TOKEN_EXPIRED);
        R::update_parameter(op);
    }

    fn update_security(op: &mut DefaultOperationRaw) {
        describe::add_bearer(op, None);
        describe::add_anonymous(op);
    }
}

/// Declares the extractors of signed-in callers, one for each role. The role of the extractor is both checked for every
/// request and documented in the OpenAPI document.
macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident needs $role:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name<R = Nothing>(pub(crate) Actor, pub(crate) R);

        impl<R: FromRequest<Error = Problem> + 'static> FromRequest for $name<R> {
            type Error = Problem;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let request = request.clone();
                let mut payload = payload.take();
                Box::pin(async move {
                    let actor = allowed(Role::$role, authenticated(&request).await?)?;
                    let rest = R::from_request(&request, &mut payload).await?;
                    Ok(Self(actor, rest))
                })
            }
        }

        impl<R> Apiv2Schema for $name<R> {}

        impl<R: OperationModifier> OperationModifier for $name<R> {
            fn update_parameter(op: &mut DefaultOperationRaw) {
                describe::add_problem(op, &kinds::UNAUTHENTICATED);
                describe::add_problem(op, &kinds::ACCESS_TOKEN_INVALID);
                describe::add_problem(op, &kinds::ACCESS_TOKEN_EXPIRED);
                if Role::$role > Role::User {
                    describe::add_problem(op, &kinds::FORBIDDEN);
                }
                R::update_parameter(op);
            }

            fn update_security(op: &mut DefaultOperationRaw) {
                describe::add_bearer(op, Some(Role::$role));
            }
        }
    )*};
}

callers! {
    /// Extracts a signed-in user, and the rest of the request.
    Caller needs User;
    /// Extracts a moderator or an administrator, and the rest of the request.
    Moderator needs Moderator;
    /// Extracts an administrator, and the rest of the request.
    Admin needs Admin;
}

fn allowed(needed: Role, actor: Option<Actor>) -> Result<Actor, Problem> {
    match actor {
        None => Err(Problem::new(&kinds::UNAUTHENTICATED)),
        Some(actor) if actor.role < needed => Err(Problem::new(&kinds::FORBIDDEN)),
        Some(actor) => Ok(actor),
    }
}
