use std::process::ExitCode;

use app::payments::CHECKOUTS_SETTLE_IN;
use chrono::TimeDelta;

use super::{
    arguments::CheckArgs,
    failure::{Failure, say},
    output::Output,
    wiring::use_cases,
};
use crate::{composition::error_chain, config::Settings};

/// The exit code when there are violations, or when the payment provider's lists of checkouts, refunds and disputes
/// could not be read.
const BROKEN: u8 = 1;

/// `cinema check`: checks the invariants of money and entitlements, and prints the violations.
pub(super) async fn run(settings: &Settings, arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    let use_cases = use_cases(settings).await?;
    let min_age = if arguments.all_checkouts { TimeDelta::zero() } else { CHECKOUTS_SETTLE_IN };
    let verdict = use_cases.payments.verify(min_age).await?;
    let mut output = Output::new();
    for violation in &verdict.violations {
        output.line(&violation.to_string())?;
    }
    if let Some(error) = &verdict.unread {
        say(&format!("the payment provider's lists were not read: {}", error_chain(error)));
    }
    let is_sound = verdict.violations.is_empty() && verdict.unread.is_none();
    if is_sound {
        output.line("money and purchases are consistent")?;
    }
    output.finish()?;
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
