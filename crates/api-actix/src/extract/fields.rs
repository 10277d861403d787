//! Reads the members of a JSON object, one by one, and collects every fault.

use domain::accounts::Change;

use super::{
    json::Json,
    values::{Fault, without_nul},
};
use crate::problem::{FieldCode, FieldProblem};

/// The members of an object that nobody has taken yet, and the faults found so far.
///
/// Each method gives `None` when the member is at fault, so a reader can take all members first and then build its
/// value with `?`.
#[derive(Debug)]
pub(crate) struct Fields {
    members: Vec<(String, Json)>,
    problems: Vec<FieldProblem>,
    /// What is told beside other faults alone.
    beside: Vec<FieldProblem>,
}

impl Fields {
    /// Opens a body. Keys that stand twice are faults, and so is anything but an object.
    pub(crate) fn open(body: Json) -> Self {
        let mut fields = Self { members: Vec::new(), problems: Vec::new(), beside: Vec::new() };
        match body {
            Json::Object(members) => {
                for (name, value) in members {
                    if fields.members.iter().any(|(other, _)| *other == name) {
                        fields.fault(&name, Fault::new(FieldCode::Repeated, "stands more than once"));
                    } else {
                        fields.members.push((name, value));
                    }
                }
            }
            other => fields.fault(
                "body",
                Fault::new(FieldCode::WrongType, format!("must be an object, not {}", other.type_name())),
            ),
        }
        fields
    }

    /// Takes a member that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Fault>,
    ) -> Option<T> {
        let Some(value) = self.take(name) else {
            self.fault(name, Fault::new(FieldCode::Required, "is required"));
            return None;
        };
        read(value).map_err(|fault| self.fault(name, fault)).ok()
    }

    /// Takes a member that may be absent, but not `null`: `Some(None)` when it is absent, `None` when it is at fault.
    #[expect(clippy::option_option, reason = "the outer one is for `?`, once all members were taken")]
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        let Some(value) = self.take(name) else { return Some(None) };
        read(value).map_err(|fault| self.fault(name, fault)).ok().map(Some)
    }

    /// Takes a member that may be absent, which changes nothing, or `null`, which empties what it names.
    pub(crate) fn change<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Fault>,
    ) -> Option<Change<T>> {
        match self.take(name) {
            None => Some(Change::Keep),
            Some(Json::Null) => Some(Change::Clear),
            Some(value) => read(value).map(Change::Set).map_err(|fault| self.fault(name, fault)).ok(),
        }
    }

    /// Takes a list that must be there, reading each item; a fault names the item: `movie_ids.3`.
    pub(crate) fn required_list<T>(
        &mut self,
        name: &str,
        most: usize,
        read: impl Fn(Json) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let items = self.required(name, |value| match value {
            Json::List(items) if items.len() > most => {
                Err(Fault::new(FieldCode::TooLong, format!("must have at most {most} items")))
            }
            Json::List(items) => Ok(items),
            other => {
                Err(Fault::new(FieldCode::WrongType, format!("must be a list, not {}", other.type_name())))
            }
        })?;
        let mut values = Vec::with_capacity(items.len());
        let mut sound = true;
        for (index, item) in items.into_iter().enumerate() {
            match read(item) {
                Ok(value) => values.push(value),
                Err(fault) => {
                    sound = false;
                    self.fault(&format!("{name}.{index}"), fault);
                }
            }
        }
        sound.then_some(values)
    }

    /// Notes a fault of a member.
    pub(crate) fn fault(&mut self, name: &str, fault: Fault) {
        self.problems.push(Self::problem(name, fault));
    }

    /// Notes a fault that the use case would find too, together with faults that only it can find. It is told when there
    /// are others, which keep the use case from running.
    pub(crate) fn fault_beside_others(&mut self, name: &str, fault: Fault) {
        self.beside.push(Self::problem(name, fault));
    }

    fn problem(name: &str, fault: Fault) -> FieldProblem {
        // A name may hold what an answer should not: it is the caller's own text.
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        FieldProblem::new(name, fault.code, fault.message)
    }

    /// Ends the reading: members that nobody took are unknown.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldProblem>> {
        // What was not an object has one fault, not one for each member it lacks.
        if self.problems.first().is_some_and(|first| first.field == "body" && self.members.is_empty()) {
            self.problems.truncate(1);
        }
        for (name, _) in std::mem::take(&mut self.members) {
            self.fault(&name, Fault::new(FieldCode::Unknown, "is not a field of this body"));
        }
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                self.problems.append(&mut self.beside);
                Err(self.problems)
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(other, _)| other == name)?;
        Some(self.members.remove(at).1)
    }
}

