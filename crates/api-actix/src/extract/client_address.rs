//! Whose request it is, as far as the network can tell.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, X_FORWARDED_FOR},
};
use domain::network::Network;
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};

use super::api_of;

/// The client's address: the other end of the connection, unless that is a proxy that we trust to say for whom it
/// asks (`TRUSTED_PROXIES`). `None` when the connection has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl ClientAddress {
    /// Tells it from the request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let trusted = api_of(request).ok();
        let trusted = trusted.as_ref().map_or(&[][..], |api| &api.settings.trusted_proxies);
        Self(request.peer_addr().map(|peer| behind_proxies(peer.ip(), request.headers(), trusted)))
    }
}

/// Walks `X-Forwarded-For` from its end, where each proxy adds whom it was asked by, for as long as the one who says so
/// is trusted. What stands before an entry that cannot be read is not believed.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let mut entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while trusted.iter().any(|network| network.contains(client)) {
        // A list may have empty places (RFC 9110, 5.6.1).
        let Some(entry) = entries.by_ref().map(<[u8]>::trim_ascii).find(|entry| !entry.is_empty()) else {
            break;
        };
        let Some(address) = address_in(entry) else { break };
        client = address.to_canonical();
    }
    client
}

/// The address of an entry: bare, in brackets, with or without a port.
fn address_in(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl Apiv2Schema for ClientAddress {}
impl OperationModifier for ClientAddress {}

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
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(client("203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_walk_ends_at_the_first_hop_that_is_not_trusted() {
        assert_eq!(client("10.0.0.1", &["192.0.2.66, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.66, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(client("10.0.0.1", &["192.0.2.66", "192.0.2.1, 10.0.0.3", "10.0.0.2"]), "192.0.2.1");
    }

    #[test]
    fn every_spelling_of_an_address_is_understood() {
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
    fn what_cannot_be_read_ends_the_walk() {
        for entry in ["unknown", "192.0.2.1:x", "[2001:db8::1", "192.0.2", "_secret", "é", "\"192.0.2.1\""] {
            assert_eq!(client("10.0.0.1", &[entry]), "10.0.0.1", "{entry}");
            assert_eq!(client("10.0.0.1", &["192.0.2.1", entry, "10.0.0.2"]), "10.0.0.2", "{entry}");
        }
    }
}
