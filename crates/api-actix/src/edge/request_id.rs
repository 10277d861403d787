//! Chooses the id of a request.

use actix_web::http::header::{HeaderMap, HeaderName};
use domain::id::IdGenerator;

/// The header that contains the id, in requests and in responses.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

/// Returns the id that the client sent, if it is well-formed, otherwise a new one.
pub(super) fn choose(headers: &HeaderMap, ids: &dyn IdGenerator) -> String {
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_well_formed(id))
        .map_or_else(|| ids.uuid().to_string(), str::to_owned)
}

fn is_well_formed(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_LENGTH
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_well_formed;

    #[test]
    fn only_short_plain_ids_are_accepted() {
        assert!(is_well_formed("a.B_9-"));
        for bad in ["", "a b", "a\"b", "é", "<script>", &"a".repeat(129)] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
