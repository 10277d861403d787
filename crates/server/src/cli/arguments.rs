//! The commands, their arguments and the text of `--help`.

use std::{path::PathBuf, str::FromStr};

use app::audit::KnownSeal;
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use domain::{accounts::EmailAddress, id::MovieId, library::Language};
use movie_files::{Columns, Delimiter, TextEncoding};

/// The backend of an online cinema: its API, its background work and the commands of its operators.
///
/// Settings are read from the environment, then from .env, then from cinema.toml; the first source that has a setting
/// wins. .env.example lists all settings. `cinema config` prints the current values.
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
    /// Check the invariants of money and entitlements in the whole database
    ///
    /// The payments of the last 30 days are also compared with the payment provider's lists of checkouts, refunds and
    /// disputes.
    ///
    /// Exit code 0: no violations were found. 1: violations were found, or the payment provider's lists could not be
    /// read. Each violation is printed as a line on standard output.
    Check(CheckArgs),
    /// Tools for developers
    #[command(subcommand)]
    Dev(DevCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Print the current settings, with secrets hidden
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
    /// Only check; exit with 0 if the database is up to date and with 1 if it is not
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Also compare checkouts of the last ten minutes with the payment provider
    ///
    /// The payment provider may not have delivered the events of these checkouts yet, so use this option only while no
    /// payments are being made.
    #[arg(long)]
    pub(super) all_checkouts: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum MoviesCommand {
    /// Import movies from CSV, JSON Lines or a JSON array
    ///
    /// A movie is identified by its name, year and running time. New movies are added, existing ones are updated. An
    /// optional field without a column keeps its value in existing movies and gets a default value in new ones. If a
    /// movie has several rows, the last valid one is imported. Importing a file again changes nothing.
    ///
    /// An invalid row is reported with its line, its name and all its errors; the other rows are imported.
    /// If the file ends inside a quote or a JSON array, nothing is imported.
    ///
    /// Exit code 0: all rows were imported. 3: some rows were rejected. 1: nothing was imported, or an error stopped
    /// the import before the end of the file.
    Import(ImportArgs),
    /// Print every movie as JSON Lines for `import`, without uploaded posters, films and subtitles
    Export,
    /// Attach a film or subtitles to a movie, replacing earlier ones
    ///
    /// The film must be MP4 or WebM, which is detected from its content; subtitles must be WebVTT. All files are
    /// checked before any is stored.
    AttachMedia(AttachMediaArgs),
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file, or - for standard input
    ///
    /// The format is detected from the file name extension (.csv, .tsv, .json, .jsonl or .ndjson), or else from the
    /// first character.
    pub(super) file: PathBuf,
    /// The columns or JSON keys whose names differ from the names of their fields, such as
    /// `name=Series_Title,stars=Star1,stars=Star2`
    ///
    /// Columns that have the name of a field need not be listed. The fields are `name`, `year`, `duration_minutes`,
    /// `imdb`, `votes`, `price`, `meta_score`, `gross`, `description`, `certification`, `genres`, `directors`, `stars`,
    /// `poster_url`, `trailer_url`, `sort_name`, `imdb_id`, `tmdb_id` and `is_available`. The first five are required,
    /// and `price` is required without --default-price.
    /// Genres, directors and stars may have several columns, and several names with commas between them in a cell.
    #[arg(long, value_name = "FIELD=COLUMN,…", default_value = "", hide_default_value = true)]
    pub(super) columns: Columns,
    /// The price of movies without a price in the file, such as 9.99; its currency is the setting CURRENCY
    #[arg(long, value_name = "AMOUNT")]
    pub(super) default_price: Option<String>,
    /// The character between the cells of a CSV file, such as ; or the word tab [default: detected from the header]
    #[arg(long, value_name = "CHARACTER")]
    pub(super) delimiter: Option<Delimiter>,
    /// The character encoding, such as windows-1251 [default: UTF-8, UTF-16 or Windows-1252, detected from the file]
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<TextEncoding>,
    /// Report what an import would do, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write rejected rows to this file, to be corrected and imported again
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct AttachMediaArgs {
    /// The identifier of the movie
    pub(super) movie: MovieId,
    /// The film
    #[arg(required_unless_present = "subtitles")]
    pub(super) file: Option<PathBuf>,
    /// Subtitles, such as de=FILE.vtt; may be repeated
    #[arg(long, value_name = "LANGUAGE=FILE")]
    pub(super) subtitles: Vec<SubtitlesFile>,
}

/// A file with subtitles, and their language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubtitlesFile {
    pub(super) language: Language,
    pub(super) path: PathBuf,
}

impl FromStr for SubtitlesFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (language, path) = text.split_once('=').ok_or("must be LANGUAGE=FILE, such as de=FILE.vtt")?;
        if path.is_empty() {
            return Err("must contain a file name after the =".to_owned());
        }
        let language = language.parse().map_err(|error| format!("{language}: {error}"))?;
        Ok(Self { language, path: path.into() })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Create an active administrator; asks for the password
    CreateAdmin(CreateAdminArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateAdminArgs {
    /// The account's email address
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
    /// The background work seals rows ten minutes after they were written. A seal contains a digest of its rows and of
    /// the seal before it. This command prints the last seal. Keep a copy of it outside the database: a later run needs
    /// it (--known) to notice that the end of the log was removed.
    ///
    /// Exit code 0: the log is intact. 1: rows or seals are missing, changed or added; each is reported.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Accept that rows from before this time, such as 2026-01-01T00:00:00Z, are missing
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
            "movies attach-media",
            "users create-admin",
            "audit verify",
            "check",
            "dev generate-movies",
            "dev problems",
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
            "movies import a.csv --delimiter ab",
            "movies import a.csv --encoding nonsense",
            "movies attach-media no-uuid film.mp4",
            "movies attach-media 0190a1b2-0000-7000-8000-000000000000",
            "movies attach-media 0190a1b2-0000-7000-8000-000000000000 --subtitles de",
            "movies attach-media 0190a1b2-0000-7000-8000-000000000000 --subtitles german=a.vtt",
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
