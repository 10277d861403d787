//! The users of a server. Each of their calls goes through a socket and the public API.

use std::{
    future::{Future, IntoFuture},
    ops::Deref,
    pin::Pin,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, canaries};

/// The beginnings of the paths to which `/api/v1` is not prepended. It is not prepended to the path `/` either.
const OPERATIONAL: [&str; 11] = [
    "/api/",
    "/health",
    "/media/",
    "/openapi.json",
    "/docs",
    "/problems",
    "/sandbox/",
    "/activate",
    "/reset-password",
    "/unsubscribe",
    "/metrics",
];

/// Returns the email address of a person.
pub(crate) fn email_of(name: &str) -> String {
    format!("{name}@example.com")
}

/// Returns the password of a person. Each person has a different password.
pub(crate) fn password_of(name: &str) -> String {
    format!("S3cret of {name}")
}

/// A caller of the API: a visitor, or a user with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: Arc<str>,
    /// The public URL of the server. The problem types in its responses begin with this URL.
    public_url: Arc<str>,
    authorization: Option<String>,
}

impl Caller {
    pub(crate) fn visitor(http: reqwest::Client, base: &str, public_url: &str) -> Self {
        Self { http, base: base.into(), public_url: public_url.into(), authorization: None }
    }

    /// Returns the same caller with this access token.
    pub(crate) fn with_token(&self, access: &str) -> Self {
        Self { authorization: Some(format!("Bearer {access}")), ..self.clone() }
    }

    /// Returns a caller with the same access token, whose calls go to the server with this URL.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.into(), public_url: base.into(), ..self.clone() }
    }

    pub(crate) fn get(&self, path: impl AsRef<str>) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn delete(&self, path: impl AsRef<str>) -> Call {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn head(&self, path: impl AsRef<str>) -> Call {
        self.call(Method::HEAD, path)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller creates the body for this call")]
    pub(crate) fn patch(&self, path: impl AsRef<str>, body: Value) -> Call {
        self.call(Method::PATCH, path).json(&body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller creates the body for this call")]
    pub(crate) fn post(&self, path: impl AsRef<str>, body: Value) -> Call {
        self.call(Method::POST, path).json(&body)
    }

    /// Creates a call. `/api/v1` is prepended to the path, unless the path begins with one of `OPERATIONAL` or is
    /// `/`.
    pub(crate) fn call(&self, method: Method, path: impl AsRef<str>) -> Call {
        let path = path.as_ref();
        let is_operational = path == "/" || OPERATIONAL.iter().any(|known| path.starts_with(known));
        let prefix = if is_operational { "" } else { "/api/v1" };
        self.call_at(method, format!("{prefix}{path}"))
    }

    /// Creates a call of exactly this path and query.
    pub(crate) fn call_at(&self, method: Method, target: String) -> Call {
        canaries::plant_address(&target);
        let mut request = self.http.request(method.clone(), format!("{}{target}", self.base));
        if let Some(authorization) = &self.authorization {
            canaries::plant_authorization(authorization);
            request = request.header("authorization", authorization);
        }
        Call { method, target, public_url: Arc::clone(&self.public_url), request }
    }
}

/// A call of the API. It is sent when it is awaited, or by [`Call::begin`] or [`Call::attempt`].
#[must_use]
pub(crate) struct Call {
    method: Method,
    target: String,
    public_url: Arc<str>,
    request: reqwest::RequestBuilder,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if name.eq_ignore_ascii_case("authorization") {
            canaries::plant_authorization(&String::from_utf8_lossy(value.as_ref()));
        }
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        if !self.has_public_body() {
            canaries::plant_texts(body);
        }
        self.request = self.request.json(body);
        self
    }

    pub(crate) fn body(mut self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        let body = body.into();
        // A multipart body contains a file, which is neither a secret nor text.
        let may_be_secret = !kind.starts_with("multipart/") && !self.has_public_body();
        if let Some(bytes) = body.as_bytes().filter(|_| may_be_secret) {
            canaries::plant_bytes(bytes);
        }
        self.request = self.request.header("content-type", kind).body(body);
        self
    }

    /// Returns whether the body may appear in the log and in the audit log: what moderators write into the catalogue is
    /// public, and events of a payment provider contain only its identifiers.
    fn has_public_body(&self) -> bool {
        let path = self.target.trim_start_matches("/api/v1/");
        let (area, rest) = path.split_once('/').unwrap_or((path, ""));
        let areas = ["movies", "genres", "directors", "stars", "certifications"];
        (areas.contains(&area) && !rest.contains('/')) || path.starts_with("payments/webhooks/")
    }

    /// Sends the call without reading the body of the response and without checking the response. This is for event
    /// streams, which have no end, and for films of which a case reads only a part.
    pub(crate) async fn begin(self) -> reqwest::Response {
        self.request.send().await.expect("an answer")
    }

    /// Sends the call. Returns `None` if no complete response arrives, for example because the server stops.
    pub(crate) async fn attempt(self) -> Option<Answer> {
        self.send().await.ok()
    }

    async fn send(self) -> Result<Answer, reqwest::Error> {
        let Self { method, target, public_url, request } = self;
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // The body of an event stream has no end, so it is not read here. Cases read it with `begin`.
        let is_stream = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream { Vec::new() } else { answer.bytes().await?.to_vec() };
        canaries::plant_tokens_of(&body);
        let answer = Answer { method: method.to_string(), target, status, headers, body };
        Ok(answer.keeps_the_rules(&public_url))
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let what = format!("{} {}", self.method, self.target);
        Box::pin(async move { self.send().await.unwrap_or_else(|error| panic!("{what}: {error:?}")) })
    }
}

/// The tokens of a signed-in user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Reads the tokens from the response to a sign-in or a refresh, whose body must have exactly these two members.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer}");
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().len(), 2, "{answer}");
        let text =
            |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned();
        Self { access: text("access"), refresh: text("refresh") }
    }
}

/// Decodes a part of a JSON Web Token, without checking the signature.
pub(crate) fn jwt_part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// A signed-in user.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    caller: Caller,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) tokens: Tokens,
}

impl SignedIn {
    /// Logs the user in through the public API.
    pub(crate) async fn log_in(visitor: &Caller, email: &str, password: &str) -> Self {
        let answer = visitor.post("/accounts/login", json!({"email": email, "password": password})).await;
        Self::holding(visitor, email, password, Tokens::of(&answer))
    }

    /// Returns a user who has already logged in and has these tokens.
    pub(crate) fn holding(visitor: &Caller, email: &str, password: &str, tokens: Tokens) -> Self {
        Self {
            caller: visitor.with_token(&tokens.access),
            email: email.to_owned(),
            password: password.to_owned(),
            tokens,
        }
    }

    /// Returns the user's identifier, which is read from the access token.
    pub(crate) fn id(&self) -> uuid::Uuid {
        jwt_part(&self.tokens.access, 1)["sub"].as_str().unwrap().parse().unwrap()
    }
}

impl Deref for SignedIn {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}
