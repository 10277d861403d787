//! The storage ports on SQLite: the embedded default.
//!
//! [`SqliteDatabase`] implements every store, query and maintenance port of the domain on one file in WAL mode. One
//! connection writes, one unit of work at a time; others read at the same time, and one copies the write-ahead log. The
//! repositories, queries and schema are those of `adapter-postgres`, compiled against this crate's `dialect`, `bulk` and
//! `unit_of_work`.

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
mod unit_of_work;
mod writer;

/// The name of the database type in the sources that are shared with `adapter-postgres`.
pub(crate) use crate::database::SqliteDatabase as Database;
pub use crate::{
    database::{PoolOptions, SqliteDatabase},
    migrate::SchemaState,
};
