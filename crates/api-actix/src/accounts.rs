//! Accounts: sign-up, sessions, the caller's own profile and data, and users as administrators see them.

pub(crate) mod limits;
pub(crate) mod messages;
pub(crate) mod own_data;
pub(crate) mod pages;
pub(crate) mod password_check;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod signup;
pub(crate) mod users;
