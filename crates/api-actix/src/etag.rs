//! Entity tags, and answers that are not sent again (RFC 9110, 8.8.3 and 13).

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};

/// The tag of a representation that is the same byte for byte: the version of what is shown, and what is shown.
pub(crate) fn strong(version: i64, body: &[u8]) -> String {
    format!("\"{version}-{:016x}\"", digest(body))
}

/// The tag of a representation that means the same.
pub(crate) fn weak(body: &[u8]) -> String {
    format!("W/\"{:016x}\"", digest(body))
}

/// Whether the caller has this representation already (weak comparison, as `If-None-Match` wants it).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|sent| {
            let sent = sent.trim();
            sent == "*" || sent.strip_prefix("W/").unwrap_or(sent) == opaque
        })
}

// It tells states of one thing apart, nothing more; it holds no secret and need not withstand an attacker.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};

    use super::*;

    fn sent(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_known_tag_is_found_in_lists_and_whether_weak_or_strong() {
        let tag = strong(3, b"body");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            assert!(is_known(&sent(&known), &tag), "{known}");
        }
        assert!(is_known(&sent(&weak(b"body")), &weak(b"body")));
        assert!(!is_known(&sent(&strong(4, b"body")), &tag));
        assert!(!is_known(&sent("\"\""), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }
}
