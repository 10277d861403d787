//! Limits the number of open connections of each client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::network::Network;
use tokio::time::Instant;

/// The minimum time between warnings about refused connections in the log.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Limits the open connections of each client; clones share the count.
///
/// A client is an IPv4 address or the /64 of an IPv6 address. Trusted proxies are not limited: the connections of all
/// their clients come from one address.
#[derive(Debug, Clone)]
pub struct ConnectionLimit {
    most: usize,
    trusted: Arc<[Network]>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    of_clients: HashMap<Network, usize>,
    warned_at: Option<Instant>,
}

/// One open connection; dropped when it is closed.
#[derive(Debug)]
pub struct ConnectionPermit {
    counted: Option<(Network, Arc<Mutex<Open>>)>,
}

impl ConnectionLimit {
    /// Creates a limit of this many connections per client, except for these proxies.
    #[must_use]
    pub fn new(most: usize, trusted: &[Network]) -> Self {
        Self { most, trusted: trusted.into(), open: Arc::default() }
    }

    /// Returns a permit for one more connection from this address, unless the client has too many.
    #[must_use]
    pub fn admit(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        if self.trusted.iter().any(|network| network.contains(peer)) {
            return Some(ConnectionPermit { counted: None });
        }
        let client = Network::of_client(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.of_clients.entry(client).or_default();
        if *count >= self.most {
            if open.warned_at.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                open.warned_at = Some(Instant::now());
                tracing::warn!(%client, most = self.most, "a client has too many connections; more are closed");
            }
            return None;
        }
        *count = count.saturating_add(1);
        Some(ConnectionPermit { counted: Some((client, Arc::clone(&self.open))) })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some((client, open)) = self.counted.take() else { return };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.of_clients.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.of_clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_connections_of_a_client_are_limited_without_affecting_others() {
        let limit = ConnectionLimit::new(2, &[]);
        let first = limit.admit(ip("192.0.2.1")).unwrap();
        let second = limit.clone().admit(ip("::ffff:192.0.2.1")).unwrap();
        assert!(limit.admit(ip("192.0.2.1")).is_none());
        let other = limit.admit(ip("192.0.2.2")).unwrap();
        drop(first);
        let third = limit.admit(ip("192.0.2.1")).unwrap();
        assert!(limit.admit(ip("192.0.2.1")).is_none());
        drop((second, third, other));
        assert!(limit.open.lock().unwrap().of_clients.is_empty(), "no state of disconnected clients is kept");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_client() {
        let limit = ConnectionLimit::new(1, &[]);
        let _first = limit.admit(ip("2001:db8::1")).unwrap();
        assert!(limit.admit(ip("2001:db8::ffff")).is_none());
        assert!(limit.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn trusted_proxies_are_not_limited() {
        let limit = ConnectionLimit::new(0, &["10.0.0.0/8".parse().unwrap()]);
        let permits: Vec<_> = (0..10).map(|_| limit.admit(ip("10.0.0.1"))).collect();
        assert!(permits.iter().all(Option::is_some));
        assert!(limit.admit(ip("192.0.2.1")).is_none());
    }
}
