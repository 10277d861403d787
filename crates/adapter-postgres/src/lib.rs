//! The storage ports on PostgreSQL.
//!
//! [`PostgresDatabase`] implements every store, query and maintenance port of the domain. It uses no LISTEN, advisory locks,
//! triggers or temporary tables. The only session state is prepared statements, which a pooler in transaction mode must
//! support (docs/operations.md, "Behind `PgBouncer`").

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
mod tls;
mod unit_of_work;

/// The name of the database type in the sources shared with `adapter-sqlite`.
pub(crate) use crate::database::PostgresDatabase as Database;
pub use crate::{
    check_address::InvalidAddress,
    database::{PoolOptions, PostgresDatabase},
    migrate::SchemaState,
    requirements::Unsuitable,
};
