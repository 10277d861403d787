//! The storage ports on SQLite, the embedded database that is used by default.
//!
//! [`SqliteDatabase`] implements every store, query and maintenance port of the domain on one file in WAL mode. One
//! connection writes, for one unit of work at a time. Other connections read at the same time. Checkpoints and
//! migrations are run on new connections. The repositories, queries and schema are the source files of
//! `adapter-postgres`, compiled here against this crate's `dialect`, `bulk` and `unit_of_work`.

mod bulk;
mod checkpoints;
mod clauses;
mod database;
mod dialect;
mod error;
mod file;
#[path = "../../adapter-postgres/src/filter_bits.rs"]
mod filter_bits;
#[path = "../../adapter-postgres/src/index_part.rs"]
mod index_part;
mod log_sync;
mod migrate;
#[cfg(test)]
mod plan;
#[path = "../../adapter-postgres/src/queries/mod.rs"]
mod queries;
mod readers;
#[path = "../../adapter-postgres/src/repositories/mod.rs"]
mod repositories;
#[path = "../../adapter-postgres/src/schema.rs"]
mod schema;
#[path = "../../adapter-postgres/src/statement.rs"]
mod statement;
#[path = "../../adapter-postgres/src/title_parts.rs"]
mod title_parts;
mod unit_of_work;
mod writer;

/// The source files that are shared with `adapter-postgres` refer to the database type by this name.
pub(crate) use crate::database::SqliteDatabase as Database;
pub use crate::{
    database::{PoolOptions, SqliteDatabase},
    migrate::SchemaState,
};
