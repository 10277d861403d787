//! What goes in and out of the caller's own account.

use std::net::IpAddr;

use domain::{
    accounts::{PlainPassword, Session},
    id::SessionId,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::bodies::typed_password,
    extract::{
        Fields, FromBody,
        values::{self, Fault},
    },
    moment::Moment,
    problem::shared::password_code,
    state::Api,
};

/// The present password and the one to be.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "PasswordChange", deny_unknown_fields, example = json!({"current_password": "correct horse 1", "new_password": "correct horse 2"}))]
pub(crate) struct ChangePasswordBody {
    /// The present one.
    #[schemars(with = "String", length(max = 1024), extend("format" = "password"))]
    pub(crate) current_password: PlainPassword,
    /// Another one, with a letter and a digit; where the server is strict, 15 characters of any kind instead. Not the
    /// email, and none of the common ones.
    #[schemars(with = "String", length(min = 8, max = 128), extend("format" = "password"))]
    pub(crate) new_password: PlainPassword,
}

impl FromBody for ChangePasswordBody {
    fn read(fields: &mut Fields, api: &Api) -> Option<Self> {
        let current = typed_password(fields, "current_password");
        let new = fields.required("new_password", values::text).map(|text| PlainPassword::new(&text));
        // The use case looks at both, and names the faults of both; so only what keeps it from running is found here.
        if let Some(Err(fault)) = new.as_ref().map(|new| api.accounts().password_policy().check(new, None)) {
            fields.fault_beside_others("new_password", Fault::new(password_code(fault), fault.to_string()));
        }
        Some(Self { current_password: current?, new_password: new? })
    }
}

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
