//! The types that clients send: bodies, query parameters and forms, each of them a struct.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    check::{Reading, Source, check, unchecked},
    faults::Faults,
    json::Json,
};
use crate::{
    openapi::schemas::{self, Schemas},
    rules::Rules,
};

/// A type that clients send. Its serde and schemars attributes define the names, types and bounds, both for the OpenAPI
/// document and for the validation of every request.
///
/// To add such a type, derive `Deserialize` and `JsonSchema` for it, and either name it in
/// [`inputs!`](crate::extract::inputs) or implement this trait.
pub(crate) trait Input: JsonSchema + DeserializeOwned + 'static {
    /// The type that handlers get.
    type Checked;

    /// Checks the rules that a schema cannot express, and creates the value for handlers; `None` when there was an
    /// error.
    ///
    /// This check also runs when members were missing or invalid, if the type can be deserialized without them; these
    /// members are then absent. The request is refused in any case, but the response then reports the errors that the
    /// schema check has found and the errors of this check.
    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<Self::Checked>;
}

/// Implements [`Input`] for types whose schema expresses all rules; handlers get them unchanged.
macro_rules! inputs {
    ($($input:ty),+ $(,)?) => {$(
        impl $crate::extract::Input for $input {
            type Checked = Self;

            fn check(
                self,
                _rules: &$crate::rules::Rules,
                _faults: &mut $crate::extract::Faults,
            ) -> Option<Self> {
                Some(self)
            }
        }
    )+};
}
pub(crate) use inputs;

/// Validates a value and converts it for the handler; `None` when there was an error.
pub(super) fn read<T: Input>(
    value: Json,
    source: Source,
    rules: &Rules,
    faults: &mut Faults,
) -> Option<T::Checked> {
    let schemas = schemas_of::<T>();
    let (schema, definitions) = &*schemas;
    let members = check(schema, value, &mut Reading { source, definitions, rules, faults })?;
    deserialized::<T>(members).and_then(|input| input.check(rules, faults))
}

/// The body of a request that takes no fields.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NoFields {}

inputs!(NoFields);

/// Deserializes the valid members; `None` when the type cannot be deserialized because a member was missing or invalid.
fn deserialized<T: Input>(members: Map<String, Value>) -> Option<T> {
    T::deserialize(Value::Object(members)).ok()
}

/// Returns the schema of a type and the definitions that it refers to. They are generated on first use and then cached.
fn schemas_of<T: Input>() -> Arc<Schemas> {
    static KNOWN: LazyLock<RwLock<HashMap<TypeId, Arc<Schemas>>>> = LazyLock::new(RwLock::default);
    let key = TypeId::of::<T>();
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Arc::clone(known);
    }
    let made = Arc::new(schemas::of_input::<T>());
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
    made
}

/// Returns whether requests are checked against all parts of the type's schema. Logs a part that is not checked.
pub(super) fn is_checkable<T: Input>() -> bool {
    let (schema, definitions) = &*schemas_of::<T>();
    let unchecked = unchecked(schema, definitions);
    if let Some(what) = &unchecked {
        tracing::error!(input = std::any::type_name::<T>(), %what, "a part of an input schema is not checked");
    }
    #[cfg(test)]
    tests::what_passes_is_read::<T>();
    unchecked.is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::extract::test_rules;

    /// Puts values of every kind into every member, and asserts that a request that passes the schema check can be
    /// deserialized, so that each request gives the handler its input, or is refused with at least one error in a
    /// field. It runs for each input type of a route when the document is generated (`openapi::tests`).
    pub(super) fn what_passes_is_read<T: Input>() {
        let (schema, definitions) = schemas::of_input::<T>();
        let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let schema = name.and_then(|name| definitions.get(name)).unwrap_or(&schema);
        let whole = schema["examples"][0].as_object().cloned().unwrap_or_default();
        for (member, property) in schema["properties"].as_object().into_iter().flatten() {
            let examples = property["examples"].as_array().cloned().unwrap_or_default();
            for value in values().into_iter().chain(examples) {
                let mut body = whole.clone();
                body.insert(member.clone(), value.clone());
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let lone = Map::from_iter([(member.clone(), value)]);
                let parameter = Map::from_iter([(member.clone(), text.into())]);
                for (tried, source) in
                    [(body, Source::Body), (lone, Source::Body), (parameter, Source::Query)]
                {
                    let sent: Json = serde_json::from_value(tried.clone().into()).unwrap();
                    let mut faults = Faults::default();
                    let value = read::<T>(sent, source, &test_rules(), &mut faults);
                    assert!(
                        faults.finish(value).err().is_none_or(|problem| !problem.errors.is_empty()),
                        "{} {tried:?}",
                        std::any::type_name::<T>()
                    );
                }
            }
        }
    }

    fn values() -> Vec<Value> {
        let numbers =
            [json!(-1), json!(0), json!(1), json!(9), json!(1999), json!(i32::MAX), json!(i64::MAX)];
        let fractions = [json!(u64::MAX), json!(0.5), json!(2.0), json!(-0.0), json!(1e300)];
        let texts = [
            "",
            " ",
            "x",
            "9.99",
            "true",
            "2026-11-22",
            "2026-11-22T10:00:00.123456+01:00",
            "0190A1B2-0000-7000-8000-000000000000",
            "ann@example.com",
            "correct horse 1",
            "like",
            "user",
            "🎬",
            "a\0b",
        ];
        let texts = texts.into_iter().map(Value::from);
        let others = [json!(null), json!(true), json!([]), json!(["x", 1]), json!({}), json!({"x": 1})];
        numbers.into_iter().chain(fractions).chain(texts).chain(others).collect()
    }
}
