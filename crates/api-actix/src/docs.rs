//! The OpenAPI document and Swagger UI, for those who may read them.

mod assets;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::accounts::Origin;
use sha2::{Digest, Sha256};

use crate::{
    extract::origin_of,
    openapi::Document,
    problem::{Problem, kinds},
    settings::DocsAccess,
    state::Api,
};

pub(crate) use self::assets::Assets;

/// A password that opened the document opens it for this long without being hashed again.
const REMEMBERED: Duration = Duration::from_mins(5);
const REMEMBERED_AT_MOST: u64 = 1_000;

/// What somebody sent to read the document.
#[derive(Clone)]
pub(crate) enum DocsCredentials {
    /// An access token.
    Bearer(String),
    /// An account's email and password.
    Basic {
        /// As it was sent.
        email: String,
        /// As it was sent.
        password: String,
    },
}

impl std::fmt::Debug for DocsCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

impl DocsCredentials {
    fn of(request: &HttpRequest) -> Option<Self> {
        let sent = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, rest) = sent.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        let (email, password) = pair.split_once(':')?;
        Some(Self::Basic { email: email.to_owned(), password: password.to_owned() })
    }
}

/// Knows who may read the document where it is not public.
#[async_trait]
pub(crate) trait DocsGate: Send + Sync {
    /// MUST slow the guessing of a password down as a login does, and take as long for an unknown email as for a known
    /// one.
    ///
    /// # Errors
    /// When nobody could look, or the account has to wait.
    async fn admits(&self, credentials: DocsCredentials, origin: Origin) -> Result<bool, Problem>;
}

/// Lets readers of the document in.
#[derive(Clone)]
pub(crate) struct Door {
    access: DocsAccess,
    gate: Arc<dyn DocsGate>,
    remembered: moka::sync::Cache<[u8; 32], ()>,
}

impl Door {
    pub(crate) fn new(access: DocsAccess, gate: Arc<dyn DocsGate>) -> Self {
        let remembered =
            moka::sync::Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_live(REMEMBERED).build();
        Self { access, gate, remembered }
    }

    async fn open(&self, request: &HttpRequest, api: &Api) -> Result<(), Problem> {
        if self.access == DocsAccess::Public {
            return Ok(());
        }
        let closed = || {
            Problem::new(&kinds::UNAUTHENTICATED)
                .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
                .with_header(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"Cinema\", charset=\"UTF-8\""),
                )
        };
        let credentials = DocsCredentials::of(request).ok_or_else(closed)?;
        let key = match &credentials {
            DocsCredentials::Basic { email, password } => {
                Some(<[u8; 32]>::from(Sha256::digest(format!("{email}:{password}"))))
            }
            // A token is checked each time: that is quick, and a token can end.
            DocsCredentials::Bearer(_) => None,
        };
        if key.is_some_and(|key| self.remembered.contains_key(&key)) {
            return Ok(());
        }
        if key.is_some() {
            api.limits.count_client(request, |limits| &limits.login).await?;
        }
        let (gate, origin) = (Arc::clone(&self.gate), origin_of(request));
        if !api.run_any(async move { gate.admits(credentials, origin).await }).await?? {
            return Err(closed());
        }
        if let Some(key) = key {
            self.remembered.insert(key, ());
        }
        Ok(())
    }
}

/// `GET /openapi.json`.
pub(crate) async fn document(
    request: HttpRequest,
    door: web::Data<Door>,
    api: web::Data<Api>,
    document: web::Data<Document>,
) -> HttpResponse {
    match door.open(&request, &api).await {
        Ok(()) => document.response(),
        Err(problem) => problem.error_response(),
    }
}

/// `GET /docs`: the page around Swagger UI.
pub(crate) async fn page(
    request: HttpRequest,
    door: web::Data<Door>,
    api: web::Data<Api>,
    assets: web::Data<Assets>,
) -> HttpResponse {
    if let Err(problem) = door.open(&request, &api).await {
        return problem.error_response();
    }
    HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, assets.policy()))
        .body(assets::PAGE)
}

/// `GET /docs/{file}`: the page's static files, which are open.
pub(crate) async fn file(name: web::Path<String>, assets: web::Data<Assets>) -> HttpResponse {
    let Some((kind, bytes)) = assets.file(&name) else {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    };
    HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(bytes)
}
