//! The storage ports on PostgreSQL.
//!
//! [`PostgresDatabase`] implements every store, query and maintenance port of the domain. It uses no LISTEN, advisory
//! locks or temporary tables, so that it also works behind a connection pooler in transaction mode. Prepared
//! statements are the only session state. The pooler must support them (docs/operations.md, "Behind `PgBouncer`").

mod address;
mod bulk;
mod check_address;
mod clauses;
mod database;
mod dialect;
mod error;
mod filter_bits;
mod index_part;
mod migrate;
#[cfg(test)]
mod plan;
mod pool;
mod queries;
mod repositories;
mod requirements;
mod schema;
mod session;
mod statement;
mod title_parts;
mod tls;
mod unit_of_work;

/// The sources that `adapter-sqlite` also compiles refer to the database type by this name.
pub(crate) use crate::database::PostgresDatabase as Database;
pub use crate::{
    check_address::InvalidAddress,
    database::{PoolOptions, PostgresDatabase},
    migrate::SchemaState,
    requirements::Unsuitable,
};
