//! Accounts: who people are, how they sign in, and what keeps others out.

mod access;
mod account_state;
mod administrators;
mod authority;
mod device;
mod email_address;
mod known_device;
mod link_token;
mod origin;
mod password;
mod personal_data;
mod ports;
mod profile;
mod role;
mod session;
mod units;
mod user;
mod user_list;

pub use access::begin_as;
pub use account_state::{AccountState, InvalidTransition};
pub use administrators::{LastAdministrator, check_administrator_remains};
pub use authority::{AccessError, Actor, Authority, UserLocks};
pub use device::Device;
pub use email_address::{EmailAddress, InvalidEmailAddress, MAX_EMAIL_LENGTH};
pub use known_device::{KnownDevice, KnownDeviceRepository, MAX_KNOWN_DEVICES};
pub use link_token::{LinkKind, LinkToken};
pub use origin::Origin;
pub use password::{
    HashError, MAX_PASSWORD_LENGTH, PasswordHash, PasswordHasher, PasswordPolicy, PasswordProblem,
    PlainPassword,
};
pub use personal_data::{
    HeldMovie, NotifiedAct, OpenLink, PersonalData, PersonalDataQueries, PersonalDataRepository,
};
pub use ports::{
    AccountMaintenance, AccountQueries, Credentials, InsertUserError, LinkTokenRepository, ProfileRepository,
    SessionRepository, SessionState, UserRepository,
};
pub use profile::{
    Change, DateOfBirth, Gender, InvalidDateOfBirth, InvalidProfileText, MAX_INFO_LENGTH, MAX_NAME_LENGTH,
    PersonName, Profile, ProfileChanges, ProfileInfo, UnknownGender, public_name,
};
pub use role::{Role, UnknownRole};
pub use session::{
    AccessClaims, AccessTokenError, MAX_SESSIONS, REFRESH_GRACE, RefreshClaims, RefreshToken,
    RefreshTokenError, SESSION_LIFETIME, Session, SessionTokens,
};
pub use units::{AccountStore, AccountUnit};
pub use user::User;
pub use user_list::{UserDetails, UserFilter, UserQueries, UserSort, UserSortKey};
