use std::process::ExitCode;

use app::catalog::ImportOutcome;
use domain::catalog::InvalidFacts;

/// The exit code if some rows were rejected and others were imported.
const SOME_REJECTED: u8 = 3;

/// The exit code if no row was imported: all rows, if any, were rejected. Unchanged rows count as imported.
const NOTHING_IMPORTED: u8 = 1;

/// The number of rows with each outcome so far. A superseded row, which a later row for the same movie replaces, counts
/// as unchanged.
#[derive(Debug, Default)]
pub(super) struct Counts {
    added: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
}

impl Counts {
    /// Counts an outcome. A rejected row is not counted here: its fault is returned, and the caller counts it with
    /// [`count_rejected`](Self::count_rejected).
    pub(super) fn count(&mut self, outcome: ImportOutcome) -> Option<InvalidFacts> {
        let counter = match outcome {
            ImportOutcome::Added => &mut self.added,
            ImportOutcome::Updated => &mut self.updated,
            ImportOutcome::Unchanged | ImportOutcome::Superseded => &mut self.unchanged,
            ImportOutcome::Rejected(fault) => return Some(fault),
        };
        *counter = counter.saturating_add(1);
        None
    }

    /// Counts a rejected row.
    pub(super) const fn count_rejected(&mut self) {
        self.rejected = self.rejected.saturating_add(1);
    }

    fn imported(&self) -> u64 {
        self.added.saturating_add(self.updated).saturating_add(self.unchanged)
    }

    /// Returns the number of all rows.
    pub(super) fn rows(&self) -> u64 {
        self.imported().saturating_add(self.rejected)
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match (self.imported(), self.rejected) {
            (0, _) => ExitCode::from(NOTHING_IMPORTED),
            (_, 0) => ExitCode::SUCCESS,
            _ => ExitCode::from(SOME_REJECTED),
        }
    }

    pub(super) fn summary(&self, is_dry_run: bool) -> String {
        let Self { added, updated, unchanged, rejected } = self;
        let dry_run = if is_dry_run { "; dry run: nothing was stored" } else { "" };
        format!(
            "{} rows: {added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected{dry_run}",
            self.rows()
        )
    }
}
