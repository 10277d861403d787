//! Tests of the REST API over a real socket, with test doubles of all ports, so that no database is needed.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test reports its own location"
)]

mod support;

#[path = "api/connections.rs"]
mod connections;
#[path = "api/documents.rs"]
mod documents;
#[path = "api/edges.rs"]
mod edges;
#[path = "api/inputs.rs"]
mod inputs;
#[path = "api/problems.rs"]
mod problems;
