//! The storage ports on SQLite: the embedded default.
