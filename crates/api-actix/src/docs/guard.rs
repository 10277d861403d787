//! Access control for the OpenAPI document.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE},
    web,
};
use app::accounts::Standing;
use base64::{Engine, prelude::BASE64_STANDARD};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use sha2::{Digest, Sha256};

use crate::{
    accounts::password_check,
    extract::{Nothing, api_of, authenticated, origin_of},
    openapi::describe,
    problem::{Problem, kinds},
    settings::DocsAccess,
    state::Api,
};

/// How long a successful check of a password is cached, so that the password is not hashed again for every request. A
/// cached check is used only while the account is unchanged.
const REMEMBERED: Duration = Duration::from_mins(5);
/// The maximum number of cached checks.
const MAX_REMEMBERED: u64 = 1_000;

/// The challenge that makes a browser ask its user for an email and a password.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"Cinema\", charset=\"UTF-8\"");

/// Decides who may read the document.
#[derive(Clone)]
pub(crate) struct DocsGuard {
    access: DocsAccess,
    remembered: moka::sync::Cache<[u8; 32], Standing>,
}

/// Extracts nothing, but refuses clients that may not read the document, and requests that [`Nothing`] refuses.
#[derive(Debug)]
pub(crate) struct Reader;

/// The email and password of an HTTP Basic `Authorization` header.
struct Basic {
    email: String,
    password: String,
}

impl Basic {
    /// Reads the credentials of the `Authorization` header. `None` when the header is missing, repeated, not plain
    /// ASCII or has another scheme; `Some(None)` when its Basic credentials are malformed.
    #[expect(clippy::option_option, reason = "another scheme differs from an unreadable Basic header")]
    fn of(request: &HttpRequest) -> Option<Option<Self>> {
        let mut sent = request.headers().get_all(AUTHORIZATION);
        let header = sent.next().filter(|_| sent.next().is_none())?.to_str().ok()?;
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        scheme.eq_ignore_ascii_case("basic").then(|| Self::decoded(rest))
    }

    fn decoded(text: &str) -> Option<Self> {
        let pair = String::from_utf8(BASE64_STANDARD.decode(text.trim()).ok()?).ok()?;
        let (email, password) = pair.split_once(':')?;
        Some(Self { email: email.to_owned(), password: password.to_owned() })
    }
}

impl DocsGuard {
    pub(crate) fn new(access: DocsAccess) -> Self {
        let remembered =
            moka::sync::Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED).build();
        Self { access, remembered }
    }

    /// Checks the credentials of the request. A request without credentials is accepted if the document is public.
    async fn check(&self, request: &HttpRequest, api: &Api) -> Result<(), Problem> {
        if let Some(basic) = Basic::of(request) {
            let basic = basic.ok_or_else(|| Problem::new(&kinds::INVALID_CREDENTIALS))?;
            return self.check_password(request, api, basic).await;
        }
        // A token is checked at every request, because that is fast and its session may have ended.
        match authenticated(request).await? {
            None if self.access == DocsAccess::Authenticated => Err(Problem::new(&kinds::UNAUTHENTICATED)),
            _ => Ok(()),
        }
    }

    async fn check_password(&self, request: &HttpRequest, api: &Api, basic: Basic) -> Result<(), Problem> {
        let Basic { email, password } = basic;
        let key = <[u8; 32]>::from(Sha256::digest(format!("{email}:{password}")));
        if let Some(known) = self.remembered.get(&key) {
            let (sessions, email) = (api.sessions(), email.clone());
            if api.run_any(async move { password_check::standing(&sessions, &email).await }).await??
                == Some(known)
            {
                return Ok(());
            }
            self.remembered.invalidate(&key);
        }
        api.limits.count_client(request, |limits| &limits.login).await?;
        let (sessions, origin) = (api.sessions(), origin_of(request));
        let checked = async move {
            // The state of the account is read before the password is checked. If the account changes in between, the
            // next request finds that the cached state is out of date.
            let standing = password_check::standing(&sessions, &email).await?;
            password_check::check(&sessions, &email, &password, &origin).await.map(|()| standing)
        };
        if let Some(standing) = api.run_any(checked).await?? {
            self.remembered.insert(key, standing);
        }
        Ok(())
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let nothing = Nothing::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let api = api_of(&request)?;
            let guard = request.app_data::<web::Data<DocsGuard>>().cloned().ok_or_else(|| Problem {
                cause: Some("no DocsGuard in the app's data".into()),
                ..Problem::new(&kinds::INTERNAL)
            })?;
            guard.check(&request, &api).await.map_err(|problem| match problem.kind.status {
                401 => problem.with_header(WWW_AUTHENTICATE, BASIC),
                _ => problem,
            })?;
            nothing.await?;
            Ok(Self)
        })
    }
}

impl Apiv2Schema for Reader {}

impl OperationModifier for Reader {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        for kind in [
            &kinds::UNAUTHENTICATED,
            &kinds::ACCESS_TOKEN_INVALID,
            &kinds::ACCESS_TOKEN_EXPIRED,
            &kinds::INVALID_CREDENTIALS,
        ] {
            describe::add_problem(op, kind);
        }
        Nothing::update_parameter(op);
    }

    fn update_security(op: &mut DefaultOperationRaw) {
        describe::add_bearer(op, None);
        describe::add_basic(op);
        describe::add_anonymous(op);
    }
}
