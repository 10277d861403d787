//! Where a request came from.

use actix_web::{HttpMessage, HttpRequest, http::header::USER_AGENT};
use domain::accounts::{Device, Origin};

use super::ClientAddress;
use crate::edge::manners::RequestId;

/// How much of a `User-Agent` is kept.
const USER_AGENT_LENGTH: usize = 255;

/// Where the request came from, for the sign-in that it begins and for the audit log.
pub(crate) fn origin_of(request: &HttpRequest) -> Origin {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Origin {
        device: Device {
            user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_LENGTH).collect()),
            ip: ClientAddress::of(request).0,
        },
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
    }
}
