//! Where a request came from.

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderValue, USER_AGENT},
};
use domain::accounts::{Device, Origin};

use super::ClientAddress;
use crate::edge::manners::RequestId;

/// How much of a `User-Agent` is kept.
const USER_AGENT_LENGTH: usize = 255;

/// Where the request came from, for the sign-in that it begins and for the audit log.
pub(crate) fn origin_of(request: &HttpRequest) -> Origin {
    Origin {
        device: Device {
            user_agent: request.headers().get(USER_AGENT).map(user_agent),
            ip: ClientAddress::of(request).0,
        },
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// What is kept of a `User-Agent`: what is no UTF-8 in it is marked as such, and nothing of it moves a cursor.
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
    fn a_user_agent_is_kept_whatever_bytes_it_has_without_controls_and_bounded() {
        assert_eq!(kept("Amélie's phone 📱".as_bytes()), "Amélie's phone 📱");
        assert_eq!(kept(b"device-\xff\xe9"), "device-\u{fffd}\u{fffd}");
        assert_eq!(kept("a\tb\u{9b}31mc".as_bytes()), "ab31mc");
        assert_eq!(kept("é".repeat(300).as_bytes()), "é".repeat(255));
        assert_eq!(kept(b""), "");
    }
}
