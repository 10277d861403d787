use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use app::catalog::ImportOutcome;
use domain::{catalog::Facts, money::Money};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, ImportArgs, failure::say, output::Output, use_cases};
use crate::{
    composition::UseCases,
    config::Settings,
    movie_files::{MovieFile, MovieFileError, Row, RowOptions},
};

/// How many rows make a transaction.
const BATCH: usize = 1_000;

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
    let (source, size) = open(path)?;
    let file = MovieFile::read(source, path, options).map_err(|error| unreadable(path, &error))?;
    let rejects =
        arguments.rejects.map(|rejects| Rejects::create(rejects, path, file.header())).transpose()?;
    let use_cases = use_cases(settings).await?;
    let import = Import {
        use_cases: &use_cases,
        is_dry: arguments.dry_run,
        rejects,
        bar: progress_bar(size),
        counts: Counts::default(),
        batch: Vec::with_capacity(BATCH),
    };
    import.run(file, path).await
}

fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path)
        .map_err(|error| Failure::new(format!("cannot open {} ({error}): check the path", path.display())))?;
    let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
    Ok((Box::new(file), size))
}

fn unreadable(path: &Path, error: &MovieFileError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        MovieFileError::Columns(_) => Failure::usage(message),
        _ => Failure::new(message),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:40} {percent:>3} % {msg} ({eta} left)"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// The file of rejected rows.
struct Rejects {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Rejects {
    fn create(path: PathBuf, source: &Path, header: &[u8]) -> Result<Self, Failure> {
        let is_source =
            fs::canonicalize(&path).is_ok_and(|one| fs::canonicalize(source).is_ok_and(|other| one == other));
        if is_source {
            return Err(Failure::usage("--rejects names the file that is imported: name another"));
        }
        let file = File::create(&path).map_err(|error| Self::failed(&path, &error))?;
        let mut rejects = Self { file: BufWriter::new(file), path };
        rejects.write(header)?;
        Ok(rejects)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Self::failed(&self.path, &error))
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| Self::failed(&self.path, &error))
    }

    fn failed(path: &Path, error: &io::Error) -> Failure {
        Failure::new(format!("cannot write {} ({error}): give another --rejects", path.display()))
    }
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

    fn summary(&self, is_dry: bool) -> String {
        let Self { added, updated, unchanged, rejected } = self;
        let dry = if is_dry { "; dry run: nothing was kept" } else { "" };
        format!(
            "{} rows: {added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected{dry}",
            self.rows()
        )
    }
}

/// A row that was read, until its batch is in.
struct ReadRow {
    line: u64,
    raw: Vec<u8>,
    facts: Facts,
}

struct Import<'a> {
    use_cases: &'a UseCases,
    is_dry: bool,
    rejects: Option<Rejects>,
    bar: ProgressBar,
    counts: Counts,
    batch: Vec<ReadRow>,
}

impl Import<'_> {
    async fn run(mut self, file: MovieFile, path: &Path) -> Result<ExitCode, Failure> {
        let bytes_read = file.bytes_read();
        for row in file {
            let row = row.map_err(|error| self.stopped(&unreadable(path, &error)))?;
            self.take(row)?;
            if self.batch.len() >= BATCH {
                self.bring_in().await?;
                self.bar.set_position(bytes_read.get());
                self.bar.set_message(format!("{} movies", self.counts.rows()));
            }
        }
        self.bring_in().await?;
        self.bar.finish_and_clear();
        if let Some(rejects) = self.rejects.take() {
            rejects.finish()?;
        }
        let mut output = Output::new();
        output.line(&self.counts.summary(self.is_dry))?;
        output.finish()?;
        Ok(self.counts.exit_code())
    }

    fn take(&mut self, row: Row) -> Result<(), Failure> {
        let Row { line, name, raw, facts } = row;
        match facts {
            Ok(facts) => self.batch.push(ReadRow { line, raw, facts }),
            Err(fault) => self.reject(line, name.as_deref(), &raw, &fault)?,
        }
        Ok(())
    }

    /// Brings the batch in, in one transaction.
    async fn bring_in(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        let mut rows = Vec::with_capacity(batch.len());
        let mut facts = Vec::with_capacity(batch.len());
        for row in batch {
            rows.push((row.line, row.facts.identity.name.clone(), row.raw));
            facts.push(row.facts);
        }
        let outcomes = self.use_cases.catalog.import(facts, self.is_dry).await;
        let outcomes = outcomes.map_err(|error| self.stopped(&error.into()))?;
        for ((line, name, raw), outcome) in rows.into_iter().zip(outcomes) {
            let counter = match outcome {
                ImportOutcome::Added => &mut self.counts.added,
                ImportOutcome::Updated => &mut self.counts.updated,
                ImportOutcome::Unchanged => &mut self.counts.unchanged,
                ImportOutcome::Rejected(fault) => {
                    self.reject(line, Some(&name), &raw, &fault.to_string())?;
                    continue;
                }
            };
            *counter = counter.saturating_add(1);
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
            Failure::Told { message, .. } => message.as_str(),
            Failure::ReaderGone => "the output was closed",
        };
        let summary = self.counts.summary(self.is_dry);
        Failure::new(format!("stopped: {cause} ({summary}): run it again, what is in stays as it is"))
    }
}

/// A text of the file that cannot break the report into lines, or play with the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(300).collect()
}