/// Reads a text through a domain rule whose refusals this maps to faults.
pub(crate) fn ruled<T, E>(
    rule: impl FnOnce(String) -> Result<T, E>,
    fault: impl FnOnce(E) -> Fault,
) -> impl FnOnce(Json) -> Result<T, Fault> {
    move |value| match value {
        Json::Text(text) => rule(without_nul(text)?).map_err(fault),
        other => {
            Err(Fault::new(FieldCode::WrongType, format!("must be a string, not {}", other.type_name())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::values::text;

    fn open(body: &str) -> Fields {
        Fields::open(serde_json::from_str(body).unwrap())
    }

    fn codes(problems: &[FieldProblem]) -> Vec<(&str, FieldCode)> {
        problems.iter().map(|problem| (problem.field.as_str(), problem.code)).collect()
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut fields = open(r#"{"email": 1, "admin": true, "email": "x", "nul": "\u0000"}"#);
        let email = fields.required("email", text);
        let password = fields.required("password", text);
        let nul = fields.required("nul", text);
        let problems = fields.finish(email.zip(password).zip(nul)).unwrap_err();
        assert_eq!(
            codes(&problems),
            [
                ("email", FieldCode::Repeated),
                ("email", FieldCode::WrongType),
                ("password", FieldCode::Required),
                ("nul", FieldCode::InvalidFormat),
                ("admin", FieldCode::Unknown),
            ]
        );
    }

    #[test]
    fn a_fault_that_the_use_case_finds_is_told_beside_others_alone() {
        let read = |body: &str| {
            let mut fields = open(body);
            let name = fields.required("name", text);
            fields.fault_beside_others("name", Fault::new(FieldCode::TooShort, "is short"));
            fields.finish(name)
        };
        assert_eq!(read(r#"{"name": "x"}"#).unwrap(), "x");
        let problems = read(r#"{"name": "x", "more": 1}"#).unwrap_err();
        assert_eq!(codes(&problems), [("more", FieldCode::Unknown), ("name", FieldCode::TooShort)]);
    }

    #[test]
    fn a_member_that_changes_something_may_be_absent_or_null() {
        let mut fields = open(r#"{"first": null, "second": "x", "third": 3}"#);
        assert_eq!(fields.change("none", text), Some(Change::Keep));
        assert_eq!(fields.change("first", text), Some(Change::Clear));
        assert_eq!(fields.change("second", text), Some(Change::Set("x".to_owned())));
        let third = fields.change("third", text);
        assert_eq!(codes(&fields.finish(third).unwrap_err()), [("third", FieldCode::WrongType)]);
    }

    #[test]
    fn a_body_that_is_no_object_has_one_fault() {
        let mut fields = open("[1]");
        let email = fields.required("email", text);
        let problems = fields.finish(email).unwrap_err();
        assert_eq!(codes(&problems), [("body", FieldCode::WrongType)]);
    }

    #[test]
    fn a_bad_item_of_a_list_is_named_by_its_place() {
        let mut fields = open(r#"{"names": ["a", 2, null]}"#);
        let names = fields.required_list("names", 3, text);
        let problems = fields.finish(names).unwrap_err();
        assert_eq!(codes(&problems), [("names.1", FieldCode::WrongType), ("names.2", FieldCode::WrongType)]);
        let mut fields = open(r#"{"names": ["a", "b"]}"#);
        let names = fields.required_list("names", 1, text);
        assert_eq!(codes(&fields.finish(names).unwrap_err()), [("names", FieldCode::TooLong)]);
    }
}
