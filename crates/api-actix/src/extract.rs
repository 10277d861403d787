//! The extractors that handlers take as parameters.
//!
//! A handler's signature declares all inputs of an operation: who may call it ([`Caller`]), which rate limit
//! counts the request ([`Limited`]), the identifier in the path ([`PathId`]), the query and the body. The OpenAPI
//! document is generated from the signature. Extractors that contain another extractor
//! (`Caller<Limited<Exports, PathId<MovieId>>>`) run from outermost to innermost. Other extractors, such as
//! [`UseCases`], [`Origin`] and [`PublicUrl`], are separate parameters.
//!
//! An extractor that fails returns a [`Problem`](crate::problem::Problem). If values are invalid, the problem reports
//! all invalid values in the part of the request that the extractor reads.

pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod caller;
mod check;
pub(crate) mod faults;
pub(crate) mod form;
pub(crate) mod idempotent;
pub(crate) mod if_match;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod large_answer;
pub(crate) mod limited;
pub(crate) mod nothing;
pub(crate) mod origin;
pub(crate) mod path;
pub(crate) mod public_url;
pub(crate) mod query;
pub(crate) mod query_string;
pub(crate) mod upload;
pub(crate) mod use_cases;
pub(crate) mod values;

use actix_web::{HttpRequest, web};

pub(crate) use self::{
    body::{Body, OptionalBody, Patch},
    caller::{Admin, Caller, Moderator, Visitor, authenticated},
    faults::{Fault, Faults},
    form::Form,
    idempotent::{Doing, Idempotent, Kept},
    if_match::IfMatch,
    input::{Input, inputs},
    large_answer::{LargeExport, LongPage},
    limited::{Limit, Limited, user_of},
    nothing::Nothing,
    origin::{Origin, origin_of},
    path::PathId,
    public_url::PublicUrl,
    query::Query,
    upload::{AvatarUpload, PosterUpload},
    use_cases::UseCases,
    values::{Amount, Changed, NewPassword, Sorts, Text, Token, TypedPassword, amount, shop_currency},
};
use crate::{
    problem::{Problem, kinds},
    state::Api,
};

/// Returns the state that all requests share.
pub(crate) fn api_of(request: &HttpRequest) -> Result<web::Data<Api>, Problem> {
    request.app_data::<web::Data<Api>>().cloned().ok_or_else(|| Problem {
        cause: Some("no Api in the app's data".into()),
        ..Problem::new(&kinds::INTERNAL)
    })
}

/// Returns rules for tests. Their clock always shows noon (UTC) on 22 November 2026.
#[cfg(test)]
pub(crate) fn test_rules() -> crate::rules::Rules {
    struct Noon;

    impl domain::time::Clock for Noon {
        fn now(&self) -> domain::time::Instant {
            "2026-11-22T12:00:00Z".parse().unwrap()
        }
    }

    crate::rules::Rules {
        passwords: domain::accounts::PasswordPolicy::Standard,
        currency: "USD".parse().unwrap(),
        clock: std::sync::Arc::new(Noon),
    }
}
