//! What clients send: bodies, query parameters and forms, each one struct.

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

/// A type that clients send. Its attributes (serde and schemars) define names, types and bounds for the document and for
/// the check of every request.
///
/// Adding one: derive `Deserialize` and `JsonSchema`, and name it in [`inputs!`](crate::extract::inputs) or write
/// [`check`](Self::check).
pub(crate) trait Input: JsonSchema + DeserializeOwned + 'static {
    /// What handlers get.
    type Checked;

    /// Checks what a schema cannot say, and makes what handlers get; `None` when something was at fault.
    ///
    /// It runs whenever the struct could be read, also when other members were at fault: those are absent then.
    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<Self::Checked>;
}

/// Makes inputs of types whose schema says all there is to say; handlers get them as they are.
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

/// Reads a value; `None` when something was at fault.
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

/// The body of a call that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NoFields {}

inputs!(NoFields);

/// `None` when a member that must be there was at fault.
fn deserialized<T: Input>(members: Map<String, Value>) -> Option<T> {
    T::deserialize(Value::Object(members)).ok()
}

/// The schema of a type, made once.
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

/// Whether all that the document says of a type is checked.
pub(super) fn is_checked<T: Input>() -> bool {
    let (schema, definitions) = &*schemas_of::<T>();
    let unchecked = unchecked(schema, definitions);
    if let Some(what) = &unchecked {
        tracing::error!(input = std::any::type_name::<T>(), %what, "requests are not checked against all of a schema");
    }
    unchecked.is_none()
}
