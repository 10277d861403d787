//! Reads the bearer token of the `Authorization` header.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};

use crate::problem::{Problem, kinds};

/// The credentials of a request, which have not been checked yet.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum BearerToken {
    /// There is no `Authorization` header.
    Absent,
    /// A bearer token.
    Sent(String),
}

impl BearerToken {
    /// Reads the header.
    ///
    /// # Errors
    /// 401 when the header is not exactly one bearer token.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut sent = request.headers().get_all(AUTHORIZATION);
        let Some(first) = sent.next() else { return Ok(Self::Absent) };
        let invalid = || Problem::new(&kinds::ACCESS_TOKEN_INVALID);
        if sent.next().is_some() {
            return Err(invalid());
        }
        let text = first.to_str().map_err(|_| invalid())?;
        match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                Ok(Self::Sent(token.trim().to_owned()))
            }
            _ => Err(invalid()),
        }
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Sent(_) => "Sent(…)",
        })
    }
}
