use std::fmt;

use domain::catalog::{Facts, PartialFacts};

use crate::field::Field;

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line of the file in which the row begins, counted from 1.
    pub line: u64,
    /// The movie's name, if it could be read. It is not checked: use [`crate::printable`] to show it.
    pub name: Option<String>,
    /// The text of the row in the file, converted to UTF-8, with a line end. The bytes of a row in an unexpected
    /// encoding are not converted. An element of a JSON array becomes one line. Empty for rows that are too long.
    pub raw: Vec<u8>,
    /// The facts in the row, or why the row cannot be read.
    pub facts: Result<PartialFacts, UnreadableRow>,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadableRow {
    /// The errors that were found when the row was read, at least one.
    pub faults: Vec<Fault>,
    /// The readable facts, with valid placeholders for unreadable facts and for missing required facts; `None` if an
    /// error concerns the complete row, so that no fact was read. Checking these facts against the rules of the
    /// catalogue (`Facts::check`) finds further errors in the row.
    pub rest: Option<Box<Facts>>,
}

impl UnreadableRow {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { faults: vec![Fault { field: None, reason: reason.into() }], rest: None }
    }
}

impl fmt::Display for UnreadableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// An error in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, or `None` when the error concerns the complete row.
    pub field: Option<Field>,
    /// A description of the error, in one line without control characters.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
