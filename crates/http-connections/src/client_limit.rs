//! Limits the number of open connections of each client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::network::Network;
use tokio::time::Instant;

/// The minimum time between two warnings in the log about refused connections.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Limits the number of open connections of each client. Clones share the counts.
///
/// A client is an IPv4 address, or the /64 network of an IPv6 address. Trusted proxies are not limited, because the
/// connections of all their clients come from the proxy's address.
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

/// The permit for one open connection. The connection is counted until the permit is dropped, so the permit must be
/// dropped when the connection is closed.
#[derive(Debug)]
pub struct ConnectionPermit {
    /// The client of the connection, and the counts; `None` for a trusted proxy, whose connections are not counted.
    counted: Option<(Network, Arc<Mutex<Open>>)>,
}

impl ConnectionLimit {
    /// Creates a limit of `most` connections per client. The proxies in `trusted` are not limited.
    #[must_use]
    pub fn new(most: usize, trusted: &[Network]) -> Self {
        Self { most, trusted: trusted.into(), open: Arc::default() }
    }

    /// Returns a permit for another connection from this address; `None` when the client already has the maximum
    /// number.
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
                tracing::warn!(%client, most = self.most, "a client has too many connections; new ones are closed");
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
    fn the_connections_of_each_client_are_limited_separately() {
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
    fn the_addresses_of_an_ipv6_64_network_are_one_client() {
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
