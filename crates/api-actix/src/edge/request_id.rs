//! Names every request.

use actix_web::http::header::{HeaderMap, HeaderName};
use domain::id::IdGenerator;

/// The header that brings and returns the name.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

/// The name that the caller gave, when it is a sane one, else a new one.
pub(crate) fn chosen(headers: &HeaderMap, ids: &dyn IdGenerator) -> String {
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|name| is_sane(name))
        .map_or_else(|| ids.uuid().to_string(), str::to_owned)
}

fn is_sane(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn only_short_plain_names_are_echoed() {
        assert!(is_sane("a.B_9-"));
        for bad in ["", "a b", "a\"b", "é", "<script>", &"a".repeat(129)] {
            assert!(!is_sane(bad), "{bad}");
        }
    }
}
