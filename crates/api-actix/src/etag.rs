//! Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13).

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};

use crate::edge::compression::CODINGS;

/// Creates a strong tag from the version, the body and its content coding. Responses with different bytes must have
/// different strong tags (RFC 9110, section 8.8.3.3), so the tag also depends on the coding.
pub(crate) fn strong(version: i64, body: &[u8], coding: Option<&str>) -> String {
    let (mark, coding) = coding.map_or(("", ""), |coding| ("-", coding));
    format!("\"{version}-{:016x}{mark}{coding}\"", digest(body))
}

/// Creates a weak tag from the body.
pub(crate) fn weak(body: &[u8]) -> String {
    format!("W/\"{:016x}\"", digest(body))
}

/// Returns the tag of the representation that the caller already has according to `If-None-Match`: the given tag
/// (which `*` also matches), or else a tag that differs only in its content coding. Tags are compared weakly. `None`
/// means that the caller does not have the representation.
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

/// Returns the versions in the strong tags of `If-Match`; `None` when the header is missing or names any version (`*`).
/// A tag that does not begin with a version is ignored.
pub(crate) fn expected_versions(headers: &HeaderMap) -> Option<Vec<i64>> {
    let tags: Vec<&str> = headers
        .get_all(IF_MATCH)
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    if tags.is_empty() || tags.contains(&"*") {
        return None;
    }
    let version = |tag: &&str| {
        let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
        inner.split_once('-').map_or(inner, |(version, _)| version).parse().ok()
    };
    Some(tags.iter().filter_map(version).collect())
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Returns the content of a tag without its quotes and its coding; `None` when the text is not a tag.
fn uncoded(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    match inner.rsplit_once('-') {
        Some((rest, coding)) if CODINGS.contains(&coding) => Some(rest),
        _ => Some(inner),
    }
}

// The hash only distinguishes the states of one resource, so it does not have to be cryptographic.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};

    use super::*;

    fn sent(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_known_tag_is_found_in_a_list_and_compared_weakly() {
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
    fn only_the_versions_of_strong_tags_are_expected() {
        let expected = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
            }
            expected_versions(&headers)
        };
        let tag = strong(3, b"body", Some("gzip"));
        assert_eq!(expected(&[&tag]), Some(vec![3]));
        assert_eq!(expected(&[&format!("{tag} , \"x\""), "\"4\""]), Some(vec![3, 4]));
        assert_eq!(expected(&[&format!("W/{tag}")]), Some(vec![]));
        assert_eq!(expected(&["3"]), Some(vec![]));
        assert_eq!(expected(&[""]), Some(vec![]));
        assert_eq!(expected(&["*"]), None);
        assert_eq!(expected(&[]), None);
    }

    #[test]
    fn a_tag_that_differs_only_in_its_content_coding_matches() {
        let (plain, packed) = (strong(3, b"body", None), strong(3, b"body", Some("gzip")));
        assert_ne!(plain, packed);
        assert_eq!(known(&sent(&packed), &plain), Some(packed.clone()));
        assert_eq!(known(&sent(&plain), &packed), Some(plain.clone()));
        assert_eq!(known(&sent(&format!("{plain}, {packed}")), &packed), Some(packed.clone()));
        assert_eq!(known(&sent(&strong(3, b"other", Some("gzip"))), &plain), None);
        assert_eq!(known(&sent(&packed.replace("gzip", "7zip")), &plain), None);
    }
}
