//! The `cinema` command.

mod arguments;
mod create_admin;
mod export_movies;
mod failure;
mod generate_movies;
mod import_movies;
mod migrate;
mod output;
mod print;
mod runtime;
mod serve;
mod usage;
mod verify_audit;
mod wiring;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use self::{
    arguments::{AuditCommand, Cli, Command, DevCommand, MoviesCommand, ServeArgs, UsersCommand},
    failure::Failure,
    runtime::{run_to_completion, run_until_stopped},
};
use crate::{config::Settings, telemetry};

/// Runs the command that the arguments name, and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            return Failure::usage(usage::one_line(&error, &arguments)).report();
        }
        Err(help) => {
            // Printing fails when the reader closed the pipe, which is no error.
            drop(help.print());
            return ExitCode::SUCCESS;
        }
    };
    match dispatch(cli.command.unwrap_or_else(|| Command::Serve(ServeArgs::default()))) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(DevCommand::GenerateMovies(arguments)) => {
            generate_movies::run(arguments.count, arguments.seed)
        }
        Command::Dev(DevCommand::Problems) => print::problems(),
        Command::Serve(arguments) => {
            let settings = load(Log::AsSet)?;
            run_until_stopped(serve::serve(&settings, !arguments.no_workers))
        }
        Command::Worker => run_until_stopped(serve::work(&load(Log::AsSet)?)),
        Command::Migrate(arguments) => run_to_completion(migrate::run(&load(Log::Quiet)?, arguments.check)),
        Command::Movies(MoviesCommand::Import(arguments)) => {
            run_to_completion(import_movies::run(&load(Log::Quiet)?, arguments))
        }
        Command::Movies(MoviesCommand::Export) => run_to_completion(export_movies::run(&load(Log::Quiet)?)),
        Command::Users(UsersCommand::CreateAdmin(arguments)) => {
            run_to_completion(create_admin::run(&load(Log::Quiet)?, arguments))
        }
        Command::Audit(AuditCommand::Verify(arguments)) => {
            run_to_completion(verify_audit::run(&load(Log::Quiet)?, arguments))
        }
        Command::Openapi => print::openapi(&load(Log::Quiet)?),
        Command::Config => print::config(&load(Log::Quiet)?),
    }
}

/// How much a command logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// As `RUST_LOG` says.
    AsSet,
    /// Only warnings and errors, unless `RUST_LOG` asks for something else than the default.
    Quiet,
}

/// Reads the settings and starts logging.
fn load(log: Log) -> Result<Settings, Failure> {
    let settings = Settings::load()?;
    let is_quiet = log == Log::Quiet && settings.log_filter == "info";
    telemetry::init(&settings, if is_quiet { "warn" } else { &settings.log_filter });
    Ok(settings)
}
