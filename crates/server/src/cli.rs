//! The `cinema` command: its words, and what each does.

mod create_admin;
mod failure;
mod generate_movies;
mod import_movies;
mod migrate;
mod output;
mod serve;
mod usage;
mod verify_audit;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use app::audit::KnownSeal;
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use domain::accounts::EmailAddress;
use tokio::runtime::Runtime;

use self::{failure::Failure, serve::Ending};
use crate::{
    composition::{Overrides, UseCases},
    config::{LogFormat, Settings},
    movie_files::{Columns, facts_of, line_of},
    telemetry,
};

/// How long threads may take when there is nothing left to wait for.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// An online cinema: its API, its background work, and what its operators do.
///
/// Settings come from the environment, over .env, over cinema.toml; .env.example lists them, `cinema config` shows
/// those in force.
#[derive(Debug, Parser)]
#[command(name = "cinema", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the API and its background work (what happens without a command, too)
    Serve(ServeArgs),
    /// Run the background work alone, for several nodes: mails and clean-up
    Worker,
    /// Bring the database up to date
    Migrate(MigrateArgs),
    /// Bring movies in and out
    #[command(subcommand)]
    Movies(MoviesCommand),
    /// Look after accounts
    #[command(subcommand)]
    Users(UsersCommand),
    /// Look after the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Help with developing
    #[command(subcommand)]
    Dev(DevCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Print the settings in force, secrets hidden
    Config,
}

#[derive(Debug, Default, Args)]
struct ServeArgs {
    /// Run the API alone: a `cinema worker` elsewhere sends the mails
    #[arg(long)]
    no_workers: bool,
}

#[derive(Debug, Args)]
struct MigrateArgs {
    /// Only say whether the database is up to date: exit 0 when it is, 1 when not
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Subcommand)]
enum MoviesCommand {
    /// Bring movies in from CSV or JSON Lines; may be repeated
    ///
    /// A movie is the same by its name, year and duration: one that is there takes over what differs, and of several rows
    /// the last good one counts. A bad row is reported with its line, its name and the reason, and the rest goes on.
    ///
    /// Exit 0: every row is in. 3: some were rejected. 1: nothing was imported.
    Import(ImportArgs),
    /// Print every movie as JSON Lines that `import` takes back unchanged
    Export,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The file, or - for standard input; its ending says what it is (.csv, .jsonl), else its first character
    file: PathBuf,
    /// Which column of a CSV file holds which field: `name=Series_Title,year=Released_Year,stars=Star1,stars=Star2`
    ///
    /// The fields are those of POST /movies. A list field (genres, directors, stars) may be named several times, its
    /// cells are split at commas, and a name that stands twice counts once. `142 min` and `28,341,469` are understood.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    columns: Option<Columns>,
    /// The price of movies that come without one, in CURRENCY, such as 9.99
    #[arg(long, value_name = "AMOUNT")]
    default_price: Option<String>,
    /// Try everything and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the rejected rows to this file, to be mended and imported again
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Make an active administrator; the password is asked for
    CreateAdmin(CreateAdminArgs),
}

#[derive(Debug, Args)]
struct CreateAdminArgs {
    /// The account's e-mail address
    #[arg(long)]
    email: EmailAddress,
    /// Take the first line of standard input for the password, without its end
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Say whether the audit log is as it was written
    ///
    /// Background work seals its rows ten minutes after they were written, each seal over the one before. Note the last seal
    /// that this prints, away from the database: only by that a later run tells when the log was cut off.
    ///
    /// Exit 0: all of it holds. 1: rows or seals are missing, changed or added; each is told.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// Rows of before this moment were removed on purpose, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    removed_before: Option<DateTime<Utc>>,
    /// A last seal that an earlier run printed
    #[arg(long, value_name = "NUMBER:DIGEST")]
    known: Option<KnownSeal>,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Print N made-up movies as JSON Lines for `movies import`: the same ones for the same seed
    GenerateMovies(GenerateArgs),
    /// Print the page of every problem that an answer can be, for docs/problems.md
    Problems,
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// How many
    count: u64,
    /// Another number gives other movies
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command that the arguments name; says how the process ends.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            return Failure::usage(usage::one_line(&error, &arguments)).report();
        }
        Err(help) => {
            // A closed pipe is nobody's mistake.
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
    let settings = match &command {
        Command::Dev(DevCommand::GenerateMovies(arguments)) => {
            return generate_movies::run(arguments.count, arguments.seed);
        }
        Command::Dev(DevCommand::Problems) => return print_problems(),
        Command::Serve(_) | Command::Worker => Settings::load_to_serve()?,
        _ => Settings::load()?,
    };
    // What an operator does is quiet unless RUST_LOG says otherwise.
    let is_server = matches!(command, Command::Serve(_) | Command::Worker);
    let filter = if !is_server && settings.log_filter == "info" { "warn" } else { &settings.log_filter };
    telemetry::init(&settings, filter);
    if is_server && settings.log_format == LogFormat::Json {
        telemetry::say_json();
    }
    match command {
        Command::Serve(arguments) => run_until_stopped(serve::serve(&settings, !arguments.no_workers)),
        Command::Worker => run_until_stopped(serve::work(&settings)),
        Command::Migrate(arguments) => run_to_its_end(migrate::run(&settings, arguments.check)),
        Command::Movies(MoviesCommand::Import(arguments)) => {
            run_to_its_end(import_movies::run(&settings, arguments))
        }
        Command::Movies(MoviesCommand::Export) => run_to_its_end(export_movies(&settings)),
        Command::Users(UsersCommand::CreateAdmin(arguments)) => {
            run_to_its_end(create_admin::run(&settings, arguments))
        }
        Command::Audit(AuditCommand::Verify(arguments)) => {
            run_to_its_end(verify_audit::run(&settings, arguments))
        }
        Command::Dev(DevCommand::GenerateMovies(arguments)) => {
            generate_movies::run(arguments.count, arguments.seed)
        }
        Command::Dev(DevCommand::Problems) => print_problems(),
        Command::Openapi => print_openapi(&settings),
        Command::Config => print_config(&settings),
    }
}

