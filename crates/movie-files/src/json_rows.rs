use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, error::Category};

use crate::{
    columns::Columns,
    encoding::{RowEncoding, RowEncodings, TextEncoding},
    error::MovieFileError,
    facts::{Cell, Cells, read_facts},
    field::Field,
    json_values::{JsonArray, JsonLines, RawValue},
    lines::is_line_end,
    numbers::NumberStyle,
    options::ReadOptions,
    printable::{quoted, short},
    row::{Row, UnreadableRow},
    source::Source,
};

/// The maximum number of ignored keys whose names are kept.
const MAX_IGNORED: usize = 50;

/// The rows of a file of JSON objects.
pub(crate) struct JsonRows {
    values: JsonValues,
    encodings: RowEncodings,
    options: ReadOptions,
    ignored: Vec<String>,
}

enum JsonValues {
    Lines(JsonLines),
    Array(JsonArray),
}

impl JsonRows {
    pub(crate) fn new(source: Source, options: ReadOptions) -> Self {
        let encodings = RowEncodings::new(source.encoding);
        let values = if source.head.trim_ascii_start().starts_with(b"[") {
            JsonValues::Array(JsonArray::new(source.text))
        } else {
            JsonValues::Lines(JsonLines::new(source.text))
        };
        Self { values, encodings, options, ignored: Vec::new() }
    }

    pub(crate) const fn is_array(&self) -> bool {
        matches!(self.values, JsonValues::Array(_))
    }

    pub(crate) const fn encodings(&self) -> &RowEncodings {
        &self.encodings
    }

    /// The names of the keys that contain no field in the rows so far, at most the first [`MAX_IGNORED`].
    pub(crate) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row>, MovieFileError> {
        let value = match &mut self.values {
            JsonValues::Lines(lines) => lines.next()?,
            JsonValues::Array(array) => array.next()?,
        };
        Ok(value.map(|value| self.row(value)))
    }

    fn row(&mut self, value: RawValue) -> Row {
        let RawValue { line, bytes } = value;
        let Some(bytes) = bytes else {
            let facts = Err(UnreadableRow::new("is longer than 1 MiB"));
            return Row { line, name: None, raw: Vec::new(), facts };
        };
        let bytes = bytes.trim_ascii();
        let text = match self.encodings.of(bytes) {
            Ok(RowEncoding::Utf8) => String::from_utf8_lossy(bytes),
            Ok(RowEncoding::Windows1252) => TextEncoding::WINDOWS_1252.decode(bytes),
            Err(reason) => {
                return Row {
                    line,
                    name: None,
                    raw: one_line(bytes),
                    facts: Err(UnreadableRow::new(reason)),
                };
            }
        };
        let raw = one_line(text.as_bytes());
        let object = match serde_json::from_str(&text) {
            Ok(object) => object,
            Err(error) => {
                let reason = if error.classify() == Category::Data {
                    format!("{} is not a JSON object", short(&text))
                } else {
                    format!("cannot be read as JSON from byte {} on", error.column())
                };
                return Row { line, name: None, raw, facts: Err(UnreadableRow::new(reason)) };
            }
        };
        let (cells, repeated) = cells(object, &self.options.columns, &mut self.ignored);
        let name = cells.cells(Field::Name).next().and_then(|name| match name {
            Cell::Text(name) => Some(name.trim().to_owned()),
            Cell::Json(_) => None,
        });
        let facts = match repeated {
            Some(key) => Err(UnreadableRow::new(format!("has {} twice", quoted(&key)))),
            None => read_facts(&cells, &self.options, NumberStyle::DecimalPoint),
        };
        Row { line, name, raw, facts }
    }
}

/// Returns the values of fields, and the key of a field that occurs several times in the object, if any. Adds the
/// keys that contain no field to `ignored`, up to [`MAX_IGNORED`] keys.
fn cells<'a>(
    object: Object,
    columns: &'a Columns,
    ignored: &mut Vec<String>,
) -> (JsonCells<'a>, Option<String>) {
    let mut values: Vec<(String, Value)> = Vec::new();
    let mut repeated = None;
    for (key, value) in object.0 {
        if columns.are_of_a_field(&key) {
            if values.iter().any(|(known, _)| *known == key) {
                repeated = Some(key);
            } else {
                values.push((key, value));
            }
        } else if ignored.len() < MAX_IGNORED && !ignored.contains(&key) {
            ignored.push(key);
        }
    }
    (JsonCells { values, columns }, repeated)
}

fn one_line(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.iter().map(|byte| if is_line_end(*byte) { b' ' } else { *byte });
    bytes.chain(*b"\n").collect()
}

struct JsonCells<'a> {
    values: Vec<(String, Value)>,
    columns: &'a Columns,
}

impl Cells for JsonCells<'_> {
    fn cells(&self, field: Field) -> impl Iterator<Item = Cell<'_>> {
        self.columns.of(field).into_iter().filter_map(|column| {
            let (_, value) = self.values.iter().find(|(key, _)| key == column)?;
            Some(value.into())
        })
    }
}

/// The keys and values of a JSON object in their order, including repeated keys.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}
