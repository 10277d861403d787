//! Sessions: how users sign in, stay signed in and sign out.

mod known_device;
mod ports;
mod session;
mod store;

pub use known_device::{KnownDevice, KnownDeviceRepository, MAX_KNOWN_DEVICES};
pub use ports::{AccountMaintenance, SessionQueries, SessionRepository, SessionState};
pub use session::{
    AccessClaims, AccessTokenError, MAX_SESSIONS, REFRESH_GRACE, RefreshClaims, RefreshToken,
    RefreshTokenError, SESSION_LIFETIME, Session, SessionTokens,
};
pub use store::{SessionStore, SessionUnit};
