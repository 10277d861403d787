//! Accounts: users, how they sign in, and what they may do.
//!
//! The areas are `signup`, `sessions`, `profile`, `users` and `own_data`, each with the units of work (transactions) of
//! its use cases. The other modules contain types that several areas share.

mod access;
mod account_state;
mod administrators;
mod authority;
mod device;
mod email_address;
mod link_token;
mod origin;
mod own_data;
mod password;
mod ports;
mod profile;
mod role;
mod sessions;
mod signup;
mod user;
mod users;

pub use access::begin_as;
pub use account_state::{AccountState, InvalidTransition};
pub use administrators::{LastAdministrator, check_administrator_remains};
pub use authority::{AccessError, Actor, Authority, UserLocks};
pub use device::Device;
pub use email_address::{EmailAddress, InvalidEmailAddress, MAX_EMAIL_LENGTH};
pub use link_token::{LinkKind, LinkToken};
pub use origin::Origin;
pub use own_data::{
    HeldMovie, HeldPurchase, NotifiedAct, OpenLink, Opinions, OwnDataStore, OwnDataUnit, PersonalData,
    PersonalDataQueries, PersonalDataRepository, WatchedMovie, WrittenComment,
};
pub use password::{
    HashError, MAX_PASSWORD_LENGTH, PasswordHash, PasswordHasher, PasswordPolicy, PasswordProblem,
    PlainPassword,
};
pub use ports::{CredentialQueries, Credentials, InsertUserError, LinkTokenRepository, UserRepository};
pub use profile::{
    Change, DateOfBirth, Gender, InvalidDateOfBirth, InvalidProfileText, MAX_INFO_LENGTH, MAX_NAME_LENGTH,
    PersonName, Profile, ProfileChanges, ProfileInfo, ProfileRepository, ProfileStore, ProfileUnit,
    UnknownGender, public_name,
};
pub use role::{Role, UnknownRole};
pub use sessions::{
    AccessClaims, AccessTokenError, AccountMaintenance, KnownDevice, KnownDeviceRepository,
    MAX_KNOWN_DEVICES, MAX_SESSIONS, REFRESH_GRACE, RefreshClaims, RefreshToken, RefreshTokenError,
    SESSION_LIFETIME, Session, SessionQueries, SessionRepository, SessionState, SessionStore, SessionTokens,
    SessionUnit,
};
pub use signup::{SignUpStore, SignUpUnit};
pub use user::User;
pub use users::{UserDetails, UserFilter, UserQueries, UserSort, UserSortKey, UserStore, UserUnit};
