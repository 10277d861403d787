//! `cinema migrate`.

use std::process::ExitCode;

use super::{failure::Failure, output::Output};
use crate::{
    composition::{self, Schema, StartError, look_at_schema, open_database},
    config::Settings,
};

const CURRENT: &str = "the database is up to date";

/// Migrates the database, or only checks whether it is up to date.
pub(super) async fn run(settings: &Settings, only_checks: bool) -> Result<ExitCode, Failure> {
    let message = if only_checks { check(settings).await? } else { migrate(settings).await? };
    let mut output = Output::new();
    output.line(&message)?;
    output.finish()
}

async fn check(settings: &Settings) -> Result<String, StartError> {
    match look_at_schema(settings).await? {
        Schema::Current => Ok(CURRENT.to_owned()),
        Schema::Behind(count) => Err(StartError::Behind(count)),
        Schema::Ahead => Err(StartError::Ahead),
    }
}

async fn migrate(settings: &Settings) -> Result<String, StartError> {
    let database = open_database(settings).await?;
    match database.schema().await.map_err(StartError::Database)? {
        Schema::Current => Ok(CURRENT.to_owned()),
        Schema::Behind(count) => {
            composition::migrate(&*database).await?;
            Ok(format!("migrated the database ({count} migrations)"))
        }
        Schema::Ahead => Err(StartError::Ahead),
    }
}
