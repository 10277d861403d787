//! What goes in and out of the caller's own account.

use std::net::IpAddr;

use domain::{accounts::Session, id::SessionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    extract::{NewPassword, TypedPassword, inputs},
    moment::Moment,
};

/// The present password and the one to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PasswordChange", example = json!({"current_password": "correct horse 1", "new_password": "correct horse 2"}))]
pub(crate) struct ChangePasswordBody {
    /// The present one.
    pub(crate) current_password: TypedPassword,
    /// Another one, with a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the
    /// email, and none of the common ones.
    // The use case names the faults of both at once.
    #[schemars(extend("x-deferred" = true))]
    pub(crate) new_password: NewPassword,
}

inputs!(ChangePasswordBody);

/// A live session.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session", example = json!({
    "id": "0190a1b2-0000-7000-8000-000000000000",
    "created_at": "2026-11-22T10:00:00Z",
    "last_used_at": "2026-11-23T08:30:00Z",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "ip": "203.0.113.9",
    "current": true
}))]
pub(crate) struct SessionBody {
    id: Uuid,
    /// When it was begun by logging in.
    created_at: Moment,
    /// When its tokens were refreshed last.
    last_used_at: Moment,
    /// The `User-Agent` that logged in, cut to 255 characters.
    user_agent: Option<String>,
    /// The network address that logged in.
    ip: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionBody {
    pub(super) fn of(session: Session, calling: SessionId) -> Self {
        Self {
            id: session.id.as_uuid(),
            created_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            user_agent: session.device.user_agent,
            ip: session.device.ip.map(|ip| IpAddr::to_canonical(&ip).to_string()),
            current: session.id == calling,
        }
    }
}
