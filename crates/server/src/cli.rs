//! The `cinema` command.

mod arguments;
mod attach_media;
mod check;
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
use crate::{
    config::{LogFormat, Settings, SettingsError},
    telemetry,
};

/// Runs the `cinema` command that the arguments name, or `serve` if they name none. Returns the exit code of the
/// process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            return Failure::usage(usage::one_line(&error, &arguments)).report();
        }
        Err(help) => {
            // Printing fails if the reader has closed the pipe. That is not an error.
            drop(help.print());
            return ExitCode::SUCCESS;
        }
    };
    let command = cli.command.unwrap_or_else(|| Command::Serve(ServeArgs::default()));
    match dispatch(command) {
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
            run_until_stopped(serve::serve(&server_settings()?, !arguments.no_workers))
        }
        Command::Worker => run_until_stopped(serve::work(&server_settings()?)),
        Command::Migrate(arguments) => run_to_completion(migrate::run(&settings()?, arguments.check)),
        Command::Movies(MoviesCommand::Import(arguments)) => {
            run_to_completion(import_movies::run(&settings()?, arguments))
        }
        Command::Movies(MoviesCommand::Export) => run_to_completion(export_movies::run(&settings()?)),
        Command::Movies(MoviesCommand::AttachMedia(arguments)) => {
            run_to_completion(attach_media::run(&settings()?, arguments))
        }
        Command::Users(UsersCommand::CreateAdmin(arguments)) => {
            run_to_completion(create_admin::run(&settings()?, arguments))
        }
        Command::Audit(AuditCommand::Verify(arguments)) => {
            run_to_completion(verify_audit::run(&settings()?, arguments))
        }
        Command::Check(arguments) => run_to_completion(check::run(&settings()?, &arguments)),
        Command::Openapi => print::openapi(&settings()?),
        Command::Config => print::config(&settings()?),
    }
}

/// Reads the settings for `serve` or `worker`, and starts logging. Errors in the settings are reported in the
/// configured log format.
fn server_settings() -> Result<Settings, Failure> {
    let settings = Settings::load_to_serve();
    let log_format = settings.as_ref().map_or_else(SettingsError::log_format, |settings| settings.log_format);
    if log_format == LogFormat::Json {
        telemetry::say_json();
    }
    let settings = settings?;
    telemetry::init(&settings, &settings.log_filter);
    Ok(settings)
}

/// Reads the settings for a `cinema` command other than `serve` and `worker`, and starts logging. Only warnings and
/// errors are logged, unless `RUST_LOG` has another value than its default, `info`.
fn settings() -> Result<Settings, Failure> {
    let settings = Settings::load()?;
    let filter = if settings.log_filter == "info" { "warn" } else { &settings.log_filter };
    telemetry::init(&settings, filter);
    Ok(settings)
}
