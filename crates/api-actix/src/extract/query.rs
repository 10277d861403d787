//! Query parameters that were read and found sound.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;

use super::{
    api_of,
    values::{Fault, without_nul},
};
use crate::{
    openapi::carrier,
    problem::{FieldCode, FieldProblem, Problem, kinds},
    state::Api,
};

/// Parameters that know how to be read. Their schema's properties are the parameters of the document.
pub(crate) trait FromQuery: JsonSchema + Sized + 'static {
    /// Takes every parameter; `None` when one of them was at fault.
    fn read(params: &mut Params, api: &Api) -> Option<Self>;
}

/// Sound parameters.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The parameters that nobody has taken yet, and the faults found so far.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    problems: Vec<FieldProblem>,
}

impl Params {
    /// Opens a query string.
    pub(crate) fn open(query: &str) -> Self {
        let mut params = Self { pairs: Vec::new(), problems: Vec::new() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (_, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = Self::name_of(pair);
            match decoded(value).and_then(without_nul) {
                Ok(value) => params.pairs.push((name, value)),
                Err(fault) => params.fault(&name, fault),
            }
        }
        params
    }

    /// The name in a pair of a query string, as whoever wrote it means it.
    pub(crate) fn name_of(pair: &str) -> String {
        let name = pair.split('=').next().unwrap_or_default();
        decoded(name).unwrap_or_else(|_| "?".to_owned())
    }

    /// Takes a parameter that may be absent: `Some(None)` when it is, `None` when it is at fault.
    #[expect(clippy::option_option, reason = "the outer one is for `?`, once all parameters were taken")]
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        let mut values = self.take(name);
        if values.len() > 1 {
            self.fault(name, Fault::new(FieldCode::Repeated, "may stand once only"));
            return None;
        }
        let Some(value) = values.pop() else {
            // Its value was at fault already when it could not be decoded.
            return (!self.problems.iter().any(|problem| problem.field == name)).then_some(None);
        };
        read(&value).map_err(|fault| self.fault(name, fault)).ok().map(Some)
    }

    /// Takes a parameter that may stand any number of times.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        most: usize,
        read: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let values = self.take(name);
        if values.len() > most {
            self.fault(name, Fault::new(FieldCode::TooLong, format!("may stand at most {most} times")));
            return None;
        }
        let mut read_values = Vec::with_capacity(values.len());
        let mut sound = true;
        for value in values {
            match read(&value) {
                Ok(value) => read_values.push(value),
                Err(fault) => {
                    sound = false;
                    self.fault(name, fault);
                }
            }
        }
        sound.then_some(read_values)
    }

    /// Notes a fault of a parameter.
    pub(crate) fn fault(&mut self, name: &str, fault: Fault) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        self.problems.push(FieldProblem::new(name, fault.code, fault.message));
    }

    /// Ends the reading: parameters that nobody took are unknown.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldProblem>> {
        let mut rest: Vec<String> =
            std::mem::take(&mut self.pairs).into_iter().map(|(name, _)| name).collect();
        rest.sort();
        rest.dedup();
        for name in rest {
            self.fault(&name, Fault::new(FieldCode::Unknown, "is not a parameter of this call"));
        }
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        let mut taken = Vec::new();
        self.pairs.retain_mut(|(other, value)| {
            let same = *other == name;
            if same {
                taken.push(std::mem::take(value));
            }
            !same
        });
        taken
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Fault::new(FieldCode::InvalidFormat, "must be UTF-8"))
}

impl<T: FromQuery> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let mut params = Params::open(request.query_string());
        ready(api_of(request).and_then(|api| {
            let value = T::read(&mut params, &api);
            params.finish(value).map(Self).map_err(Problem::invalid)
        }))
    }
}

impl<T: JsonSchema> Apiv2Schema for Query<T> {}

impl<T: FromQuery> OperationModifier for Query<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        carrier::add_query::<T>(op);
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::values::{any, whole};

    #[test]
    fn every_bad_parameter_is_named_at_once() {
        let mut params =
            Params::open("page=0&page_size=1000&colour=red&colour=blue&sort=a&sort=b&name=%00&t=%ff");
        let read = (
            params.optional("page", whole(1_u32..=u32::MAX)),
            params.optional("page_size", whole(1_u32..=100)),
            params.optional("sort", any),
            params.optional("name", any),
            params.optional("t", any),
        );
        assert_eq!(read, (None, None, None, None, None));
        let problems = params.finish(Some(())).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|p| (p.field.as_str(), p.code)).collect();
        assert_eq!(
            codes,
            [
                ("name", FieldCode::InvalidFormat),
                ("t", FieldCode::InvalidFormat),
                ("page", FieldCode::TooSmall),
                ("page_size", FieldCode::TooLarge),
                ("sort", FieldCode::Repeated),
                ("colour", FieldCode::Unknown),
            ]
        );
    }

    #[test]
    fn plus_and_percent_are_decoded_and_lists_keep_their_order() {
        let mut params = Params::open("search=star+wars%21&genre=b&genre=a");
        assert_eq!(params.optional("search", any), Some(Some("star wars!".to_owned())));
        assert_eq!(params.list("genre", 9, any), Some(vec!["b".to_owned(), "a".to_owned()]));
        assert!(params.finish(Some(())).is_ok());
    }
}
