//! `cinema movies export`.

use std::process::ExitCode;

use movie_files::{facts_of, json_line};

use super::{failure::Failure, output::Output, wiring::use_cases};
use crate::config::Settings;

/// Prints every movie as one line of JSON.
pub(super) async fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    let use_cases = use_cases(settings).await?;
    let mut output = Output::new();
    let mut after = None;
    loop {
        let movies = use_cases.catalog.export(after).await?;
        let Some(last) = movies.last() else { break };
        after = Some(last.summary.id);
        for movie in movies {
            output.line(&json_line(&facts_of(movie)))?;
        }
    }
    output.finish()
}
