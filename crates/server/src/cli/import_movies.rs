mod rejects;
mod source;

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use app::catalog::{ImportError, ImportOutcome, Repeats};
use domain::{catalog::InvalidMovie, money::Money};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use self::{rejects::Rejects, source::Source};
use super::{
    arguments::ImportArgs,
    failure::{Failure, say},
    output::Output,
    wiring::use_cases,
};
use crate::{
    composition::UseCases,
    config::{DatabaseSetting, Settings},
    movie_files::{MovieFile, MovieFileError, Row, RowOptions},
};

/// How many rows make a transaction, and how many bytes of them are kept until it is done.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How many batches `PostgreSQL` is at work on at once: one connection has one core of it. `SQLite` has one writer.
const AT_ONCE: usize = 2;

/// Nothing, or only a part, was imported.
const SOME_REJECTED: u8 = 3;
const NOTHING_IMPORTED: u8 = 1;

/// Brings movies in from a file.
pub(super) async fn run(settings: &Settings, arguments: ImportArgs) -> Result<ExitCode, Failure> {
    let default_price = match &arguments.default_price {
        Some(text) => Some(
            Money::parse_major(text, settings.currency)
                .map_err(|error| Failure::usage(format!("--default-price {text:?}: {error}")))?,
        ),
        None => None,
    };
    let options = RowOptions {
        currency: settings.currency,
        default_price,
        columns: arguments.columns.clone(),
        adopts_prices: false,
    };
    let path = &arguments.file;
    let source = Source::open(path)?;
    let open = || {
        let source = source.read()?;
        MovieFile::read(source, path, options.clone())
    };
    let failed = |error| unreadable(path, &error);
    let file = open().map_err(failed)?;
    let rejects =
        arguments.rejects.map(|rejects| Rejects::create(rejects, path, file.header())).transpose()?;
    let use_cases = use_cases(settings).await?;
    let bar = progress_bar(source.size());
    let superseded = superseded(&use_cases, file, &bar).map_err(failed)?;
    let import = Import {
        use_cases: &use_cases,
        is_dry: arguments.dry_run,
        superseded,
        rejects,
        bar,
        counts: Counts::default(),
        batch: Vec::with_capacity(BATCH),
        batch_bytes: 0,
        at_once: match settings.database {
            DatabaseSetting::Sqlite(_) => 1,
            DatabaseSetting::Postgres(_) => {
                AT_ONCE.min(usize::try_from(settings.database_pool_size).unwrap_or(1))
            }
        },
        underway: VecDeque::with_capacity(AT_ONCE),
    };
    import.run(open().map_err(failed)?, path).await
}

/// Reads the file once, to know which rows, counted from 0, a later one supersedes.
fn superseded(
    use_cases: &UseCases,
    file: MovieFile,
    bar: &ProgressBar,
) -> Result<HashSet<u64>, MovieFileError> {
    let bytes_read = file.bytes_read();
    let mut repeats = Repeats::default();
    for (number, row) in (0..).zip(file) {
        if let Ok(facts) = row?.facts {
            use_cases.catalog.look_at(number, facts, &mut repeats);
        }
        bar.set_position(bytes_read.get());
    }
    Ok(repeats.superseded())
}

fn unreadable(path: &Path, error: &MovieFileError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        MovieFileError::Columns(_) => Failure::usage(message),
        _ => Failure::new(message),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size).with_message("looking for repeated rows");
    let template = "{bar:40} {percent:>3} % {msg} ({eta} left)";
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// What became of the rows so far.
#[derive(Debug, Default)]
struct Counts {
    added: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
}

impl Counts {
    fn imported(&self) -> u64 {
        self.added.saturating_add(self.updated).saturating_add(self.unchanged)
    }

    fn rows(&self) -> u64 {
        self.imported().saturating_add(self.rejected)
    }

    fn exit_code(&self) -> ExitCode {
        match (self.imported(), self.rejected) {
            (0, _) => ExitCode::from(NOTHING_IMPORTED),
            (_, 0) => ExitCode::SUCCESS,
            _ => ExitCode::from(SOME_REJECTED),
        }
    }

    /// Counts what became of a row; a rejected one is only told why.
    const fn note(&mut self, outcome: ImportOutcome) -> Option<InvalidMovie> {
        let counter = match outcome {
            ImportOutcome::Added => &mut self.added,
            ImportOutcome::Updated => &mut self.updated,
            ImportOutcome::Unchanged | ImportOutcome::Superseded => &mut self.unchanged,
            ImportOutcome::Rejected(fault) => return Some(fault),
        };
        *counter = counter.saturating_add(1);
        None
    }

    fn summary(&self, is_dry: bool) -> String {
        let Self { added, updated, unchanged, rejected } = self;
        let dry = if is_dry { "; dry run: nothing was kept" } else { "" };
        format!(
            "{} rows: {added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected{dry}",
            self.rows()
        )
    }
}

