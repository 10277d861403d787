//! Accounts, in five areas with their own ports: [`SignUp`], [`Sessions`], [`Profiles`], [`Users`] and [`OwnData`]. The
//! other modules are shared by several areas.

#[cfg(test)]
mod audit_entries;
#[cfg(test)]
pub(crate) mod doubles;
#[cfg(test)]
mod lost_races;
mod mailed_links;
mod notices;
mod own_data;
mod password_guard;
mod profile;
mod seen_sessions;
mod sessions;
mod signup;
mod users;

pub use domain::accounts::Actor;
pub use mailed_links::{MailQuota, MailedLinks};
pub use own_data::{DeleteAccountError, OwnData};
pub use password_guard::PasswordGuard;
pub use profile::{Profiles, SetAvatarError};
pub use seen_sessions::SeenSessions;
pub use sessions::{
    AuthenticateError, ChangePasswordError, EndSessionError, LogInError, PasswordChangeFaults,
    PresentedToken, RefreshError, ResetPasswordError, Sessions, Standing, TokenPair,
};
pub use signup::{ActivateError, CreateAdminError, RegisterError, SignUp};
pub use users::{ChangeUserError, ListUsers, UserChanges, Users};
