//! The commands, their arguments and the text of `--help`.

use std::path::PathBuf;

use app::audit::KnownSeal;
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use domain::accounts::EmailAddress;

use crate::movie_files::Columns;

/// The backend of an online cinema: its API, its background work and the commands of its operators.
///
/// Settings are read from the environment, then from .env, then from cinema.toml; the first that has a setting wins.
/// .env.example lists all settings, `cinema config` prints the values in force.
#[derive(Debug, Parser)]
#[command(name = "cinema", version, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the API and its background work (the default command)
    Serve(ServeArgs),
    /// Run only the background work, such as sending mails; for setups with several nodes
    Worker,
    /// Bring the database up to date
    Migrate(MigrateArgs),
    /// Import and export movies
    #[command(subcommand)]
    Movies(MoviesCommand),
    /// Manage accounts
    #[command(subcommand)]
    Users(UsersCommand),
    /// Check the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Tools for developers
    #[command(subcommand)]
    Dev(DevCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Print the settings in force, with secrets hidden
    Config,
}

#[derive(Debug, Default, Args)]
pub(super) struct ServeArgs {
    /// Run only the API; a `cinema worker` process must do the background work
    #[arg(long)]
    pub(super) no_workers: bool,
}

#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Change nothing; exit with 0 if the database is up to date and with 1 if it is not
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum MoviesCommand {
    /// Bring movies in from CSV or JSON Lines; may be repeated
    ///
    /// A movie is the same by its name, year and duration: one that is there takes over what differs, and of several rows
    /// the last good one counts. A bad row is reported with its line, its name and the reason, and the rest goes on.
    ///
    /// Exit 0: every row is in. 3: some were rejected. 1: nothing was imported.
    Import(ImportArgs),
    /// Print every movie as JSON Lines, which `import` reads back without a change
    Export,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file, or - for standard input; its ending says what it is (.csv, .jsonl), else its first character
    pub(super) file: PathBuf,
    /// Which column of a CSV file holds which field: `name=Series_Title,year=Released_Year,stars=Star1,stars=Star2`
    ///
    /// The fields are those of POST /movies. A list field (genres, directors, stars) may be named several times, its
    /// cells are split at commas, and a name that stands twice counts once. `142 min` and `28,341,469` are understood.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub(super) columns: Option<Columns>,
    /// The price of movies that come without one, in CURRENCY, such as 9.99
    #[arg(long, value_name = "AMOUNT")]
    pub(super) default_price: Option<String>,
    /// Try everything and keep nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write the rejected rows to this file, to be mended and imported again
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Create an active administrator; asks for the password
    CreateAdmin(CreateAdminArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateAdminArgs {
    /// The account's e-mail address
    #[arg(long)]
    pub(super) email: EmailAddress,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(super) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no row of the audit log was changed, added or removed
    ///
    /// The background work seals rows ten minutes after they were written; each seal covers the seal before it. Keep the
    /// last seal that this command prints somewhere outside the database: a later run needs it (--known) to notice that
    /// the end of the log was removed.
    ///
    /// Exit code 0: the log is intact. 1: rows or seals are missing, changed or added; each is reported.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Accept that rows from before this time are missing, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub(super) removed_before: Option<DateTime<Utc>>,
    /// The last seal that an earlier run printed
    #[arg(long, value_name = "NUMBER:DIGEST")]
    pub(super) known: Option<KnownSeal>,
}

#[derive(Debug, Subcommand)]
pub(super) enum DevCommand {
    /// Print generated movies as JSON Lines for `movies import`; equal seeds give equal movies
    GenerateMovies(GenerateArgs),
    /// Print the list of all problem types of the API, for docs/problems.md
    Problems,
}

#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// The number of movies
    pub(super) count: u64,
    /// The seed of the random numbers
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
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
    fn every_command_has_help() {
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
    fn wrong_usage_has_exit_code_2() {
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
