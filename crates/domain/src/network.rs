//! Networks of IP addresses.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network, such as `10.0.0.0/8`. A single address is a network with one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// The text does not have the form `address` or `address/prefix`, with a prefix of 0 to 255.
    #[error("is not a network")]
    Malformed,
    /// The prefix has more bits than an address.
    #[error("has a prefix that is too long")]
    PrefixTooLong,
}

/// How many leading bits of an IPv6 address identify a client. The client can choose the other bits.
const CLIENT_PREFIX_V6: u8 = 64;

impl Network {
    /// The network that identifies a client: its IPv4 address, or the /64 of its IPv6 address.
    #[must_use]
    pub fn of_client(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefix = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => CLIENT_PREFIX_V6,
        };
        Self { address: masked(address, prefix), prefix }
    }

    /// Whether the network contains the address. An IPv4 address equals its IPv6 form (`::ffff:10.0.0.1`).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

/// The address with all bits after the first `prefix` bits cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Malformed)?;
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| InvalidNetwork::Malformed)?;
        if prefix > bits {
            return Err(InvalidNetwork::PrefixTooLong);
        }
        // An IPv4 network in its IPv6 form becomes a plain IPv4 network, because addresses are compared in canonical
        // form.
        let (address, prefix) = match (address.to_canonical(), prefix.checked_sub(96)) {
            (canonical, Some(prefix)) if canonical != address => (canonical, prefix),
            _ => (address, prefix),
        };
        Ok(Self { address: masked(address, prefix), prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_the_addresses_that_share_its_first_bits() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.1", "9.255.255.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.1", "11.0.0.1"),
        ] {
            assert!(network(text).contains(address(inside)), "{inside} in {text}");
            assert!(!network(text).contains(address(outside)), "{outside} in {text}");
        }
    }

    #[test]
    fn a_network_with_prefix_zero_contains_all_addresses_of_its_kind() {
        assert!(network("0.0.0.0/0").contains(address("203.0.113.9")));
        assert!(!network("0.0.0.0/0").contains(address("2001:db8::1")));
        assert!(network("::/0").contains(address("2001:db8::1")));
        assert!(!network("::/0").contains(address("203.0.113.9")));
    }

    #[test]
    fn invalid_networks_are_refused() {
        for text in ["", "10.0.0.0/", "10.0.0/8", "10.0.0.0/x", "host/8", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork::Malformed), "{text}");
        }
        for text in ["10.0.0.0/33", "::/129"] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork::PrefixTooLong), "{text}");
        }
        assert_eq!(network("10.1.2.3/8").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        for (one, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("2001:db8::1", "2001:db8:0:0:ffff::9", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let same = Network::of_client(address(one)) == Network::of_client(address(other));
            assert_eq!(same, is_same, "{one} and {other}");
        }
    }
}
