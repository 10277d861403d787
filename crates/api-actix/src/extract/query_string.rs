//! Reads the parameters of query strings.

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use super::{
    check::Source,
    faults::{Fault, Faults},
    input::{self, Input},
    json::Json,
};
use crate::{
    problem::{FieldCode, Problem},
    rules::Rules,
};

/// Reads the parameters of a query string or the fields of a form.
pub(crate) fn read<T: Input>(query: &str, rules: &Rules, faults: &mut Faults) -> Option<T::Checked> {
    let pairs = pairs(query, faults);
    input::read::<T>(Json::Object(pairs), Source::Query, rules, faults)
}

/// Reports every parameter as unknown, for an operation that takes no parameters.
pub(crate) fn unknown(query: &str, faults: &mut Faults) {
    let mut names: Vec<String> = pairs(query, faults).into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        faults.add(&name, Fault::new(FieldCode::Unknown, "is not a parameter of this call"));
    }
}

/// Refuses a request with parameters, for an operation that takes no parameters.
pub(crate) fn refuse_any(request: &HttpRequest) -> Result<(), Problem> {
    let mut faults = Faults::default();
    unknown(request.query_string(), &mut faults);
    faults.finish(Some(()))
}

/// Returns the names and values of a query string. A value that is not UTF-8 is left out and reported as an error.
fn pairs(query: &str, faults: &mut Faults) -> Vec<(String, Json)> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (_, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name_of(pair);
        match decoded(value) {
            Some(value) => pairs.push((name, Json::Text(value))),
            None => faults.add(&name, Fault::new(FieldCode::InvalidFormat, "must be UTF-8")),
        }
    }
    pairs
}

/// Returns the decoded name of a `name=value` pair, or `?` if it is not UTF-8.
pub(crate) fn name_of(pair: &str) -> String {
    let name = pair.split('=').next().unwrap_or_default();
    decoded(name).unwrap_or_else(|| "?".to_owned())
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
