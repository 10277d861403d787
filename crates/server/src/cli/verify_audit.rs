use std::process::ExitCode;

use app::audit::{Known, LogFault, Verification};

use super::{
    arguments::VerifyArgs,
    failure::{Failure, say},
    output::Output,
    wiring::use_cases,
};
use crate::config::Settings;

/// The exit code when rows or seals of the log are missing, changed or added.
const BROKEN: u8 = 1;

/// `cinema audit verify`: compares the audit log with its seals, and reports rows and seals that were changed, added
/// or removed. A seal contains a digest of consecutive rows. The background work seals rows that are older than ten
/// minutes.
pub(super) async fn run(settings: &Settings, arguments: VerifyArgs) -> Result<ExitCode, Failure> {
    let VerifyArgs { removed_before, known } = arguments;
    let use_cases = use_cases(settings).await?;
    let found = use_cases.audit.verify(&Known { removed_before, seal: known }).await?;
    for fault in &found.faults {
        let hint = match fault {
            LogFault::Unproven { .. } => " (if the key was changed, set APP_SECRET_KEY_PREVIOUS)",
            _ => "",
        };
        say(&format!("{fault}{hint}"));
    }
    if found.is_overdue {
        say("rows older than an hour are not sealed: is `cinema serve` or `cinema worker` running?");
    }
    let mut output = Output::new();
    output.line(&summary(&found))?;
    if let Some(last) = &found.last {
        output.line(&format!("last seal: {last}"))?;
    }
    output.finish()?;
    Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

fn summary(found: &Verification) -> String {
    let Verification { rows, seals, removed, unsealed, .. } = found;
    let removed = if *removed > 0 {
        format!("; {removed} seals were not checked, because their rows were removed")
    } else {
        String::new()
    };
    format!(
        "{rows} rows in {seals} seals are unchanged since they were sealed{removed}; {unsealed} rows are not sealed yet"
    )
}
