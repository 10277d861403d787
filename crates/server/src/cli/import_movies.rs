//! `cinema movies import`.

mod batch_size;
mod counts;
mod import;
mod rejects;
mod source;

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use app::catalog::{Catalog, Repeats};
use domain::money::Money;
use indicatif::{ProgressBar, ProgressStyle};
use movie_files::{
    ColumnsError, Delimiter, Field, FileKind, Findings, Format, MovieFile, MovieFileError, ReadOptions,
    TextEncoding, printable,
};

use self::{
    batch_size::BatchSize,
    counts::Counts,
    import::{BATCH_ROWS, Import, SQLITE_BATCH_ROWS},
    rejects::Rejects,
    source::Source,
};
use super::{
    arguments::ImportArgs,
    failure::{Failure, say},
    wiring::use_cases,
};
use crate::config::{DatabaseSetting, Settings};

/// The maximum number of batches that are imported into `PostgreSQL` at the same time. The `PostgreSQL` server uses one
/// processor core for each batch. `SQLite` allows only one writer at a time, so batches are imported into it one after
/// the other.
const PARALLEL_BATCHES: usize = 2;

/// Imports the movies of a file.
pub(super) async fn run(settings: &Settings, arguments: ImportArgs) -> Result<ExitCode, Failure> {
    let default_price = match &arguments.default_price {
        Some(text) => Some(
            Money::parse_major(text, settings.currency)
                .map_err(|error| Failure::usage(format!("--default-price {text:?}: {error}")))?,
        ),
        None => None,
    };
    let path = arguments.file;
    let options = ReadOptions {
        default_price,
        columns: arguments.columns,
        kind: FileKind::of_path(&path),
        delimiter: arguments.delimiter,
        encoding: arguments.encoding,
        ..ReadOptions::new(settings.currency)
    };
    let source = Source::open(&path)?;
    let explain = |error| explained(&path, &error);
    let open = || MovieFile::read(source.read()?, options.clone()).map_err(explain);
    let mut file = open()?;
    let rejects =
        arguments.rejects.map(|rejects| Rejects::create(rejects, &path, file.header())).transpose()?;
    let use_cases = use_cases(settings).await?;
    use_cases.database.expect_bulk_writes().await?;
    let bar = progress_bar(source.size());
    let superseded = superseded(&use_cases.catalog, &mut file, &bar).map_err(explain)?;
    report_findings(&path, &file.findings(), &bar);
    let import = Import {
        catalog: Arc::clone(&use_cases.catalog),
        is_dry_run: arguments.dry_run,
        batch_size: BatchSize::up_to(match settings.database {
            DatabaseSetting::Sqlite(_) => SQLITE_BATCH_ROWS,
            DatabaseSetting::Postgres(_) => BATCH_ROWS,
        }),
        parallel: match settings.database {
            DatabaseSetting::Sqlite(_) => 1,
            DatabaseSetting::Postgres(_) => {
                PARALLEL_BATCHES.min(usize::try_from(settings.database_pool_size).unwrap_or(1))
            }
        },
        superseded,
        rejects,
        bar,
        counts: Counts::default(),
        batch: Vec::new(),
        batch_bytes: 0,
        running: VecDeque::new(),
    };
    import.run(open()?, explain).await
}

/// Reads the whole file to find repeated movies. Returns the numbers, counted from 0, of the rows that a later valid
/// row for the same movie supersedes.
fn superseded(
    catalog: &Catalog,
    file: &mut MovieFile,
    bar: &ProgressBar,
) -> Result<HashSet<u64>, MovieFileError> {
    let bytes_read = file.bytes_read();
    let mut repeats = Repeats::default();
    for (number, row) in (0..).zip(file) {
        if let Ok(imported) = row?.facts {
            catalog.note_row(number, imported.facts, &mut repeats);
        }
        bar.set_position(bytes_read.get());
    }
    Ok(repeats.superseded())
}

/// Prints which columns are ignored. Also prints the detected format and encoding, unless the file is UTF-8 and either
/// CSV with commas or JSON Lines.
fn report_findings(path: &Path, findings: &Findings, bar: &ProgressBar) {
    let Findings { format, encoding, ignored } = findings;
    let is_usual = *encoding == TextEncoding::UTF_8
        && matches!(*format, Format::Csv(Delimiter::COMMA) | Format::JsonLines);
    let say_of_file = |text: String| bar.suspend(|| say(&format!("{}: {text}", name_of(path))));
    if !is_usual {
        say_of_file(format!("read as {format}, in {encoding}"));
    }
    if !ignored.is_empty() {
        let names: Vec<String> = ignored.iter().map(|name| printable(name, 60)).collect();
        say_of_file(format!("ignored columns: {}", names.join(", ")));
    }
}

fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Turns the error into a message. Adds advice for errors that an option of the command can correct. For an
/// incomplete file, adds that nothing was imported.
fn explained(path: &Path, error: &MovieFileError) -> Failure {
    let message = format!("{}: {error}", name_of(path));
    match error {
        MovieFileError::Columns(error) => Failure::usage(match error {
            ColumnsError::Missing { field: Field::Price, .. } => {
                format!("{message}: name it with --columns price=… or give --default-price")
            }
            ColumnsError::Missing { field, header } if header.len() > 1 => {
                format!("{message}: name it with --columns {field}=…")
            }
            ColumnsError::Missing { .. } => {
                format!("{message}: give the character between the cells with --delimiter")
            }
            _ => message,
        }),
        MovieFileError::DelimiterForJson => Failure::usage(format!("{message}: leave --delimiter out")),
        MovieFileError::OpenQuote { .. } | MovieFileError::OpenArray { .. } => {
            Failure::new(format!("{message}; nothing was imported"))
        }
        _ => Failure::new(message),
    }
}

/// Creates a progress bar, which is shown only on a terminal.
fn progress_bar(size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size).with_message("looking for repeated rows");
    let template = "{bar:40} {percent:>3} % {msg} ({eta} left)";
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}
