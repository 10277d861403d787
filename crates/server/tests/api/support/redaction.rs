//! Compares complete bodies with snapshots. Values that differ between runs are replaced by placeholders. Before that,
//! the format of each of these values is checked, except for the identifier of the request.

use serde_json::Value;
use uuid::{Uuid, Version};

/// Returns the value with every identifier, every instant, and the server's URL in every problem type replaced by a
/// placeholder. Asserts that identifiers are UUIDv7, and that instants are in UTC.
pub(crate) fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(renamed(text)),
        Value::Array(items) => Value::Array(items.iter().map(redacted).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let value = if name == "request_id" { "[request_id]".into() } else { redacted(value) };
                    (name.clone(), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn renamed(text: &str) -> String {
    if let Ok(id) = Uuid::try_parse(text) {
        assert_eq!(id.get_version(), Some(Version::SortRand), "{text} is no UUIDv7");
        return "[id]".to_owned();
    }
    if let Ok(instant) = chrono::DateTime::parse_from_rfc3339(text) {
        assert!(text.ends_with('Z'), "{text} is not in UTC");
        assert_eq!(instant.offset().local_minus_utc(), 0);
        return "[instant]".to_owned();
    }
    if let Some((address, slug)) = text.split_once("/problems/") {
        assert!(address.starts_with("http://"), "{text} is not absolute");
        return format!("[server]/problems/{slug}");
    }
    text.to_owned()
}

/// Compares a body with its inline snapshot, which is the same on both databases.
macro_rules! snapshot {
    ($value:expr, @$snapshot:literal) => {{
        let value = $crate::support::redacted(&$value);
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(value, @$snapshot)
        }
    }};
}
pub(crate) use snapshot;
