//! Collects the errors in the values of a request.

use crate::problem::{FieldCode, FieldProblem, Problem, kinds};

/// The maximum number of errors in a response. If there are more, an additional entry says how many are omitted.
const MAX_NAMED: usize = 50;

/// The maximum length of a field name in a response, in characters. A limit is needed because clients choose the names
/// of unknown fields.
const MAX_NAME: usize = 100;

/// Why a value is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: FieldCode,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: FieldCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The errors in one request. Only a limited number is stored; the others are counted.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    named: Vec<FieldProblem>,
    unnamed: usize,
    deferred: Vec<FieldProblem>,
}

impl Faults {
    /// Adds an error in a field.
    pub(crate) fn add(&mut self, field: &str, fault: Fault) {
        if self.named.len() < MAX_NAMED {
            self.named.push(field_problem(field, fault));
        } else {
            self.unnamed = self.unnamed.saturating_add(1);
        }
    }

    /// Adds a deferred error: an error that the use case also detects, and reports together with errors that only the
    /// use case can detect. This type reports the error only if there are other errors, because the use case does not
    /// run then.
    pub(crate) fn defer(&mut self, field: &str, fault: Fault) {
        self.deferred.push(field_problem(field, fault));
    }

    /// Returns the value of an `Ok`. For an `Err`, adds it as an error in this field and returns `None`.
    pub(crate) fn keep<T>(&mut self, field: &str, value: Result<T, impl Into<Fault>>) -> Option<T> {
        value.map_err(|refusal| self.add(field, refusal.into())).ok()
    }

    /// Returns whether an error in this field is stored. Errors that are only counted and deferred errors are
    /// ignored.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.named.iter().any(|problem| problem.field == field)
    }

    /// Returns whether no error was added, apart from deferred ones.
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Converts the errors into the entries of a response.
    pub(crate) fn into_problems(mut self) -> Vec<FieldProblem> {
        if !self.named.is_empty() {
            for problem in std::mem::take(&mut self.deferred) {
                self.add(&problem.field, Fault::new(problem.code, problem.message));
            }
        }
        if self.unnamed > 0 {
            let message = format!("{} more values are not acceptable", self.unnamed);
            self.named.push(FieldProblem::new("", FieldCode::More, message));
        }
        self.named
    }

    /// Returns the value that was read, unless there are errors other than deferred ones.
    ///
    /// # Errors
    /// A problem with all errors in the request. An internal error when there is neither a value nor an error in
    /// the request, which is a bug of the server.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        let problems = self.into_problems();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            None if problems.is_empty() => Err(Problem {
                cause: Some("a value that its schema allows could not be read".into()),
                ..Problem::new(&kinds::INTERNAL)
            }),
            _ => Err(Problem::invalid(problems)),
        }
    }
}

fn field_problem(field: &str, fault: Fault) -> FieldProblem {
    let mut field: String = field.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if field.is_empty() {
        field.push('?');
    }
    FieldProblem::new(field, fault.code, fault.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> Fault {
        Fault::new(FieldCode::Unknown, "is not a field of this body")
    }

    #[test]
    fn fifty_faults_are_reported_and_the_others_are_counted() {
        for (count, more) in [(50, None), (51, Some("1 more")), (8_100, Some("8050 more"))] {
            let mut faults = Faults::default();
            for number in 0..count {
                faults.add(&format!("key{number}"), unknown());
            }
            let problems = faults.into_problems();
            let last = problems.iter().find(|problem| problem.code == FieldCode::More);
            assert_eq!(problems.iter().filter(|problem| problem.code == FieldCode::Unknown).count(), 50);
            assert_eq!(last.is_some(), more.is_some());
            if let (Some(last), Some(more)) = (last, more) {
                assert_eq!(last.field, "");
                assert!(last.message.starts_with(more), "{}", last.message);
            }
        }
    }

    #[test]
    fn a_deferred_fault_is_reported_only_together_with_others() {
        let mut faults = Faults::default();
        faults.defer("new_password", Fault::new(FieldCode::TooShort, "is short"));
        assert_eq!(faults.finish(Some(1)).unwrap(), 1);
        let mut faults = Faults::default();
        faults.defer("new_password", Fault::new(FieldCode::TooShort, "is short"));
        faults.add("again", unknown());
        let problem = faults.finish(Some(1)).unwrap_err();
        let codes: Vec<_> = problem.errors.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(codes, [("again", FieldCode::Unknown), ("new_password", FieldCode::TooShort)]);
    }

    #[test]
    fn names_are_truncated_and_contain_no_control_characters() {
        let mut faults = Faults::default();
        faults.add(&format!("a\r\nb\0{}", "é".repeat(200)), unknown());
        let problems = faults.into_problems();
        assert_eq!(problems[0].field, format!("ab{}", "é".repeat(98)));
    }
}
