use std::{
    collections::{HashSet, VecDeque},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use app::catalog::{Catalog, ImportError, ImportOutcome};
use indicatif::ProgressBar;
use movie_files::{BytesRead, MovieFile, Row, UnreadableRow, printable};
use tokio::task::JoinHandle;

use super::{batch_size::BatchSize, counts::Counts, rejects::Rejects};
use crate::cli::{
    failure::{Failure, say},
    output::Output,
};

/// The maximum number of rows in a batch for PostgreSQL. A batch is one transaction.
pub(super) const BATCH_ROWS: usize = 1_000;

/// The maximum number of rows in a batch for SQLite. A large batch is faster, because more of its rows are written to
/// the same page of an index. After a batch that took too long, [`BatchSize`] makes the next batches smaller.
pub(super) const SQLITE_BATCH_ROWS: usize = 4_000;

/// The size in bytes at which a batch is imported even if it has fewer than the maximum number of rows.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// The message about a rejected row shows at most this number of characters of the name, and of the list of faults.
const MAX_REPORTED: usize = 2_000;

/// The import of one file. Its rows are imported in batches.
pub(super) struct Import {
    pub(super) catalog: Arc<Catalog>,
    pub(super) is_dry_run: bool,
    pub(super) batch_size: BatchSize,
    /// The maximum number of batches that the database works on at the same time, while the next batch is read.
    pub(super) parallel: usize,
    /// The numbers, counted from 0, of the rows that a later valid row for the same movie supersedes.
    pub(super) superseded: HashSet<u64>,
    pub(super) rejects: Option<Rejects>,
    pub(super) bar: ProgressBar,
    pub(super) counts: Counts,
    pub(super) batch: Vec<Row>,
    pub(super) batch_bytes: usize,
    pub(super) running: VecDeque<RunningBatch>,
}

/// A batch that the database is working on.
pub(super) struct RunningBatch {
    rows: Vec<ReportedRow>,
    /// The result, and how long the batch took.
    outcomes: JoinHandle<(Result<Vec<ImportOutcome>, ImportError>, Duration)>,
}

/// The data of a row that are needed to report its faults.
struct ReportedRow {
    line: u64,
    name: Option<String>,
    raw: Vec<u8>,
    faults: Option<String>,
}

impl Import {
    /// Imports all rows, and prints a summary. `explain` turns an error of the file into a message.
    pub(super) async fn run(
        mut self,
        file: MovieFile,
        explain: impl Fn(movie_files::MovieFileError) -> Failure,
    ) -> Result<ExitCode, Failure> {
        let bytes_read = file.bytes_read();
        for (number, row) in (0..).zip(file) {
            match row {
                Ok(row) => self.add(number, row, &bytes_read).await?,
                Err(error) => {
                    self.wait_for_batches(0).await?;
                    return Err(self.stopped(&explain(error)));
                }
            }
        }
        self.start_batch().await?;
        self.wait_for_batches(0).await?;
        self.bar.finish_and_clear();
        if let Some(rejects) = self.rejects.take() {
            rejects.finish()?;
        }
        let mut output = Output::new();
        output.line(&self.counts.summary(self.is_dry_run))?;
        output.finish()?;
        Ok(self.counts.exit_code())
    }

    async fn add(&mut self, number: u64, row: Row, bytes_read: &BytesRead) -> Result<(), Failure> {
        if self.superseded.contains(&number) {
            self.counts.count(ImportOutcome::Superseded);
            return Ok(());
        }
        self.batch_bytes = self.batch_bytes.saturating_add(row.raw.len());
        self.batch.push(row);
        if self.batch.len() >= self.batch_size.rows() || self.batch_bytes >= BATCH_BYTES {
            self.start_batch().await?;
            self.bar.set_position(bytes_read.get());
            self.bar.set_message(format!("{} movies", self.counts.rows()));
        }
        Ok(())
    }

    /// Starts a task that imports the readable ones of the collected rows in one transaction. First waits until fewer
    /// than `parallel` batches are running.
    async fn start_batch(&mut self) -> Result<(), Failure> {
        self.wait_for_batches(self.parallel.saturating_sub(1)).await?;
        self.batch_bytes = 0;
        let mut rows = Vec::with_capacity(self.batch.len());
        let mut readable = Vec::with_capacity(self.batch.len());
        for Row { line, name, raw, facts } in std::mem::take(&mut self.batch) {
            let faults = match facts {
                Ok(facts) => {
                    readable.push(facts);
                    None
                }
                Err(row) => Some(self.all_faults(row)),
            };
            rows.push(ReportedRow { line, name, raw, faults });
        }
        let (catalog, is_dry_run) = (Arc::clone(&self.catalog), self.is_dry_run);
        let outcomes = tokio::spawn(async move {
            let begin = Instant::now();
            (catalog.import(readable, is_dry_run).await, begin.elapsed())
        });
        self.running.push_back(RunningBatch { rows, outcomes });
        Ok(())
    }

    /// Returns the faults of an unreadable row: why the row or some of its fields cannot be read, and which rules of
    /// the catalogue the readable fields break.
    fn all_faults(&self, row: UnreadableRow) -> String {
        let mut faults = row.to_string();
        if let Some(Err(broken)) = row.rest.map(|rest| self.catalog.check(*rest)) {
            faults.push_str("; ");
            faults.push_str(&broken.to_string());
        }
        faults
    }

    /// Waits until at most `left` batches are running, and reports invalid rows in the order of the file. If a batch
    /// failed, or a row cannot be reported, waits for all other batches, so that the summary in the error also counts
    /// their rows.
    async fn wait_for_batches(&mut self, left: usize) -> Result<(), Failure> {
        let mut failed = None;
        while self.running.len() > left || failed.is_some() {
            let Some(RunningBatch { rows, outcomes }) = self.running.pop_front() else { break };
            let outcomes = match outcomes.await {
                Ok((outcomes, taken)) => {
                    self.batch_size.note(rows.len(), taken);
                    outcomes.map_err(Failure::from)
                }
                Err(error) => Err(Failure::new(error.to_string())),
            };
            let reported = outcomes.and_then(|outcomes| self.report(rows, outcomes));
            failed = failed.or(reported.err());
        }
        failed.map_or(Ok(()), |failure| Err(self.stopped(&failure)))
    }

    fn report(&mut self, rows: Vec<ReportedRow>, outcomes: Vec<ImportOutcome>) -> Result<(), Failure> {
        let mut outcomes = outcomes.into_iter();
        let mut reported = Ok(());
        for ReportedRow { line, name, raw, faults } in rows {
            let faults =
                faults.or_else(|| self.counts.count(outcomes.next()?).map(|fault| fault.to_string()));
            if let Some(faults) = faults {
                reported = reported.and(self.reject(line, name.as_deref(), &raw, &faults));
            }
        }
        reported
    }

    fn reject(&mut self, line: u64, name: Option<&str>, raw: &[u8], faults: &str) -> Result<(), Failure> {
        self.counts.count_rejected();
        let name = name.map_or_else(String::new, |name| format!(" ({})", printable(name, MAX_REPORTED)));
        let faults = printable(faults, MAX_REPORTED);
        self.bar.suspend(|| say(&format!("line {line}{name}: {faults}")));
        match &mut self.rejects {
            Some(rejects) => rejects.write(raw),
            None => Ok(()),
        }
    }

    /// Returns the error of an import that stopped before all rows were imported.
    fn stopped(&self, cause: &Failure) -> Failure {
        self.bar.finish_and_clear();
        let cause = match cause {
            Failure::Error { message, .. } => message.as_str(),
            Failure::OutputClosed => "the output was closed",
        };
        let summary = self.counts.summary(self.is_dry_run);
        Failure::new(format!("stopped: {cause} ({summary}): run it again to import the rest"))
    }
}
