use std::net::Ipv6Addr;

/// The maximum length of an address, in characters.
const MAX_LENGTH: usize = 2_000;

/// Whether the text is an absolute address that a page can link to or load: `http` or `https`, with a host, without
/// user name and password, and without characters that end an attribute or a line.
pub(super) fn is_web_address(text: &str) -> bool {
    let ends = |character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, '"' | '<' | '>' | '\\')
    };
    if text.chars().count() > MAX_LENGTH || text.contains(ends) {
        return false;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && is_authority(authority)
}

fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some((host, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host.parse::<Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    match text.split_once(':') {
        Some((host, port)) => is_host_name(host) && is_port(port),
        None => is_host_name(text),
    }
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'))
    };
    text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::is_web_address;

    #[test]
    fn web_addresses_are_accepted() {
        for address in [
            "https://m.media.example/images/a,b@@._V1_.jpg",
            "http://localhost:8000/p?a=1&b=é#top",
            "HTTPS://Bücher.example",
            "https://example.com.?x",
            "https://192.0.2.1/p.jpg",
            "https://[2001:db8::1]/p.jpg",
            "https://[::1]:65535",
        ] {
            assert!(is_web_address(address), "{address}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "p.jpg",
            "/p.jpg",
            "//example.com/p.jpg",
            "javascript:alert(1)",
            "javascript://example.com/%0aalert(1)",
            "data:image/png;base64,AAAA",
            "ftp://example.com/p.jpg",
            "https:example.com",
            "https:/example.com",
            "https://",
            "https:///p.jpg",
            "https://?p",
            "https://:80/p.jpg",
            "https://ann:secret@example.com/p.jpg",
            "https://a..b/p.jpg",
            "https://ex%61mple.com/p.jpg",
            "https://example.com:/p.jpg",
            "https://example.com:+80/p.jpg",
            "https://example.com:65536/p.jpg",
            "https://[2001:db8::1/p.jpg",
            "https://[::g]/p.jpg",
            "https://[::1]80/p.jpg",
            "https://example.com/a b.jpg",
            "https://example.com/a\nb.jpg",
            "https://example.com/\"onload=",
            "https://example.com/<script>",
            "https://example.com\\@evil.example",
        ] {
            assert!(!is_web_address(text), "{text}");
        }
    }

    #[test]
    fn an_address_has_2_000_characters_at_most() {
        let address = |length: usize| format!("https://é.example/{}", "é".repeat(length - 18));
        assert!(is_web_address(&address(2_000)));
        assert!(!is_web_address(&address(2_001)));
    }
}