struct Import<'a> {
    use_cases: &'a UseCases,
    is_dry: bool,
    /// The rows, counted from 0, in whose place later ones count.
    superseded: HashSet<u64>,
    rejects: Option<Rejects>,
    bar: ProgressBar,
    counts: Counts,
    batch: Vec<Row>,
    batch_bytes: usize,
    /// How many batches the store is at work on at once, while the next one is read.
    at_once: usize,
    underway: VecDeque<Underway>,
}

/// A batch that the store is at work on.
struct Underway {
    rows: Vec<ReadRow>,
    outcomes: JoinHandle<Result<Vec<ImportOutcome>, ImportError>>,
}

/// What is kept of a row to report on it.
struct ReadRow {
    line: u64,
    name: Option<String>,
    raw: Vec<u8>,
    fault: Option<String>,
}

impl Import<'_> {
    async fn run(mut self, file: MovieFile, path: &Path) -> Result<ExitCode, Failure> {
        let bytes_read = file.bytes_read();
        for (number, row) in (0..).zip(file) {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    self.settle(0).await?;
                    return Err(self.stopped(&unreadable(path, &error)));
                }
            };
            if self.superseded.contains(&number) {
                self.counts.note(ImportOutcome::Superseded);
                continue;
            }
            self.batch_bytes = self.batch_bytes.saturating_add(row.raw.len());
            self.batch.push(row);
            if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                self.bring_in().await?;
                self.bar.set_position(bytes_read.get());
                self.bar.set_message(format!("{} movies", self.counts.rows()));
            }
        }
        self.bring_in().await?;
        self.settle(0).await?;
        self.bar.finish_and_clear();
        if let Some(rejects) = self.rejects.take() {
            rejects.finish()?;
        }
        let mut output = Output::new();
        output.line(&self.counts.summary(self.is_dry))?;
        output.finish()?;
        Ok(self.counts.exit_code())
    }

    /// Begins to bring the batch in, in one transaction, when there is room beside those under way.
    async fn bring_in(&mut self) -> Result<(), Failure> {
        self.settle(self.at_once.saturating_sub(1)).await?;
        self.batch_bytes = 0;
        let mut rows = Vec::with_capacity(self.batch.len());
        let mut good = Vec::with_capacity(self.batch.len());
        for Row { line, name, raw, facts } in std::mem::take(&mut self.batch) {
            let fault = match facts {
                Ok(facts) => {
                    good.push(facts);
                    None
                }
                Err(fault) => Some(fault),
            };
            rows.push(ReadRow { line, name, raw, fault });
        }
        let (catalog, is_dry) = (Arc::clone(&self.use_cases.catalog), self.is_dry);
        let outcomes = tokio::spawn(async move { catalog.import(good, is_dry).await });
        self.underway.push_back(Underway { rows, outcomes });
        Ok(())
    }

    /// Waits until no more than so many batches are being brought in, and reports their bad rows in the order of the file.
    /// Behind one that fails all others are waited for: what is told to be in is in.
    async fn settle(&mut self, left: usize) -> Result<(), Failure> {
        let mut failed = None;
        while self.underway.len() > left || failed.is_some() {
            let Some(Underway { rows, outcomes }) = self.underway.pop_front() else { break };
            let outcomes = match outcomes.await {
                Ok(outcomes) => outcomes.map_err(Failure::from),
                Err(error) => Err(Failure::new(error.to_string())),
            };
            match outcomes {
                Ok(outcomes) => self.report(rows, outcomes)?,
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(()), |failure| Err(self.stopped(&failure)))
    }

    fn report(&mut self, rows: Vec<ReadRow>, outcomes: Vec<ImportOutcome>) -> Result<(), Failure> {
        let mut outcomes = outcomes.into_iter();
        for ReadRow { line, name, raw, fault } in rows {
            let fault = fault.or_else(|| self.counts.note(outcomes.next()?).map(|fault| fault.to_string()));
            if let Some(fault) = fault {
                self.reject(line, name.as_deref(), &raw, &fault)?;
            }
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, name: Option<&str>, raw: &[u8], fault: &str) -> Result<(), Failure> {
        self.counts.rejected = self.counts.rejected.saturating_add(1);
        let name = name.map_or_else(String::new, |name| format!(" ({})", one_line(name)));
        self.bar.suspend(|| say(&format!("line {line}{name}: {fault}", fault = one_line(fault))));
        match &mut self.rejects {
            Some(rejects) => rejects.write(raw),
            None => Ok(()),
        }
    }

    /// What to say when the import ends in its middle.
    fn stopped(&self, cause: &Failure) -> Failure {
        self.bar.finish_and_clear();
        let cause = match cause {
            Failure::Error { message, .. } => message.as_str(),
            Failure::OutputClosed => "the output was closed",
        };
        let summary = self.counts.summary(self.is_dry);
        Failure::new(format!("stopped: {cause} ({summary}): run it again, what is in stays as it is"))
    }
}

/// A text of the file that cannot break the report into lines, or play with the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(300).collect()
}
