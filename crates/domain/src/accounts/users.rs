//! Users, as administrators see and change them.

mod list;
mod store;

pub use list::{UserDetails, UserFilter, UserQueries, UserSort, UserSortKey};
pub use store::{UserStore, UserUnit};
