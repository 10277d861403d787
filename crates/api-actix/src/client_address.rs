//! Finds the network address of the client behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    HttpRequest,
    http::header::{HeaderMap, X_FORWARDED_FOR},
};
use domain::network::Network;

/// Returns the address of the client: the peer of the connection, or the address that a trusted proxy
/// (`TRUSTED_PROXIES`) reports in `X-Forwarded-For`. `None` when the connection has no address.
pub(crate) fn client_address(request: &HttpRequest, trusted: &[Network]) -> Option<IpAddr> {
    request.peer_addr().map(|peer| behind_proxies(peer.ip(), request.headers(), trusted))
}

/// Returns the address of the client. Reads `X-Forwarded-For` from its end, because each proxy appends the address of
/// its own client. Reading begins if the peer of the connection is a trusted proxy, and continues while the address
/// that was read last is a trusted proxy. It stops before an entry that is not an address. The address that was read
/// last is the client; if none was read, the peer is the client.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let mut entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while trusted.iter().any(|network| network.contains(client)) {
        // A list may have empty elements (RFC 9110, section 5.6.1).
        let Some(entry) = entries.by_ref().map(<[u8]>::trim_ascii).find(|entry| !entry.is_empty()) else {
            break;
        };
        let Some(address) = address_in(entry) else { break };
        client = address.to_canonical();
    }
    client
}

/// Parses the address of an entry: plain or in brackets, with or without a port.
fn address_in(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<Network> = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        behind_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_header_is_used_only_if_the_peer_is_a_trusted_proxy() {
        assert_eq!(client("203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_not_a_trusted_proxy_is_the_client() {
        assert_eq!(client("10.0.0.1", &["192.0.2.66, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.66, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn several_header_lines_are_one_list() {
        assert_eq!(client("10.0.0.1", &["192.0.2.66", "192.0.2.1, 10.0.0.3", "10.0.0.2"]), "192.0.2.1");
    }

    #[test]
    fn an_entry_may_have_brackets_a_port_and_white_space() {
        for (entry, address) in [
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            (" \t192.0.2.1 ,, ", "192.0.2.1"),
            ("192.0.2.1,[fd00::1]:80", "192.0.2.1"),
        ] {
            assert_eq!(client("fd00::9", &[entry]), address, "{entry}");
        }
    }

    #[test]
    fn reading_stops_before_an_entry_that_is_not_an_address() {
        for entry in ["unknown", "192.0.2.1:x", "[2001:db8::1", "192.0.2", "_secret", "é", "\"192.0.2.1\""] {
            assert_eq!(client("10.0.0.1", &[entry]), "10.0.0.1", "{entry}");
            assert_eq!(client("10.0.0.1", &["192.0.2.1", entry, "10.0.0.2"]), "10.0.0.2", "{entry}");
        }
    }
}
