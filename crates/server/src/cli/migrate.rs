use std::process::ExitCode;

use super::{Failure, output::Output};
use crate::{
    composition::{Schema, StartError, open_database},
    config::Settings,
};

/// Brings the database up to date, or only says whether it is.
pub(super) async fn run(settings: &Settings, only_checks: bool) -> Result<ExitCode, Failure> {
    let database = open_database(settings).await?;
    let schema = database.schema().await.map_err(StartError::Database)?;
    let message = match schema {
        Schema::Current => "the database is up to date".to_owned(),
        Schema::Ahead => return Err(StartError::Ahead.into()),
        Schema::Behind(count) if only_checks => return Err(StartError::Behind(count).into()),
        Schema::Behind(count) => {
            database.migrate().await.map_err(StartError::Migration)?;
            format!("brought the database up to date ({count} migrations)")
        }
    };
    let mut output = Output::new();
    output.line(&message)?;
    output.finish()
}
