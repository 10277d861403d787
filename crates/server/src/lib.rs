//! The composition root: the settings, the wiring of use cases and adapters, the background work and the `cinema`
//! command.

mod cli;
mod composition;
pub mod config;
mod first_start;
mod telemetry;
mod workers;

pub use cli::run;
pub use composition::{
    Application, Database, DatabaseAdmin, Overrides, Prepared, Schema, StartError, UseCases, error_chain,
};
pub use telemetry::log_filter;
pub use workers::Workers;
