//! The user data in requests and responses, as JSON.

use app::accounts::UserChanges;
use domain::accounts::{
    Gender, MAX_EMAIL_LENGTH, MAX_INFO_LENGTH, MAX_NAME_LENGTH, Profile, Role, UserDetails,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::inputs,
    moment::{Day, Moment},
};

/// What a user may do. Each role also has all permissions of the role before it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Role")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleBody {
    /// May browse, rate, buy and watch.
    User,
    /// May manage the catalogue, decide about reported comments, and see orders, payments, disputes and sales.
    Moderator,
    /// May manage users and refunds, and read the audit log.
    Admin,
}

impl From<Role> for RoleBody {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Moderator => Self::Moderator,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleBody> for Role {
    fn from(role: RoleBody) -> Self {
        match role {
            RoleBody::User => Self::User,
            RoleBody::Moderator => Self::Moderator,
            RoleBody::Admin => Self::Admin,
        }
    }
}

/// The gender that a person states.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Gender")]
#[serde(rename_all = "snake_case")]
pub(crate) enum GenderBody {
    /// A man.
    Man,
    /// A woman.
    Woman,
    /// Another gender, or not specified.
    Other,
}

impl From<Gender> for GenderBody {
    fn from(gender: Gender) -> Self {
        match gender {
            Gender::Man => Self::Man,
            Gender::Woman => Self::Woman,
            Gender::Other => Self::Other,
        }
    }
}

impl From<GenderBody> for Gender {
    fn from(gender: GenderBody) -> Self {
        match gender {
            GenderBody::Man => Self::Man,
            GenderBody::Woman => Self::Woman,
            GenderBody::Other => Self::Other,
        }
    }
}

/// The profile of a user; every field may be `null`.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Profile", example = profile_example())]
pub(crate) struct ProfileBody {
    #[schemars(length(max = MAX_NAME_LENGTH))]
    first_name: Option<String>,
    #[schemars(length(max = MAX_NAME_LENGTH))]
    last_name: Option<String>,
    gender: Option<GenderBody>,
    date_of_birth: Option<Day>,
    #[schemars(length(max = MAX_INFO_LENGTH))]
    info: Option<String>,
    /// The URL of the picture. Requests to this URL need no token. The picture at a URL never changes.
    #[schemars(extend("format" = "uri"))]
    avatar_url: Option<String>,
}

impl ProfileBody {
    /// Creates the body. Without a profile, all its fields are `null`.
    pub(crate) fn new(profile: Option<Profile>, public_url: &str) -> Self {
        profile.map_or_else(Self::default, |profile| Self {
            first_name: profile.first_name,
            last_name: profile.last_name,
            gender: profile.gender.map(GenderBody::from),
            date_of_birth: profile.date_of_birth.map(Day),
            info: profile.info,
            avatar_url: profile.avatar.map(|key| format!("{}/media/{key}", public_url.trim_end_matches('/'))),
        })
    }
}

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "User", example = user_example())]
pub(crate) struct UserBody {
    id: Uuid,
    #[schemars(email, length(max = MAX_EMAIL_LENGTH))]
    email: String,
    role: RoleBody,
    /// Whether the user may sign in.
    is_active: bool,
    created_at: Moment,
    profile: ProfileBody,
}

impl UserBody {
    pub(crate) fn new(user: UserDetails, public_url: &str) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: user.email.as_str().to_owned(),
            role: user.role.into(),
            is_active: user.is_active,
            created_at: Moment(user.created_at),
            profile: ProfileBody::new(user.profile, public_url),
        }
    }
}

/// Changes to a user. Omitted fields keep their values.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UserChanges", example = json!({"role": "moderator"}))]
pub(crate) struct UserChangesBody {
    role: Option<RoleBody>,
    /// Whether the user may sign in. `true` also activates an account that has not been activated yet; `false` prevents
    /// its owner from activating it.
    is_active: Option<bool>,
}

inputs!(UserChangesBody);

impl From<UserChangesBody> for UserChanges {
    fn from(body: UserChangesBody) -> Self {
        Self { role: body.role.map(Role::from), is_active: body.is_active }
    }
}

fn user_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000000",
        "email": "ann@example.com",
        "role": "user",
        "is_active": true,
        "created_at": "2026-11-22T10:00:00Z",
        "profile": profile_example(),
    })
}

fn profile_example() -> Value {
    json!({
        "first_name": "Ann",
        "last_name": null,
        "gender": "woman",
        "date_of_birth": "1984-02-29",
        "info": null,
        "avatar_url": "http://127.0.0.1:8000/media/avatars/0190a1b2-0000-7000-8000-000000000000.jpg",
    })
}
