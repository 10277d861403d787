//! Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13).

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};

use crate::edge::compression::CODINGS;

/// A strong tag, which is equal only for equal bytes: of the version, the body and its content coding (RFC 9110, section
/// 8.8.3.3).
pub(crate) fn strong(version: i64, body: &[u8], coding: Option<&str>) -> String {
    let (mark, coding) = coding.map_or(("", ""), |coding| ("-", coding));
    format!("\"{version}-{:016x}{mark}{coding}\"", digest(body))
}

/// A weak tag, of the body alone.
pub(crate) fn weak(body: &[u8]) -> String {
    format!("W/\"{:016x}\"", digest(body))
}

/// The tag in `If-None-Match` that stands for this representation in any content coding (weak comparison): this very tag
/// when it was sent, `None` when the caller does not have the representation.
pub(crate) fn known(headers: &HeaderMap, tag: &str) -> Option<String> {
    let sent: Vec<&str> = headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .collect();
    if sent.iter().any(|sent| *sent == "*" || opaque(sent) == opaque(tag)) {
        return Some(tag.to_owned());
    }
    let same = uncoded(opaque(tag))?;
    sent.into_iter().map(opaque).find(|sent| uncoded(sent) == Some(same)).map(str::to_owned)
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A tag without its coding; `None` when it is not a tag.
fn uncoded(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    match inner.rsplit_once('-') {
        Some((rest, coding)) if CODINGS.contains(&coding) => Some(rest),
        _ => Some(inner),
    }
}

// It only distinguishes states of one resource; it need not be cryptographic.
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
        let tag = strong(3, b"body", None);
        for sent_tag in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            assert_eq!(known(&sent(&sent_tag), &tag), Some(tag.clone()), "{sent_tag}");
        }
        assert!(known(&sent(&weak(b"body")), &weak(b"body")).is_some());
        assert_eq!(known(&sent(&strong(4, b"body", None)), &tag), None);
        assert_eq!(known(&sent("\"\""), &tag), None);
        assert_eq!(known(&HeaderMap::new(), &tag), None);
    }

    #[test]
    fn what_is_known_in_another_coding_is_known_by_its_own_tag() {
        let (plain, packed) = (strong(3, b"body", None), strong(3, b"body", Some("gzip")));
        assert_ne!(plain, packed);
        assert_eq!(known(&sent(&packed), &plain), Some(packed.clone()));
        assert_eq!(known(&sent(&plain), &packed), Some(plain.clone()));
        assert_eq!(known(&sent(&format!("{plain}, {packed}")), &packed), Some(packed.clone()));
        assert_eq!(known(&sent(&strong(3, b"other", Some("gzip"))), &plain), None);
        assert_eq!(known(&sent(&packed.replace("gzip", "7zip")), &plain), None);
    }
}
