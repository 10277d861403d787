//! The commands that print a document: `cinema openapi`, `cinema config` and `cinema dev problems`.

use std::process::ExitCode;

use super::{
    failure::{Failure, say},
    output::Output,
};
use crate::config::Settings;

/// Prints the OpenAPI document.
pub(super) fn openapi(settings: &Settings) -> Result<ExitCode, Failure> {
    let document = api_actix::openapi_document(&settings.public_url_in_force());
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(format!("cannot write the document ({error})")))?;
    let mut output = Output::new();
    output.line(&text)?;
    output.finish()
}

/// Prints the list of all problem types as Markdown.
pub(super) fn problems() -> Result<ExitCode, Failure> {
    let mut output = Output::new();
    output.line("# Problems\n")?;
    output.line("Every error response has one of these types (RFC 9457). Clients decide by `code`, which is never renamed.")?;
    output
        .line("Written by `make openapi` from the registry in `crates/api-actix/src/problem/kinds.rs`.\n")?;
    output.line("| status | code | title | what happened, and what to do |\n| --- | --- | --- | --- |")?;
    let mut kinds = api_actix::problem::kinds::ALL.to_vec();
    kinds.sort_by_key(|kind| (kind.status, kind.code));
    for kind in kinds {
        output.line(&format!(
            "| {} | `{}` | {} | {} |",
            kind.status, kind.code, kind.title, kind.explanation
        ))?;
    }
    output.finish()
}

/// Prints the current settings, with secrets hidden. Then prints warnings on standard error about risky settings, and
/// about settings with which `serve` would not start.
pub(super) fn config(settings: &Settings) -> Result<ExitCode, Failure> {
    let mut output = Output::new();
    for (name, value) in settings.shown() {
        output.line(&format!("{name}={value}"))?;
    }
    let code = output.finish()?;
    for warning in settings.warnings() {
        say(&format!("warning: {}: {}", warning.name, warning.text));
    }
    if let Err(faults) = Settings::load_to_serve() {
        say(&format!("warning: `cinema serve` would not start: {faults}"));
    }
    Ok(code)
}
