//! Parses URLs and origins.

use url::Url;

/// Splits a URL into its origin and its path. The path begins with the first `/` after `://`, and is empty if there
/// is none. `None` if the text has no `://`.
pub(super) fn split_origin(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let origin = scheme.len().checked_add(3)?.checked_add(end)?;
    text.split_at_checked(origin)
}

/// Returns the origin that browsers send for this URL (`Origin: https://shop.example.com`): in lower case, in Punycode
/// and without the default port. `None` when the text is not a URL with `http` or `https`, or has a path, a query, a
/// fragment or a user.
pub(super) fn origin_of(text: &str) -> Option<String> {
    // The URL parser ignores blanks and accepts backslashes as slashes, but a text with them is a mistake.
    if text
        .contains(|character: char| character.is_whitespace() || character.is_control() || character == '\\')
    {
        return None;
    }
    let (scheme, _) = text.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let url = Url::parse(text).ok().filter(|_| is_web)?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| is_bare && is_anonymous)?;
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte));
    (is_host && url.port() != Some(0)).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, sent) in [
            ("https://shop.example.com", "https://shop.example.com"),
            ("https://Shop.Example.com", "https://shop.example.com"),
            ("HTTPS://shop.example.com:443/", "https://shop.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("https://k\u{ef}no.example", "https://xn--kno-zma.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(origin_of(text).as_deref(), Some(sent), "{text}");
        }
    }

    #[test]
    fn texts_that_no_browser_sends_are_not_origins() {
        for text in [
            "*",
            "null",
            "shop.example.com",
            "ftp://shop.example.com",
            "https://",
            "https://shop.example.com/path",
            "https://shop.example.com?x=1",
            "https://shop.example.com#x",
            "https://ann@shop.example.com",
            "https://*.example.com",
            "https://shop.example.com:0",
            "https://shop.example.com:99999",
            "https:\\\\shop.example.com",
            "https://shop example.com",
        ] {
            assert_eq!(origin_of(text), None, "{text}");
        }
    }
}
