use std::fmt;

use super::log_format::LogFormat;

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    name: String,
    problem: String,
    /// The allowed values, or a question that suggests a value, such as `did you mean app_port?`.
    allowed: String,
}

impl Fault {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn new(name: &str, problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, problem, allowed } = self;
        if allowed.ends_with('?') {
            write!(f, "{name} {problem}; {allowed}")
        } else {
            write!(f, "{name} {problem}; allowed: {allowed}")
        }
    }
}

/// The settings cannot be used. The message is one line that lists everything that is wrong and the allowed
/// values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    faults: Vec<Fault>,
    log_format: LogFormat,
}

impl SettingsError {
    /// Returns an error unless `faults` is empty.
    pub(super) fn none_of(faults: Vec<Fault>, log_format: LogFormat) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults, log_format }) }
    }

    /// The format in which a server or worker prints this error: the value of `LOG_FORMAT`, or its default if that
    /// value is itself not valid.
    #[must_use]
    pub const fn log_format(&self) -> LogFormat {
        self.log_format
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join(" | "))
    }
}

impl std::error::Error for SettingsError {}
