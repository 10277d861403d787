//! Extractor of the origin of a request: the client's device (user agent and network address) and the request id.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{HeaderValue, USER_AGENT},
};
use domain::accounts::{self, Device};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};

use super::api_of;
use crate::{client_address::client_address, edge::context::RequestId};

/// The maximum length of a stored `User-Agent`, in characters.
const USER_AGENT_LENGTH: usize = 255;

/// Extracts the client's device and the request id. Sessions store the device; entries of the audit log store the
/// network of the device and the request id.
pub(crate) struct Origin(pub(crate) accounts::Origin);

impl FromRequest for Origin {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(origin_of(request))))
    }
}

impl Apiv2Schema for Origin {}
impl OperationModifier for Origin {}

/// Returns the origin of a request.
pub(crate) fn origin_of(request: &HttpRequest) -> accounts::Origin {
    accounts::Origin {
        device: Device {
            user_agent: request.headers().get(USER_AGENT).map(user_agent),
            ip: api_of(request).ok().and_then(|api| client_address(request, &api.settings.trusted_proxies)),
        },
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// Returns the part of a `User-Agent` that is stored: the first characters, without control characters. Bytes that are
/// not UTF-8 are replaced by U+FFFD.
fn user_agent(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.chars().filter(|character| !character.is_control()).take(USER_AGENT_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: &[u8]) -> String {
        user_agent(&HeaderValue::from_bytes(bytes).unwrap())
    }

    #[test]
    fn a_user_agent_with_any_bytes_is_stored_without_control_characters_and_truncated() {
        assert_eq!(kept("Amélie's phone 📱".as_bytes()), "Amélie's phone 📱");
        assert_eq!(kept(b"device-\xff\xe9"), "device-\u{fffd}\u{fffd}");
        assert_eq!(kept("a\tb\u{9b}31mc".as_bytes()), "ab31mc");
        assert_eq!(kept("é".repeat(300).as_bytes()), "é".repeat(255));
        assert_eq!(kept(b""), "");
    }
}