fn run_to_its_end(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}

/// Leaves behind the threads that are held up, by a reader of standard output that has stopped reading or by a disk that
/// hangs: a runtime that is only dropped waits for them for ever.
fn run_until_stopped(work: impl Future<Output = Result<Ending, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    match ended? {
        Ending::Orderly => {
            runtime.shutdown_timeout(LAST_THREADS);
            Ok(ExitCode::SUCCESS)
        }
        Ending::AtOnce => {
            runtime.shutdown_background();
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The runtime of use cases and database connections.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads ({error})")))
}

/// The use cases for a command that serves nobody. Mails that it writes into the outbox link to the server.
async fn use_cases(settings: &Settings) -> Result<UseCases, Failure> {
    let frontend_url = settings.frontend_url.clone().unwrap_or_else(|| settings.public_url_in_force());
    Ok(UseCases::build(settings, &Overrides::default(), &frontend_url).await?)
}

async fn export_movies(settings: &Settings) -> Result<ExitCode, Failure> {
    let use_cases = use_cases(settings).await?;
    let mut output = output::Output::new();
    let mut after = None;
    loop {
        let movies = use_cases.catalog.export(after).await?;
        let Some(last) = movies.last() else { break };
        after = Some(last.summary.id);
        for movie in movies {
            output.line(&line_of(facts_of(movie)))?;
        }
    }
    output.finish()
}

fn print_openapi(settings: &Settings) -> Result<ExitCode, Failure> {
    let document = api_actix::openapi_document(&settings.public_url_in_force());
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(format!("cannot write the document ({error})")))?;
    let mut output = output::Output::new();
    output.line(&text)?;
    output.finish()
}

fn print_problems() -> Result<ExitCode, Failure> {
    let mut output = output::Output::new();
    output.line("# Problems\n")?;
    output.line("Every error answer is one of these (RFC 9457). `code` is what a client switches on; it is never renamed.")?;
    output
        .line("Written by `make openapi` from the registry in `crates/api-actix/src/problem/kinds.rs`.\n")?;
    output.line("| status | code | title | what happened, and what to do |\n| --- | --- | --- | --- |")?;
    let mut kinds = api_actix::problem::kinds::ALL.to_vec();
    kinds.sort_by_key(|kind| (kind.status, kind.code));
    for kind in kinds {
        output.line(&format!(
            "| {} | `{}` | {} | {} |",
            kind.status, kind.code, kind.title, kind.explanation
        ))?;
    }
    output.finish()
}

fn print_config(settings: &Settings) -> Result<ExitCode, Failure> {
    let mut output = output::Output::new();
    for (name, value) in settings.shown() {
        output.line(&format!("{name}={value}"))?;
    }
    let code = output.finish()?;
    for warning in settings.warnings() {
        failure::say(&format!("warning: {}: {}", warning.name, warning.text));
    }
    if let Err(faults) = Settings::load_to_serve() {
        failure::say(&format!("warning: `cinema serve` would not start: {faults}"));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        for words in [
            "serve",
            "worker",
            "migrate",
            "movies import",
            "movies export",
            "users create-admin",
            "audit verify",
            "dev generate-movies",
            "openapi",
            "config",
        ] {
            let arguments = ["cinema"].into_iter().chain(words.split(' ')).chain(["--help"]);
            let help = Cli::try_parse_from(arguments).unwrap_err();
            assert_eq!(help.exit_code(), 0, "{words}");
            assert!(help.to_string().contains("Usage: cinema"), "{words}");
        }
    }

    #[test]
    fn a_thread_that_is_held_up_does_not_hold_up_the_end() {
        let (holder, waits_for) = std::sync::mpsc::channel::<()>();
        let work = async move {
            tokio::task::spawn_blocking(move || waits_for.recv());
            Ok(ExitCode::SUCCESS)
        };
        run_to_its_end(work).unwrap();
        drop(holder);
    }

    #[test]
    fn wrong_usage_is_exit_2() {
        for words in [
            "fly",
            "movies",
            "movies import",
            "movies import a.csv --columns nonsense",
            "dev generate-movies many",
            "users create-admin --email nobody",
            "migrate --now",
            "audit verify --removed-before yesterday",
            "audit verify --known 13",
        ] {
            let arguments = ["cinema"].into_iter().chain(words.split(' '));
            assert_eq!(Cli::try_parse_from(arguments).unwrap_err().exit_code(), 2, "{words}");
        }
    }
}
