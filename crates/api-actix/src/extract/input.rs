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
    faults::Faults,
    json::Json,
    shape::{Reading, Shape, Source},
};
use crate::{openapi::schemas, rules::Rules};

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
pub(crate) fn read<T: Input>(
    value: Json,
    source: Source,
    rules: &Rules,
    faults: &mut Faults,
) -> Option<T::Checked> {
    // A test rules out that there is none.
    let shape = shape_of::<T>().ok()?;
    let members = shape.read(value, &mut Reading { source, rules, faults })?;
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

/// The shape of a type, compiled once.
///
/// # Errors
/// When its schema says what cannot be checked.
pub(crate) fn shape_of<T: Input>() -> Result<Arc<Shape>, String> {
    static SHAPES: LazyLock<RwLock<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(RwLock::default);
    let key = TypeId::of::<T>();
    if let Some(shape) = SHAPES.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Arc::clone(shape));
    }
    let (schema, definitions) = schemas::of_input::<T>();
    let shape = Arc::new(Shape::compile(&schema, &definitions)?);
    SHAPES.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&shape));
    Ok(shape)
}

/// Whether requests can be checked against the type, which the document is about to show.
pub(super) fn is_checkable<T: Input>() -> bool {
    let shape = shape_of::<T>();
    if let Err(why) = &shape {
        tracing::error!(input = std::any::type_name::<T>(), %why, "the schema of an input cannot be checked");
    }
    shape.is_ok()
}
