//! Parses the JSON that Stripe sends.

use serde::de::DeserializeOwned;

/// The JSON escape of U+0000.
const NUL: &[u8] = br"\u0000";

/// The JSON escape that replaces `NUL`.
const REPLACEMENT: &[u8] = br"\ufffd";

/// Parses JSON, and replaces U+0000 with U+FFFD in all strings, because PostgreSQL cannot store U+0000.
///
/// # Errors
/// When the bytes are not valid JSON, or not the JSON of a `T`.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    if json.windows(NUL.len()).any(|part| part == NUL) {
        serde_json::from_slice(&without_nul(json))
    } else {
        serde_json::from_slice(json)
    }
}

fn without_nul(json: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(json.len());
    let mut rest = json;
    while !rest.is_empty() {
        let length = match rest {
            _ if rest.starts_with(NUL) => NUL.len(),
            // Copies a whole escape, so that the second backslash of `\\` does not start a new escape.
            [b'\\', _, ..] => 2,
            _ => 1,
        };
        let (part, further) = rest.split_at(length);
        replaced.extend_from_slice(if part == NUL { REPLACEMENT } else { part });
        rest = further;
    }
    replaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn only_an_escaped_nul_is_replaced() {
        for (json, text) in [
            (r#""a\u0000b\u0000""#, "a\u{fffd}b\u{fffd}"),
            (r#""\\u0000""#, r"\u0000"),
            (r#""\\\u0000""#, "\\\u{fffd}"),
            (r#""\"\u0000é\u00000""#, "\"\u{fffd}é\u{fffd}0"),
        ] {
            assert_eq!(parse::<String>(json.as_bytes()).unwrap(), text, "{json}");
        }
        for json in ["", "\"\u{0}\"", r#""\u0000"#, r#""\u0000\"#, r#""\ud83d\u0000""#] {
            assert!(parse::<Value>(json.as_bytes()).is_err(), "{json:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_with_nul_replaced(text in "[\\x00\\\\u0\"é🎬]{0,20}") {
            let json = serde_json::to_vec(&text).unwrap();
            prop_assert_eq!(parse::<String>(&json).unwrap(), text.replace('\0', "\u{fffd}"));
        }
    }
}
